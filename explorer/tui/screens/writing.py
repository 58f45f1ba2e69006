"""The ways into an edit: in place, in $EDITOR, as a new key, and with another choice of type."""

import asyncio
import contextlib
import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Final

from textual.app import App
from textual.screen import Screen

from explorer.model.errors import ExplorerError
from explorer.model.text import inert
from explorer.session.drafts import Draft
from explorer.session.session import Session
from explorer.tui.screens.edit import LARGEST, EditScreen
from explorer.tui.screens.naming import Naming
from explorer.tui.screens.questions import Choosing, Option

_SUFFIXES: Final = {"json": ".json", "yaml": ".yaml", "textproto": ".textproto", "text": ".txt", "hex": ".hex"}


def _session(screen: Screen[None]) -> Session:
    session: Session = screen.app.session  # type: ignore[attr-defined]  # the one app there is
    return session


def edit(screen: Screen[None]) -> None:
    """Edit the selected value in place; a draft of it that was left is offered."""
    session = _session(screen)
    reading = session.detail.reading
    if reading is not None and len(reading.document.text) > LARGEST:
        screen.notify(
            "This is too long to be edited in place without delay; E opens it in $EDITOR.",
            severity="warning",
            markup=False,
        )
        return
    draft = next((draft for draft in session.desk.offered if draft.key == session.selected), None)
    if draft is None:
        _open(screen)
        return
    options: list[Option[Draft | bool]] = [
        Option("Go on with the draft", draft, f"of {draft.written.astimezone():%d %b %H:%M}"),
        Option("Edit what is stored", value=True, more="the draft is kept"),
        Option("Throw the draft away and edit what is stored", value=False),
    ]

    def answered(answer: Draft | bool | None) -> None:  # noqa: FBT001 - what a question was answered with
        if isinstance(answer, Draft):
            screen.run_worker(_resume(screen, answer))
        elif answer is not None:
            if not answer:
                screen.run_worker(session.desk.discard(draft))
            _open(screen)

    screen.app.push_screen(Choosing("There is a draft of this key", options), answered)


async def _resume(screen: Screen[None], draft: Draft) -> None:
    session = _session(screen)
    try:
        opened = await session.desk.take_up(draft)
    except ExplorerError as error:
        screen.notify(inert(error.message), severity="error", markup=False)
        return
    screen.app.push_screen(EditScreen(session, opened))


def _open(screen: Screen[None]) -> None:
    session = _session(screen)
    try:
        opened = session.edit()
    except ExplorerError as error:
        screen.notify(inert(error.message), severity="error", markup=False)
        return
    screen.app.push_screen(EditScreen(session, opened))


def ask_new(screen: Screen[None]) -> None:
    """Ask for the name of a key that is not there yet, and edit its value."""
    session = _session(screen)
    separator = session.tree.separator
    selected = session.selected or ""
    node = session.tree.node(selected)
    folder = selected + separator if node is not None and node.has_children else selected.rpartition(separator)[0]
    start = folder if not folder or folder.endswith(separator) else folder + separator

    def answered(key: str | None) -> None:
        if key:
            screen.run_worker(_create(screen, key))

    screen.app.push_screen(Naming("New key", inert(start)), answered)


async def _create(screen: Screen[None], key: str) -> None:
    session = _session(screen)
    try:
        opened = await session.create(key)
    except ExplorerError as error:
        screen.notify(inert(error.message), severity="error", markup=False)
        return
    screen.app.push_screen(EditScreen(session, opened))


def ask_type(screen: Screen[None]) -> None:
    """Ask how the selected value is to be read."""
    session = _session(screen)
    options: list[Option[object]] = [Option("Automatic", None, "what the rules and the value itself say")]
    options += [Option(str(choice), choice) for choice in session.detail.choices]
    automatic = options[0]

    def answered(answer: object) -> None:
        if answer is not None:
            session.detail.choose(None if answer is automatic else answer)  # type: ignore[arg-type]

    options[0] = Option(automatic.title, automatic, automatic.more)
    screen.app.push_screen(Choosing("Read this value as", options), answered)


async def edit_outside(screen: Screen[None]) -> None:
    """Edit the selected value in $EDITOR, then show what saving would change."""
    session = _session(screen)
    try:
        opened = session.edit()
    except ExplorerError as error:
        screen.notify(inert(error.message), severity="error", markup=False)
        return
    text = await outside(screen.app, opened.key, opened.text, opened.document.language)
    if text is None or text == opened.text:
        await session.desk.leave()
        screen.notify("nothing was changed", markup=False)
        return
    opened.draft(text)
    screen.app.push_screen(EditScreen(session, opened))
    await opened.review()


async def outside(app: App[object], key: str, text: str, language: str) -> str | None:
    """Let a person edit a text in $EDITOR; None if that failed. Nothing is lost: the file stays if the editor fails.

    The editor is started without a shell, with one argument that is our own file (CVE-2023-22809).
    """
    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    if not words or shutil.which(words[0]) is None:
        app.notify("There is no editor: set EDITOR.", severity="warning", markup=False)
        return None
    name = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in key[-40:]).strip("-")
    folder = Path(tempfile.mkdtemp(prefix="keyscope-"))
    file = folder / f"{name or 'value'}{_SUFFIXES.get(language, '.txt')}"
    file.touch(mode=0o600)
    ends = text.endswith("\n")
    file.write_text(text if ends else f"{text}\n", encoding="utf-8", newline="")
    with app.suspend():
        process = await asyncio.create_subprocess_exec(*words, str(file))
        code = await process.wait()
    app.refresh(layout=True)
    if code:
        app.notify(
            inert(f"{words[0]} ended with {code}; the text is in {file}"), severity="error", markup=False, timeout=15
        )
        return None
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            edited = lines.read()
    except (OSError, UnicodeDecodeError) as error:
        app.notify(inert(f"{file} cannot be read: {error}"), severity="error", markup=False, timeout=15)
        return None
    with contextlib.suppress(OSError):
        shutil.rmtree(folder)
    # Editors end every file with a line feed; the value had none, and has none unless it was typed.
    return edited if ends else edited.removesuffix("\n")
