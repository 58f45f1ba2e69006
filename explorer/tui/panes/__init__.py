"""The panes of the browse screen: each shows one part of the session and holds no data of the store itself."""
