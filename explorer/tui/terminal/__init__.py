"""Terminal input and output below Textual: decoding, sanitising, resizing, garbage collection."""
