"""Dialogs: modal screens that return one answer."""
