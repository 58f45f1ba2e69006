"""The terminal app: Textual views of a session."""
