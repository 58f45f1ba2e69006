"""Editing: one edit at a time, its states, its drafts on disk, and deletions."""
