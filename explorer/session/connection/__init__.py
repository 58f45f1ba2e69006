"""The live connection: reconnecting, watching, and proof of liveness."""
