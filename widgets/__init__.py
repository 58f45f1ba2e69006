"""Notebook views of the explorer's live state; they share its session and never touch a driver."""
