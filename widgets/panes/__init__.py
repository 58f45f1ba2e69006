"""Panes: what a view shows of each part of the session, and the actions on it."""
