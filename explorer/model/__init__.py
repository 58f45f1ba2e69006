"""Plain values and pure functions that every other room shares; nothing but the standard library."""
