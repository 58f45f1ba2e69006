"""The stores: one contract (`base`), a room for each, and what all share (`registry`, `watching`, `retry`, `tasks`)."""

import logging

logging.getLogger("explorer").addHandler(logging.NullHandler())  # else Python writes warnings to the terminal
