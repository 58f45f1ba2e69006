"""Values and pure functions shared by all layers; imports the standard library only."""
