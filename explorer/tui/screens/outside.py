"""A text in the person's own editor."""

import asyncio
import contextlib
import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Final

from textual.app import App

from explorer.model.text import inert

_SUFFIXES: Final = {"json": ".json", "yaml": ".yaml", "textproto": ".textproto", "text": ".txt", "hex": ".hex"}


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
