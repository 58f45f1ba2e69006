"""Stores as data to compute with: frames of entries and locks, changes over time. The extra `keyscope[data]`."""
