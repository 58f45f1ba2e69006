"""Codecs between the bytes of a value and the text that a person edits; schemas, and rules from keys to message types.

All calls block; the session decodes large values in a thread.
"""
