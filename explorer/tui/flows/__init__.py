"""Flows: the dialogs and session calls of one action."""
