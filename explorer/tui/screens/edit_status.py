"""The title and the status lines of the editor."""

from typing import Final

from textual.content import Content

from explorer.model.format import format_bytes
from explorer.session.actions import Place
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_text import EditLine, edit_lines, edit_title, saving_text
from explorer.session.session import Session
from explorer.session.states import Tone
from explorer.tui.cells import safe_content

MAX_EDITED: Final = 128 * 1024
"""Characters up to which a text is edited in place; a longer one is edited in $EDITOR."""
_STYLES: Final = {
    EditLine("", Tone.PLAIN, is_strong=True): "bold",
    EditLine("", Tone.QUIET): "$text-muted",
    EditLine("", Tone.WARNING): "$text-warning",
    EditLine("", Tone.WARNING, is_strong=True): "bold $warning",
    EditLine("", Tone.BAD): "$error",
    EditLine("", Tone.BAD, is_strong=True): "bold $error",
}


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
        return edit_title(self._edit, self._session.clock.now())

    @property
    def lines(self) -> Content:
        """The status lines."""
        limit = ""
        if self._place is Place.READER:
            size, key = format_bytes(MAX_EDITED), self._key("edit-outside")
            limit = f"read-only here: longer than {size}; {key} edits it in $EDITOR"
        lines = edit_lines(self._session, self._edit, self._key, since=self.since, limit=limit)
        return Content("\n").join(safe_content(line.text, _STYLES.get(line._replace(text=""), "")) for line in lines)

    @property
    def saving_text(self) -> str:
        """Duration of the save so far, and the key that leaves."""
        return saving_text(self._session.clock.now() - self.since, self._key)

    def _key(self, name: str) -> str:
        return self._session.actions[name].key_hint(self._place)
