"""The tree of keys: lazy levels, events applied to what is known, rows found in microseconds, marks and the filter."""
