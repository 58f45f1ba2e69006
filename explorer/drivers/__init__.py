"""The stores: one contract (`base`), one room per store, and what they all share (`registry`, `watching`, `retry`, `tasks`)."""
