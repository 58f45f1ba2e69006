"""Syntaxes of files that hold many values: each edits one value and leaves every other byte as it is."""
