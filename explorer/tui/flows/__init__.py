"""Flows: sequences of dialogs and session calls behind one action."""
