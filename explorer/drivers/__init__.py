"""The stores: one contract (`base`), a room for each, and what all share (`registry`, `watching`, `retry`, `tasks`)."""
