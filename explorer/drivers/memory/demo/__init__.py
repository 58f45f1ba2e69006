"""The demo: a memory store that is seeded with believable content and changes by itself."""
