"""Changing what is stored: the machine of one edit, its drafts, and what goes for good."""
