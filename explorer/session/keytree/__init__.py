"""Key tree: levels loaded lazily and kept by events, visible rows found in microseconds, marks, and the filter."""
