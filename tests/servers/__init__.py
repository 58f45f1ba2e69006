"""Real servers for the tests: where they come from, how they are started, hurt and stopped."""
