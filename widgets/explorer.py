"""The widgets: all panes together, and each pane alone."""

from collections.abc import Sequence
from functools import cached_property

from explorer.session.results.comparison import ComparisonRequest
from explorer.session.results.finder import FindRequest
from explorer.session.results.journal_list import JournalFilter
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


class HitList(SessionWidget):
    """Found keys; a double click goes to one in the tree."""

    PANES = ("hits",)


class DifferenceList(SessionWidget):
    """Keys that differ from another side."""

    PANES = ("differences",)


class JournalView(SessionWidget):
    """This person's changes."""

    PANES = ("journal",)


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

    # Lists of results

    def find(self, key: str = "", *, value: str = "", prefix: str = "", regex: bool = False) -> HitList:
        """Search keys and values, also those that are not loaded, and return the list, which fills meanwhile.

        Args:
            key: Part of a key, or a glob of the whole key.
            value: Part of a value's text; of a message, of its fields.
            prefix: Folder to search below; by default everywhere.
            regex: Whether key and value are regular expressions.

        Raises:
            InvalidText: There is nothing to find, or it is no regular expression.
        """

        async def start() -> None:
            self._live.session.results.finder.find(FindRequest(key, value, regex, prefix))

        self._run(start())
        return HitList(self._live)

    def diff(
        self, other: str, prefix: str = "", *, ignored: Sequence[str] = (), marked: bool = False
    ) -> DifferenceList:
        """Compare a folder with another side, and return the list of keys that differ, which fills meanwhile.

        Args:
            other: A folder of this store, `@PROFILE` or `@REVISION` (the same folder there), a URL, or `./export`.
            prefix: The folder; by default everything.
            ignored: Globs of keys below the folder that are left out.
            marked: Compare the marked keys only, whose folder takes the place of the prefix.
        """

        async def start() -> None:
            session = self._live.session
            folder, keys = session.marked.below_folder(session.tree.separator) if marked else (prefix, ())
            session.results.comparison.compare(ComparisonRequest(folder, other, tuple(ignored), keys))

        self._run(start())
        return DifferenceList(self._live)

    def journal(self, key: str = "", *, all_stores: bool = False) -> JournalView:
        """Return the list of this person's changes.

        Args:
            key: Part of a key, or a glob of the whole key; by default all.
            all_stores: Whether those in other stores are listed, too.
        """

        async def start() -> None:
            self._live.session.results.journal_list.show(JournalFilter(key, all_stores))

        self._run(start())
        return JournalView(self._live)
