"""Event applier: applies watch events to the loaded rows."""

from collections.abc import Iterable

from explorer.model.events import Deleted, Put
from explorer.session.keytree.key_rows import KeyRows
from explorer.session.keytree.marks import MarkKind
from explorer.session.keytree.nodes import DeferredEvents, Level, Node
from explorer.session.keytree.verifier import Verifier


class EventApplier:
    """Applies watch events to the loaded rows.

    A watch delivers events in order and began before any listing. Events of a level that is being read are deferred and
    applied again after the page was merged: whichever was older, the last event of a key wins, as in the store.
    Revisions are not compared, because they have no order.
    """

    def __init__(self, rows: KeyRows, verifier: Verifier) -> None:
        self._rows = rows
        self._verifier = verifier

    def apply(self, events: Iterable[Put | Deleted]) -> bool:
        """Apply the events of a frame, in order; return whether a row in an expanded folder changed."""
        changed = False
        for event in events:
            names = event.key.split(self._rows.separator)
            changed |= self._put(names, event) if isinstance(event, Put) else self._deleted(names)
        return changed

    def replay(self, parent: Node, level: Level) -> None:
        """Apply the deferred events of a level to its children."""
        notes, level.deferred = level.deferred, {}
        for name, note in notes.items():
            if note.value:
                self._set_value(parent, level, name, new=False)
            if note.put_below and (child := self._existing_child(parent, level, name, below=True)) is not None:
                child.has_children = True
            if (child := level.find(name)) is None:
                continue
            if note.value is False:
                self._remove_value(child)
            if note.deleted_below and child.has_children and not (child.branch and child.branch.live_count):
                self._verifier.verify_later(child)

    def _put(self, names: list[str], event: Put) -> bool:
        rows, node, shown, changed = self._rows, self._rows.root, True, False
        *folders, last = names
        for name in folders:
            level = node.branch
            if level is None:
                return changed
            if level.is_loading:
                _note_for(level, name).put_below = True
            child = self._existing_child(node, level, name, below=True)
            if child is None:
                return changed
            if not child.has_children:
                child.has_children = changed = True
            self._verifier.touch(child)
            if not child.is_open:
                rows.marks.count(child)
                changed |= shown
                shown = False
            node = child
        level = node.branch
        if level is None:
            return changed
        if level.is_loading:
            _note_for(level, last).value = True
        return (self._set_value(node, level, last, new=event.is_creation) and shown) or changed

    def _deleted(self, names: list[str]) -> bool:
        rows, node, shown, changed = self._rows, self._rows.root, True, False
        *folders, last = names
        for name in folders:
            level = node.branch
            if level is None:
                break
            if level.is_loading:
                _note_for(level, name).deleted_below = True
            child = level.find(name)
            if child is None or child.tombstone:
                self._on_unknown_deletion(node, level)
                return changed
            if not child.is_open:
                rows.marks.count(child)
                changed |= shown
                shown = False
            node = child
        level = node.branch
        if level is None:
            if node.has_children:
                self._verifier.verify_later(node)
            return changed
        self._verifier.touch(node)
        if level.is_loading:
            _note_for(level, last).value = False
        child = level.find(last)
        if child is None or child.tombstone:
            self._on_unknown_deletion(node, level)
            return changed
        return (self._remove_value(child) and shown) or changed

    def _set_value(self, parent: Node, level: Level, name: str, *, new: bool) -> bool:
        """Set the value of a child; return whether its row changed."""
        child = level.find(name)
        if child is not None and child.has_value:
            child.seen = level.is_loading
            self._rows.marks.add(child, MarkKind.ADDED if new else MarkKind.CHANGED, self._rows.clock())
            return True
        child = self._existing_child(parent, level, name, below=False)
        if child is None:
            return False
        child.has_value = True
        self._rows.marks.add(child, MarkKind.ADDED, self._rows.clock())
        return True

    def _existing_child(self, parent: Node, level: Level, name: str, *, below: bool) -> Node | None:
        """Return a child that exists, added if need be; None if it is in a part of the level that was not read."""
        child = level.find(name)
        if child is None:
            if not level.knows(name, self._rows.separator, below=below):
                return None
            child = self._rows.add(parent, name, has_value=not below, has_children=below)
            self._rows.marks.add(child, MarkKind.ADDED, self._rows.clock())
        elif child.tombstone:
            self._rows.revive(child)
            self._rows.marks.add(child, MarkKind.ADDED, self._rows.clock())
        child.seen = level.is_loading
        return child

    def _remove_value(self, child: Node) -> bool:
        """Remove the value of a child; return whether it had one."""
        if not child.has_value:
            return False
        if child.has_children:
            child.has_value = False
            self._rows.marks.add(child, MarkKind.DELETED, self._rows.clock())
        else:
            self._rows.bury(child)
        return True

    def _on_unknown_deletion(self, node: Node, level: Level) -> None:
        """Verify a folder of which an unknown key was deleted: it may have been the last."""
        if not level.complete and not level.live_count and node.has_children and node is not self._rows.root:
            self._verifier.verify_later(node)


def _note_for(level: Level, name: str) -> DeferredEvents:
    note = level.deferred.get(name)
    if note is None:
        note = level.deferred[name] = DeferredEvents()
    return note
