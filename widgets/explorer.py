"""The widgets: all panes together, and each pane alone."""

from functools import cached_property

from widgets.base import SessionWidget


class KeyTree(SessionWidget):
    """The tree of keys."""

    PANES = ("tree",)


class ValueView(SessionWidget):
    """The value of the selected key, with metadata and history; it changes nothing."""

    PANES = ("value",)
    CAN_EDIT = False


class ValueEditor(ValueView):
    """The value of the selected key, to be edited."""

    CAN_EDIT = True


class LockInspector(SessionWidget):
    """Locks with their holders and waiters."""

    PANES = ("locks",)


class ChangeLog(SessionWidget):
    """Log of the changes since the widget was opened."""

    PANES = ("changes",)


class Explorer(SessionWidget):
    """A store: keys, value, locks and changes. Its other widgets share its session and follow its selection."""

    PANES = ("tree", "value", "locks", "changes")

    @cached_property
    def key_tree(self) -> KeyTree:
        """The tree of keys alone."""
        return KeyTree(self._live)

    @cached_property
    def value_view(self) -> ValueView:
        """The value alone."""
        return ValueView(self._live)

    @cached_property
    def value_editor(self) -> ValueEditor:
        """The value alone, to be edited."""
        return ValueEditor(self._live)

    @cached_property
    def lock_inspector(self) -> LockInspector:
        """The locks alone."""
        return LockInspector(self._live)

    @cached_property
    def change_log(self) -> ChangeLog:
        """The change log alone."""
        return ChangeLog(self._live)
