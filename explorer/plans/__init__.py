"""Sets of guarded changes: made, shown, saved to a file, applied and undone by one engine."""
