"""The terminal app: Textual views of a session."""

import os

os.environ.setdefault("TEXTUAL_FPS", "120")  # Textual reads it once; a key just after a drawing waits for the next one
