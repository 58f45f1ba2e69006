"""Export of keys, with everything below them, to a file that `keyscope import` reads."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, BinaryIO, Final

from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import ExplorerError, InvalidText, KeyNotFound
from explorer.model.keys import directory
from explorer.model.sanitize import pluralize, sanitize
from explorer.plans.side import PlanSide, whole_entries

if TYPE_CHECKING:
    from explorer.session.session import Session

EXPORT_HELP: Final = "the end of the name is the format: .jsonl keeps everything, .json and .yaml are readable trees"
_FORMATS: Final = {".jsonl": "jsonl", ".json": "json", ".yaml": "yaml", ".yml": "yaml"}
_MODE: Final = 0o600
"""The file has values."""
_CHUNK: Final = 1000
"""Entries that are written at once."""


def export_name(keys: Sequence[str], separator: str) -> str:
    """Return a name for the file of an export."""
    name = keys[0].rstrip(separator).rpartition(separator)[2] if len(keys) == 1 else ""
    is_plain = name.isprintable() and "/" not in name and not name.startswith((".", "-", "~"))
    return f"{name if name and is_plain else 'keys'}.jsonl"


def overwrite_question(name: str) -> tuple[str, str]:
    """Return the question whether a file is replaced, and what is to be known."""
    return f"Replace {sanitize(name)}?", "The file exists already."


async def export_keys(session: "Session", keys: Sequence[str], name: str, *, overwrite: bool = False) -> str:
    """Write keys with everything below them to a file; return how many, in one line.

    Args:
        session: The session.
        keys: The keys.
        name: Name of the file; its end is the format.
        overwrite: Replace a file that exists.

    Raises:
        FileExistsError: There is such a file.
        ExplorerError: The end of the name is no format, there is nothing, or the file cannot be written.
    """
    form = _FORMATS.get(Path(name).suffix.lower())
    if form is None:
        raise InvalidText(f"{name!r} ends with none of {', '.join(_FORMATS)}", hint="the end is the format of the file")
    try:
        with _new_file(name, overwrite=overwrite) as file:
            count = await _write(session.connection.store, keys, form, file)
    except FileExistsError:
        raise
    except (OSError, ValueError) as error:
        raise ExplorerError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    session.marked.unmark(keys)
    return f"{pluralize(count, 'key')} written to {sanitize(name)}"


async def _write(store: Store, keys: Sequence[str], form: str, file: BinaryIO) -> int:
    """Write entries in a format, JSON lines as they are read; return their number."""
    from explorer.plans.formats import write  # noqa: PLC0415 - loads yaml

    def put(entries: Sequence[Entry]) -> None:
        file.writelines(text.encode("utf-8", "surrogateescape") for text in write(form, entries, store.separator))

    count = 0
    entries: list[Entry] = []
    async with aclosing(_entries(store, keys, is_lossless=form == "jsonl")) as found:
        async for entry in found:
            entries.append(entry)
            count += 1
            if form == "jsonl" and len(entries) == _CHUNK:
                await asyncio.to_thread(put, entries)
                entries = []
    if not count:
        raise KeyNotFound("there is nothing to export", key=keys[0] if keys else None, address=store.redacted)
    await asyncio.to_thread(put, entries)
    return count


async def _entries(store: Store, keys: Sequence[str], *, is_lossless: bool) -> AsyncGenerator[Entry, None]:
    """Yield the entries of keys and of what is below them, each once."""
    folders = {directory(key, store.separator) for key in keys}
    for key in dict.fromkeys(keys):
        if any(key.startswith(folder) and key != folder for folder in folders):
            continue
        side = PlanSide(store, key, has_key=True)
        async with aclosing(whole_entries(side) if is_lossless else side.entries()) as found:
            async for entry in found:
                yield entry._replace(key=key + entry.key)


@contextmanager
def _new_file(name: str, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Open a file that is there only once all of it is written.

    Raises:
        OSError: It exists and is not to be replaced, or cannot be written.
    """
    path = Path(os.path.expanduser(name))  # noqa: PTH111 - raises nothing
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(name)
    partial = path.with_name(f".{path.name}.{token_hex(4)}")
    number = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
        if overwrite:
            partial.replace(path)
        else:
            os.link(partial, path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
