"""Values that are text or raw bytes: JSON, YAML, plain text and hex."""
