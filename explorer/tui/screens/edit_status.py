"""The title and the status lines of the editor, as texts."""

from collections.abc import Iterator
from typing import Final

from textual.content import Content

from explorer.model.events import Deleted, Put
from explorer.model.format import format_bytes, format_duration
from explorer.model.sanitize import sanitize
from explorer.session.actions import Place
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Conflicted, Drafting, Refused, Reviewing, Saving, Unknown
from explorer.session.session import Session
from explorer.session.states import LivenessStatus
from explorer.tui.keys import hint
from explorer.tui.rendering import safe_content

MAX_EDITED: Final = 128 * 1024
"""Characters up to which a text is edited in place; a longer one is edited in $EDITOR."""
EXPIRY_TOLERANCE: Final = 2.0
"""Seconds by which a key may be deleted before its TTL ends, as stores round TTLs."""


class EditStatus:
    """Describes the state of an edit.

    Args:
        session: The session of the edit.
        edit: The edit.
        place: The place whose keys are named: the editor, or the reader for a text that is too long to be edited.
    """

    def __init__(self, session: Session, edit: Edit, place: Place) -> None:
        self._session, self._edit, self._place = session, edit, place
        self.since = session.clock.now()
        """When the edit got into its state, in seconds of the session's clock."""

    @property
    def title(self) -> str:
        """Key, revision, time left and type, sanitised."""
        edit = self._edit
        base = "new key" if edit.base is None else f"from rev {edit.base.revision}{self._time_left()}"
        return f"{sanitize(edit.key)}  ({base}, {edit.document.title})"

    @property
    def lines(self) -> Content:
        """The status lines."""
        return Content("\n").join(self._lines())

    @property
    def saving_text(self) -> str:
        """Duration of the save so far, and the key that leaves."""
        seconds = self._session.clock.now() - self.since
        return f"saving … {format_duration(seconds)}; {self._key('back')} leaves, and the save goes on"

    def _key(self, name: str) -> str:
        return hint(self._session.actions[name], self._place)

    def _time_left(self) -> str:
        """Return the time until the key expires, as far as it is known: the lease may be renewed."""
        if self._edit.expires_at is None or self._edit.theirs is not None:
            return ""
        left = self._edit.expires_at - self._session.clock.now()
        return f", expires in {format_duration(left)} unless renewed" if left > 0 else ", expired unless renewed"

    def _lines(self) -> Iterator[Content]:
        edit = self._edit
        for note in edit.document.notes[:2]:
            yield safe_content(f"▪ {note}", "$text-warning")
        if self._place is Place.READER:
            limit = format_bytes(MAX_EDITED)
            text = f"▪ read-only here: longer than {limit}; {self._key('edit-outside')} edits it in $EDITOR"
            yield safe_content(text, "bold $warning")
        yield from self._state_lines()
        if edit.theirs is not None and not isinstance(edit.state, Conflicted):
            is_invalid = isinstance(edit.state, Drafting) and edit.state.error is not None
            how = "" if is_invalid else f"; {self._key('save')} shows both versions"
            yield safe_content(f"! {self._their_change(edit.theirs)}{how}", "bold $warning")
        if edit.draft_error:
            yield safe_content(f"! {edit.draft_error}", "$warning")

    def _state_lines(self) -> Iterator[Content]:
        save = self._key("save")
        match self._edit.state:
            case Drafting(error=error) if error is not None:
                yield safe_content(f"✗ {error.message}", "$error")
            case Drafting(changed=True, notes=notes):
                for note in notes[:2]:
                    yield safe_content(f"▪ saving {note}")
                yield safe_content(f"modified; {save} reviews the change", "$text-muted")
            case Drafting():
                yield safe_content("not modified", "$text-muted")
            case Saving():
                yield safe_content(self.saving_text, "bold")
            case Unknown(reason=reason):
                text = f"? It is not known whether this was saved: {reason}. {self._key('look-again')} checks."
                yield safe_content(text, "bold $warning")
            case Refused(is_over=True):
                yield safe_content(f"✗ not saved; the store responds again: {save} saves", "bold $warning")
            case Refused(error=error):
                is_live = self._session.liveness.status is LivenessStatus.LIVE
                retry = f"; the store responds again: {save} retries" if error.retryable and is_live else ""
                details = f" ({error.hint})" if error.hint and not retry else ""
                yield safe_content(f"✗ not saved: {error.message}{details}{retry}", "bold $error")
            case Conflicted():
                text = f"✗ not saved: the key was changed by another client; {save} shows both versions"
                yield safe_content(text, "bold $error")
            case Reviewing():
                yield safe_content(f"{save} reviews the change again", "$text-muted")
            case _:
                pass

    def _their_change(self, theirs: Put | Deleted) -> str:
        if isinstance(theirs, Put):
            return f"Another client has changed this key meanwhile (rev {theirs.revision})"
        expires_at = self._edit.expires_at
        if expires_at is not None and self._session.clock.now() >= expires_at - EXPIRY_TOLERANCE:
            return "The lease of this key has expired meanwhile and the key was deleted"
        revision = "" if theirs.revision is None else f" (rev {theirs.revision})"
        return f"Another client has deleted this key meanwhile{revision}"
