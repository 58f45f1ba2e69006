"""Failure of a cell, in a page or in a kernel without one."""


class CellError(Exception):
    """A cell raised; the message is its traceback."""
