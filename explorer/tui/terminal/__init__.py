"""Terminal input and output below Textual: decoding, sanitising, garbage collection."""
