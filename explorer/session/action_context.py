"""What decides, at this moment, which actions are off."""

from collections.abc import Sequence

from explorer.model.capabilities import Capability
from explorer.session.actions import key_label
from explorer.session.connection.reconnector import Reconnector
from explorer.session.editing.edit_states import Conflicted, Unknown
from explorer.session.editing.editor import STILL_SAVING
from explorer.session.view_model import ViewModel


class ActionContext:
    """A session as its actions see it (`actions.Situation`).

    Args:
        link: The connection.
        showing: What is shown.
        writable: Whether writing is unlocked from the start.
        read_only: Why writing cannot be unlocked at all; None if it can.
        unlock_keys: The keys that unlock it.
    """

    def __init__(
        self,
        link: Reconnector,
        showing: ViewModel,
        *,
        writable: bool,
        read_only: str | None,
        unlock_keys: Sequence[str],
    ) -> None:
        self._link = link
        self._showing = showing
        self.read_only = read_only
        self._unlock_keys = unlock_keys
        self.writable = writable
        """Whether writing is unlocked."""
        self.store_capabilities = Capability(0)
        """What the store can do."""

    @property
    def read_only_reason(self) -> str:
        """Why nothing can be written while writing is locked, with the key that the person has for it."""
        keys = self._unlock_keys
        return self.read_only or f"read-only: {key_label(keys[0]) if keys else 'the command Writing'} unlocks writing"

    @property
    def unreachable_reason(self) -> str | None:
        """Why the store cannot be asked now, None if it can."""
        unreachable = self._link.unreachable()
        return None if unreachable is None else f"not connected: {unreachable.message}"

    @property
    def selected(self) -> str | None:
        """The selected key."""
        return self._showing.detail.key

    @property
    def unreadable_reason(self) -> str | None:
        """Why the selected key shows no value, None if it does."""
        detail = self._showing.detail
        if detail.loaded is not None:
            return None
        node = None if detail.key is None else self._showing.tree.node(detail.key)
        return "a folder has no value" if node is not None and not node.has_value else "no value is shown"

    @property
    def uneditable_reason(self) -> str | None:
        """Why the value shown cannot be edited, None if it can."""
        key = self.selected
        if key is not None and self._showing.desk.is_saving(key):
            return STILL_SAVING
        reading = self._showing.detail.loaded
        return None if reading is None else reading.document.read_only_reason

    @property
    def open_edit(self) -> str | None:
        """The key that is being edited."""
        edit = self._showing.desk.edit
        return None if edit is None or not edit.is_open else edit.key

    @property
    def in_conflict(self) -> bool:
        """Whether the open edit met somebody else's change."""
        edit = self._showing.desk.edit
        return edit is not None and isinstance(edit.state, Conflicted)

    @property
    def unmergeable_reason(self) -> str | None:
        """Why the open edit and somebody else's change cannot be put together, None if they can."""
        edit = self._showing.desk.edit
        if edit is None or not isinstance(edit.state, Conflicted) or edit.state.merge is not None:
            return None
        return f"there is nothing to put together: {edit.state.reason}"

    @property
    def outcome_unknown(self) -> bool:
        """Whether it is unknown if the open edit was saved."""
        edit = self._showing.desk.edit
        return edit is not None and isinstance(edit.state, Unknown)
