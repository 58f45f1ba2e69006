"""Results that a person asked for: found keys, differences to another side, and the journal."""
