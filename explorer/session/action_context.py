"""Session state that enables or disables actions."""

from dataclasses import dataclass
from typing import Self

from explorer.model.capabilities import Capability
from explorer.model.errors import ExplorerError
from explorer.session.editing.edit_states import Conflicted, Unknown
from explorer.session.editing.editor import STILL_SAVING
from explorer.session.view_model import ViewModel


@dataclass(frozen=True, slots=True)
class ActionContext:
    """State of a session at one moment, as far as it decides which actions are enabled."""

    store_capabilities: Capability = ~Capability(0)
    read_only_reason: str | None = None
    """Why nothing can be written; None while writing is unlocked."""
    unreachable_reason: str | None = None
    """Why the store cannot be called; None while connected."""
    selected: str | None = None
    """Selected key."""
    has_marks: bool = False
    """True if keys are marked."""
    unreadable_reason: str | None = None
    """Why the selected key shows no value; None if it does."""
    uneditable_reason: str | None = None
    """Why the value shown cannot be edited; None if it can."""
    open_edit: str | None = None
    """Key of the open edit."""
    in_conflict: bool = False
    """True if the open edit conflicts with another change."""
    unmergeable_reason: str | None = None
    """Why the two changes of a conflict cannot be merged; None if they can."""
    outcome_unknown: bool = False
    """True if the outcome of the save is unknown."""

    @classmethod
    def of(
        cls,
        view_model: ViewModel,
        *,
        store_capabilities: Capability,
        read_only_reason: str | None,
        call_error: ExplorerError | None,
    ) -> Self:
        """Return the context of a session.

        Args:
            view_model: Selected value and open edit.
            store_capabilities: Capabilities of the store.
            read_only_reason: Why nothing can be written; None while writing is unlocked.
            call_error: Error that calls of the store fail with; None while connected.
        """
        edit = view_model.editor.edit
        state = None if edit is None else edit.state
        conflict = state if isinstance(state, Conflicted) else None
        return cls(
            store_capabilities=store_capabilities,
            read_only_reason=read_only_reason,
            unreachable_reason=None if call_error is None else f"not connected: {call_error.message}",
            selected=view_model.detail.key,
            has_marks=bool(view_model.marked) or view_model.marked.is_active,
            unreadable_reason=_unreadable_reason(view_model),
            uneditable_reason=_uneditable_reason(view_model),
            open_edit=None if edit is None or not edit.is_open else edit.key,
            in_conflict=conflict is not None,
            unmergeable_reason=(
                None if conflict is None or conflict.merge is not None else f"nothing to merge: {conflict.reason}"
            ),
            outcome_unknown=isinstance(state, Unknown),
        )


def _unreadable_reason(view_model: ViewModel) -> str | None:
    detail = view_model.detail
    if detail.loaded is not None:
        return None
    node = None if detail.key is None else view_model.tree.node(detail.key)
    return "a folder has no value" if node is not None and not node.has_value else "no value is shown"


def _uneditable_reason(view_model: ViewModel) -> str | None:
    detail = view_model.detail
    if detail.key is not None and view_model.editor.is_saving(detail.key):
        return STILL_SAVING
    return None if detail.loaded is None else detail.loaded.document.read_only_reason
