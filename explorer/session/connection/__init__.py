"""Being connected: the link in the background, the watch that is followed, and what is proved to be live."""
