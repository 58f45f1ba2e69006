"""Widgets that need no session."""
