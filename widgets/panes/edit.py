"""The open edit of a session: its text, what is to be known of it, and its review or conflict."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from explorer.codecs.base import Document
from explorer.codecs.line_merge import Side
from explorer.codecs.three_way import ThreeWayRow
from explorer.model.errors import InvalidText
from explorer.model.line_diff import DiffLine
from explorer.model.sanitize import sanitize
from explorer.session.actions import Place
from explorer.session.editing.comparison_text import (
    CHANGED_IN,
    DIFFERENCE_PLACE,
    omitted_text,
    version_cells,
    visible_parts,
)
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Conflicted, Drafting, Reviewing, Saved, Saving, State
from explorer.session.editing.edit_text import (
    conflict_title,
    edit_lines,
    edit_title,
    merge_lines,
    outdated_text,
    reason_text,
    review_lines,
    review_question,
    review_word,
    version_names,
)
from explorer.session.editing.violation_text import violation_lines
from explorer.session.session import Session
from explorer.session.states import Part
from widgets.panes.base import Body, Head, Json, Pane, PaneRow
from widgets.panes.typed_text import TypedText

MAX_EDITED: Final = 1 << 20
"""Characters up to which a text is edited in a page."""
TYPED_ELSEWHERE: Final = "not typed: another view has changed the same lines"
_MAX_MARKED_ROWS: Final = 1000
"""Rows of three versions whose differences within a line are marked; to compare more takes too long."""
_NO_ROWS: Final[Sequence[PaneRow]] = ()


class TakenText(NamedTuple):
    """Answer to a text of a page."""

    version: int
    """Version of the text that the page has; that of the edit is another one if it was merged, or not taken."""
    problem: str = ""
    """Why the text was not taken; "" if it was."""


class PastedText(NamedTuple):
    """Answer to a text that was pasted in a page."""

    text: str | None = None
    """Text to insert; None if the whole text was replaced."""
    caret: int = 0
    """Where the cursor stands in a replaced text, in units of UTF-16 as a page counts."""
    problem: str = ""
    """Why nothing is pasted; "" if it is."""


class EditPane(Pane):
    """The editor: the text of the open edit, and lines about its state.

    It is shared by all views of the session, as the edit is. A view sends the text that is typed in it; the others get
    it as another version.
    """

    name = "edit"
    label = "Editor"
    place = Place.EDITOR
    parts = Part.EDIT | Part.LIVENESS
    shown_in = "value"

    def __init__(self, session: Session, on_saved: Callable[[Edit, Saved], None]) -> None:
        """Show the session's open edit.

        Args:
            session: The session.
            on_saved: Called once with an edit that was saved, and with its last state.
        """
        super().__init__(session)
        self._on_saved = on_saved
        self.edit: Edit | None = None
        """The open edit."""
        self.number = 0
        """Number of the edit and its form; an edit that is opened later has a greater one, and so has another form."""
        self.compared: State | None = None
        """State of the edit whose review or conflict is shown; None if there is none, or if it was closed."""
        self._document: Document | None = None
        self._state: State | None = None
        self._since = 0.0
        """When the edit got into its state."""
        self._typed = TypedText()

    def count(self) -> int:
        """Return 0: the edit is a text, not rows."""
        return 0

    def rows(self, start: int, count: int) -> Sequence[PaneRow]:
        """Return nothing."""
        del start, count
        return _NO_ROWS

    # What is shown

    def head(self) -> Head:
        """Return the number of the edit, 0 without one, its title and lines, and whether its text can be changed."""
        edit = self.edit
        if edit is None:
            return Head(fields={"edit": 0, "body": self.text_version})
        error = edit.state.error if isinstance(edit.state, Drafting) else None
        fields: dict[str, Json] = {
            "edit": self.number,
            "body": self.text_version,
            "heading": edit_title(edit, None),
            "lines": [
                {"text": line.text, "tone": line.tone.value, "strong": line.is_strong}
                for line in edit_lines(self.session, edit, self.key_hint, since=None)
            ],
            "readonly": not edit.is_settled,
            "unsaved": edit.is_unsaved,
            "place": _error_place(error),
            "comparison": self.compared is not None,
        }
        moments: dict[str, float] = {}
        if edit.expires_at is not None and edit.theirs is None:
            moments["expires"] = edit.expires_at
        if isinstance(edit.state, Saving):
            moments["since"] = self._since
        return Head(fields=fields, moments=moments)

    def key_hint(self, action: str) -> str:
        """Return the key that runs an action in the editor."""
        return self.session.actions[action].key_hint(self.place)

    @property
    def text_version(self) -> int:
        """Version of the text."""
        return self._typed.version

    def part(self, version: int, start: int) -> Body | None:
        """Return the text; it comes in one part."""
        return Body(version, self._typed.text) if (version, start) == (self.text_version, 0) else None

    def on_change(self) -> None:
        """Take over the open edit as it is now."""
        edit = self.session.current_edit
        if edit is not self.edit:
            self.edit, self._document, self._state, self.compared = edit, None, None, None
            self.number += 1
            self._typed.set("")
        if edit is None:
            return
        if edit.document is not self._document:  # what is typed in the old form is not taken any more
            self.number += self._document is not None
            self._document = edit.document
        self._typed.set(edit.text)
        if edit.state is not self._state:
            self._state = edit.state
            self._since = self.session.clock.now()
            self.compared = edit.state if isinstance(edit.state, Reviewing | Conflicted) else None
            if isinstance(edit.state, Saved):
                self._on_saved(edit, edit.state)

    # Text of a page

    def take_text(self, number: int, base: int, text: str) -> TakenText:
        """Replace the edit's text by what was typed in a page, or merge it with what was typed in others.

        Args:
            number: Number of the edit.
            base: Version of the text that it was typed in.
            text: The page's text.
        """
        self.on_change()
        edit = self.edit
        if edit is None or number != self.number:
            return TakenText(self.text_version, "not typed: the text was replaced meanwhile")
        if "\r" in text:
            return TakenText(self.text_version, "carriage returns cannot be typed: write \\r in a text with escapes")
        if not edit.is_settled and text != edit.text:
            return TakenText(self.text_version, "not typed: the change is being saved")
        merged = self._typed.merge(base, text)
        if merged is None:
            return TakenText(self.text_version, TYPED_ELSEWHERE)
        kept = None if merged == text else self._typed.keep(text)
        edit.set_text(merged)
        self.on_change()
        return TakenText(self.text_version if kept is None else kept)

    def paste(self, number: int, base: int, text: str, start: int, stop: int) -> PastedText:
        """Return a pasted text as it is to be inserted, or replace the edit's text by one with escapes.

        Args:
            number: Number of the edit.
            base: Version of the text that it was pasted in.
            text: Text of the page, with the pasted one in it.
            start: Index of the pasted text.
            stop: Index behind it.
        """
        edit = self.edit
        pasted = text[start:stop]
        if edit is None or number != self.number or not edit.is_settled:
            return PastedText(problem="not pasted: the text was replaced or is being saved")
        document, piece = edit.document.paste(pasted)
        if document is edit.document:
            return PastedText(piece)
        if base != self.text_version:  # the whole text would be replaced
            return PastedText(problem="not pasted: the text was changed in another view; paste again")
        before, after = (document.paste(part)[1] for part in (text[:start], text[stop:]))
        edit.set_document(document, before + piece + after)
        self.on_change()
        return PastedText(caret=len((before + piece).encode("utf-16-le")) // 2)

    # Saving

    def needs_answers(self, review: int) -> bool:
        """Return whether something must be asked before this very review is saved."""
        is_shown = self.compared is not None and review == self.comparison_number
        edit = self.edit
        if edit is None or not is_shown or not isinstance(edit.state, Reviewing):
            return False
        return bool(edit.blocking) or (self.session.asks_reason and not edit.reason)

    def blocking(self, review: int) -> tuple[str, ...]:
        """Return the names of the constraints that must be overridden before this very review is saved."""
        is_shown = self.compared is not None and review == self.comparison_number
        return self.edit.blocking if self.edit is not None and is_shown else ()

    def save(self, review: int) -> None:
        """Review the change; save it if this very review was shown.

        Args:
            review: Number of the review that the page shows; 0 if it shows the text.
        """
        edit = self.edit
        if edit is None:
            return
        self.on_change()
        match edit.state:
            case Reviewing() | Conflicted() as state if self.compared is None:
                self.compared = state
            case Reviewing() if review == self.comparison_number:
                self.compared = None
                self.session.start("save")
            case Reviewing() | Conflicted():
                pass
            case _ if review == 0:
                self.session.start("save")
            case _:
                pass

    comparison_number = 0
    """Number of the review or conflict that is shown last; another one has a greater number."""


def _error_place(error: InvalidText | None) -> Json:
    """Return the line and column of an error, where it has them."""
    if error is None or error.line is None:
        return None
    return {"line": error.line, "column": error.column or 1}


class ComparisonPane(Pane):
    """The review of a change as a diff, or a conflict with base, theirs and mine side by side."""

    name = "comparison"
    label = "Review"
    place = Place.REVIEW
    parts = Part.EDIT
    shown_in = "value"

    def __init__(self, session: Session, editor: EditPane) -> None:
        """Show what an editor compares.

        Args:
            session: The session.
            editor: The editor; its `on_change` is called before the one of this pane.
        """
        super().__init__(session)
        self._editor = editor
        self._shown: State | None = None
        self._text = ""

    def count(self) -> int:
        """Return 0: lines are sent as a text in JSON."""
        return 0

    def rows(self, start: int, count: int) -> Sequence[PaneRow]:
        """Return nothing."""
        del start, count
        return _NO_ROWS

    def on_change(self) -> None:
        """Take over what the editor compares now."""
        state = self._editor.compared
        if state is self._shown or state is None:
            return
        self._shown = state
        self._editor.comparison_number += 1
        match state:
            case Reviewing() if self._editor.edit is not None:
                self._text = json.dumps([_diff_line(line) for line in review_lines(self._editor.edit, state)])
            case Conflicted(rows=rows):
                self._text = json.dumps(list(_version_rows(rows)))
            case _:
                self._text = "[]"

    @property
    def text_version(self) -> int:
        """Number of the comparison."""
        return self._editor.comparison_number

    def part(self, version: int, start: int) -> Body | None:
        """Return the lines as JSON, in one part."""
        return Body(version, self._text) if (version, start) == (self.text_version, 0) else None

    def head(self) -> Head:
        """Return the kind of the comparison, "" for none, and what is shown above the lines."""
        self.on_change()
        edit, state = self._editor.edit, self._editor.compared
        keys = "/".join(self._conflict_key(name) for name in ("next-difference", "previous-difference"))
        fields: dict[str, Json] = {
            "kind": "",
            "body": self.text_version,
            "edit": self._editor.number,
            "difference": DIFFERENCE_PLACE.format(number="{number}", keys=keys),
        }
        if edit is None:
            return Head(fields=fields)
        match state:
            case Reviewing():
                fields |= self._review(edit, state)
            case Conflicted():
                fields |= self._conflict(edit, state)
            case _:
                pass
        return Head(fields=fields)

    def _review(self, edit: Edit, state: Reviewing) -> Mapping[str, Json]:
        return {
            "kind": "review",
            "heading": review_question(edit, sanitize(edit.key)),
            "store": sanitize(f"in {self.session.address}"),
            "notes": [*violation_lines(state.violations), *(sanitize(f"▪ {note}") for note in state.notes)],
            "reason": reason_text(edit),
            "save": review_word(edit, state),
        }

    def _conflict(self, edit: Edit, state: Conflicted) -> Mapping[str, Json]:
        warning = outdated_text(edit, state, self._conflict_key)
        actions = ("use-merged", "take-theirs", "keep-mine", "compare-again")
        return {
            "kind": "conflict",
            "heading": conflict_title(edit, sanitize(edit.key)),
            "names": list(version_names(state)),
            "notes": merge_lines(state, self._conflict_key),
            "warning": warning,
            "disabled": {name: sanitize(self.session.disabled_reason(name) or "") for name in actions},
        }

    def _conflict_key(self, action: str) -> str:
        return self.session.actions[action].key_hint(Place.CONFLICT)


def _diff_line(line: DiffLine) -> Json:
    """Return the sign of a line, and its parts with whether each is marked."""
    return [line.sign, [[text, marked] for text, marked in visible_parts(line)]]


def _version_rows(rows: Sequence[ThreeWayRow]) -> Iterator[Json]:
    """Yield each row: its side, and for base, theirs and mine whether the line differs, and its parts."""
    marked = 0
    for row in rows:
        if row.omitted:
            yield {"omitted": omitted_text(row)}
            continue
        marked += row.side is not Side.UNCHANGED
        cells: list[Json] = []
        for cell, sides in zip(version_cells(row), CHANGED_IN, strict=True):
            marks = cell.marks if marked <= _MAX_MARKED_ROWS else ()
            cells.append([row.side in sides, None if cell.text is None else _marked_parts(cell.text, marks)])
        yield {"side": row.side.name.lower(), "cells": cells}


def _marked_parts(text: str, marks: Sequence[tuple[int, int]]) -> list[Json]:
    parts: list[Json] = []
    at = 0
    for start, stop in (*marks, (len(text), len(text))):
        parts += [[part, is_marked] for part, is_marked in ((text[at:start], False), (text[start:stop], True)) if part]
        at = stop
    return parts
