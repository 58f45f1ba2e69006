"""Edit a text in $EDITOR."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from textual.app import App, SuspendNotSupported

from explorer.tui.dialogs.message import MessageDialog
from explorer.tui.flows.edited_file import EditorError, decode_edited, editor_command

_SUFFIXES: Final = {"json": ".json", "yaml": ".yaml", "textproto": ".textproto", "text": ".txt", "hex": ".hex"}


class Outcome(NamedTuple):
    """The result of an external editor."""

    text: str | None
    """The changed text; None if it was not changed."""
    problem: tuple[str, ...] = ()
    """Description of a failure, one line each."""

    def show_problem(self, app: App[object]) -> None:
        """Show what went wrong until it is dismissed."""
        if self.problem:
            app.push_screen(MessageDialog(*self.problem))


async def edit_externally(app: App[object], key: str, text: str, language: str) -> Outcome:
    """Edit a text in $EDITOR. What the editor wrote is never lost.

    The editor is started without a shell, with our own file as its argument (CVE-2023-22809). If it fails after it
    wrote something, the written text is used; a file that cannot be read is kept.
    """
    try:
        command = editor_command(os.environ)
        file = _create_file(key, language, text if text.endswith("\n") else f"{text}\n")
    except EditorError as error:
        return Outcome(None, (str(error),))
    try:
        with app.suspend():
            process = await asyncio.create_subprocess_exec(*command, str(file))
            code = await process.wait()
    except (OSError, SuspendNotSupported) as error:
        _remove(file)
        return Outcome(None, (f"cannot start {command[0]}: {error}",))
    app.refresh(layout=True)
    return _outcome(app, file, text, f"{Path(command[0]).name} exited with status {code}" if code else "")


def _outcome(app: App[object], file: Path, original: str, failure: str) -> Outcome:
    """Return what an editor wrote, and remove its file if it could be read."""
    try:
        data = file.read_bytes()
        edited = None if failure and not data else decode_edited(data, original)
    except FileNotFoundError:
        return Outcome(None, ("the editor removed its file; nothing was changed", *([failure] if failure else [])))
    except (OSError, EditorError) as error:
        return Outcome(None, (f"{error}; nothing was changed", f"The file is kept: {file}"))
    _remove(file)
    if edited is None or edited.text == original:
        return Outcome(None, (failure, "The text was not changed.") if failure else ())
    for remark in edited.remarks:
        app.notify(remark, severity="warning", timeout=8)
    problem = (failure, "The text it wrote is in the editor here and kept as a draft; it is not saved.")
    return Outcome(edited.text, problem if failure else ())


def _create_file(key: str, language: str, text: str) -> Path:
    """Write a file with mode 0600 whose name tells an editor the language of the text."""
    name = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in key[-40:]).strip("-")
    try:
        folder = Path(tempfile.mkdtemp(prefix="keyscope-"))
        file = folder / f"{name or 'value'}{_SUFFIXES.get(language, '.txt')}"
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        message = f"cannot write a file for the editor: {error.strerror or error}"
        raise EditorError(message) from error
    return file


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        shutil.rmtree(file.parent)
