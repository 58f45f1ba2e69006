"""A text in the person's own editor."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from textual.app import App, SuspendNotSupported

from explorer.model.sanitize import sanitize
from explorer.tui.dialogs.message import MessageDialog
from explorer.tui.flows.edited_file import EditorError, editor_command, read_back

_SUFFIXES: Final = {"json": ".json", "yaml": ".yaml", "textproto": ".textproto", "text": ".txt", "hex": ".hex"}


class Outcome(NamedTuple):
    """What came of an external editor."""

    text: str | None
    """The text as it was changed; None if it was not."""
    problem: tuple[str, ...] = ()
    """What went wrong, one line each."""

    def show(self, app: App[object]) -> None:
        """Say what went wrong, until that is dismissed."""
        if self.problem:
            app.push_screen(MessageDialog(*self.problem))


async def edit_externally(app: App[object], key: str, text: str, language: str) -> Outcome:
    """Let a person edit a text in $EDITOR. What the editor wrote is never lost.

    The editor is started without a shell, with one argument that is our own file (CVE-2023-22809). Of an editor that
    fails after it wrote something, that is taken over; what cannot be read stays in the file.
    """
    try:
        words = editor_command(os.environ)
        file = _file(key, language, text if text.endswith("\n") else f"{text}\n")
    except EditorError as error:
        return Outcome(None, (str(error),))
    try:
        with app.suspend():
            process = await asyncio.create_subprocess_exec(*words, str(file))
            code = await process.wait()
    except (OSError, SuspendNotSupported) as error:
        _remove(file)
        return Outcome(None, (f"{words[0]} cannot be started: {error}",))
    app.refresh(layout=True)
    return _outcome(app, file, text, f"{Path(words[0]).name} ended with status {code}" if code else "")


def _outcome(app: App[object], file: Path, sent: str, failed: str) -> Outcome:
    """Return what an editor made of its file."""
    try:
        data = file.read_bytes()
        edited = None if failed and not data else read_back(data, sent)
    except FileNotFoundError:
        return Outcome(None, ("the editor removed its file; nothing was changed", *([failed] if failed else [])))
    except (OSError, EditorError) as error:
        return Outcome(None, (f"{error}; nothing was changed", f"The file stays in {file}"))
    _remove(file)
    if edited is None or edited.text == sent:
        return Outcome(None, (failed, "The text was not changed.") if failed else ())
    for remark in edited.remarks:
        app.notify(sanitize(remark), severity="warning", markup=False, timeout=8)
    kept = (failed, "What it wrote is in the editor here and kept as a draft; it is not saved.")
    return Outcome(edited.text, kept if failed else ())


def _file(key: str, language: str, text: str) -> Path:
    """Write a file that nobody else may read, named so that an editor knows what is in it."""
    name = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in key[-40:]).strip("-")
    try:
        folder = Path(tempfile.mkdtemp(prefix="keyscope-"))
        file = folder / f"{name or 'value'}{_SUFFIXES.get(language, '.txt')}"
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        message = f"no file can be written for the editor: {error.strerror or error}"
        raise EditorError(message) from error
    return file


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        shutil.rmtree(file.parent)
