"""Show the store as it was at an earlier revision."""

from typing import Protocol, runtime_checkable

from textual.screen import Screen

from explorer.model.entries import Revision
from explorer.model.errors import InvalidText
from explorer.session.session import Session
from explorer.tui.widgets.prompt import Prompt


@runtime_checkable
class RevisionViewer(Protocol):
    """An app that shows other revisions."""

    def show_revision(self, revision: Revision | None) -> None:
        """Show the store as it was at a revision; None stands for the present."""


def open_prompt(screen: Screen[None], session: Session) -> None:
    """Open the prompt, with the newest revision beside it."""
    prompt = screen.query_one("#revision", Prompt)
    prompt.open()
    newest = session.connection.revision
    shown = [] if newest is None else [f"the newest is {newest}"]
    if session.snapshot:
        shown.append("empty shows the present")
    prompt.show_comment("; ".join(shown))


def show(screen: Screen[None], session: Session, text: str) -> None:
    """Show the revision that was typed, or say why that is not possible."""
    try:
        revision = _parse(session, text)
    except InvalidText as error:
        screen.notify(error.message, severity="warning")
        return
    if isinstance(screen.app, RevisionViewer) and (revision is not None or session.snapshot):
        screen.app.show_revision(revision)


def _parse(session: Session, text: str) -> Revision | None:
    """Return a revision; None for an empty text.

    Raises:
        InvalidText: It is no revision, or is in the future.
    """
    text, newest = text.strip(), session.connection.revision
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text)):
        raise InvalidText(f"{text!r} is no revision: write a whole number")
    if isinstance(newest, int) and int(text) > newest:
        raise InvalidText(f"revision {text} is in the future: the newest is {newest}")
    return int(text)
