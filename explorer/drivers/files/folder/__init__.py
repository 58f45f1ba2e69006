"""A plain folder as a tree: a file is a key, its bytes are the value."""
