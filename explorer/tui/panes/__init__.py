"""The panes of the browse screen: each shows one part of the session and holds nothing of the store itself."""
