"""The verbs that read: ls, get, history."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeAlias

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.decoder import Decoding
from explorer.cli.exit_codes import UsageError
from explorer.cli.output import child_lines, child_record, entry_record, hex_lines, history_line, preview, spelling
from explorer.codecs.text.json_syntax import indent_json
from explorer.drivers.base import PAGE_SIZE, Store
from explorer.model.entries import Child, Cursor, Entry, Page
from explorer.model.errors import Compacted, ExplorerError, InvalidText, KeyNotFound

Reader: TypeAlias = Callable[[Cursor | str | None, int], Awaitable[Page[Child | Entry]]]
"""Reads a page: what comes after, at most so many."""


async def ls(store: Store, wanted: arguments.Ls, console: Console) -> None:
    """Print what is below a prefix, page by page: memory does not grow with the store.

    Raises:
        KeyNotFound: There is neither such a key nor anything below it. An empty store is empty, not missing.
    """
    empty = True
    try:
        async for page in _pages(_reader(store, wanted), wanted.limit, console):
            for item in page:
                _print(item, store, wanted, console)
            console.flush()
            empty = empty and not page
    except KeyNotFound:
        if wanted.prefix:
            raise
    if empty and not wanted.prefix:
        console.note(f"nothing is stored below {store.address.redacted}")


def _reader(store: Store, wanted: arguments.Ls) -> Reader:
    async def entries(after: Cursor | str | None, limit: int) -> Page[Entry]:
        return await store.list(wanted.prefix, after=after, limit=limit, values=wanted.values)

    async def children(after: Cursor | str | None, limit: int) -> Page[Child]:
        return await store.children(wanted.prefix, after=after, limit=limit)

    return entries if wanted.recursive else children


def _print(item: Child | Entry, store: Store, wanted: arguments.Ls, console: Console) -> None:
    match item:
        case Child() if console.json:
            console.record(child_record(item))
        case Child():
            for line in child_lines(item, store.separator, spelling(escaped=wanted.escaped)):
                console.line(line)
        case Entry() if console.json:
            console.record(entry_record(item, values=wanted.values))
        case Entry():
            key = spelling(escaped=wanted.escaped)(item.key)
            console.line(f"{key}  {preview(item.value)}" if wanted.values else key)


async def _pages(read: Reader, limit: int | None, console: Console) -> AsyncGenerator[tuple[Child | Entry, ...], None]:
    """Read a listing page by page, at most `limit` items.

    A reader so slow that the listing's revision is compacted meanwhile is told so, and goes on with the store of now.
    """
    after: Cursor | str | None = None
    while limit is None or limit > 0:
        most = PAGE_SIZE if limit is None else min(limit, PAGE_SIZE)
        try:
            page = await read(after, most)
        except Compacted:
            if not isinstance(after, Cursor):
                raise
            console.note(
                "keyscope: the rest is listed as it is now: the store has dropped the revision of the beginning"
            )
            after = after.key
            continue
        yield page.items
        if page.next is None:
            return
        after = page.next
        limit = limit and limit - len(page.items)


async def get(store: Store, wanted: arguments.Get, decoding: Decoding, console: Console) -> None:
    """Print one entry.

    Raises:
        KeyNotFound: There is none.
        ExplorerError: It was to be shown as JSON or as a message and is not.
        SchemaFailed: A schema cannot be used.
    """
    entry = await store.get(wanted.key, consistent=not wanted.stale)
    if console.json:
        console.record(entry_record(entry))
        return
    value = entry.value
    if value is None:
        console.note(f"keyscope: {wanted.key!r} is a directory and has no value")
        return
    match wanted.form:
        case "raw":
            console.raw(value)
        case "hex":
            for line in hex_lines(value):
                console.line(line)
        case "json":
            text = await decoding.shown(wanted, value)
            console.lines(_json(value, wanted.key) if text is None else indent_json(text))
        case "textproto":
            text = await decoding.shown(wanted, value)
            if text is None:
                raise UsageError(f"nothing says which message {wanted.key!r} is", hint="name it with --type MESSAGE")
            console.lines(text)
        case _:
            console.lines(value)
            if not _is_text(value):
                console.note(
                    "keyscope: not UTF-8, other bytes are shown as \\xNN: --as raw gives them, --as hex dumps them"
                )


def _json(value: bytes, key: str) -> str:
    try:
        return indent_json(value.decode("utf-8"))
    except (UnicodeDecodeError, InvalidText) as error:
        raise ExplorerError(f"the value is no JSON: {error}", hint="--as text shows it as it is", key=key) from error


def _is_text(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


async def history(store: Store, wanted: arguments.History, console: Console) -> None:
    """Print the entries that a key has had: today's first, if there is one, then the earlier ones.

    Raises:
        CallNotSupported: The store keeps none.
        KeyNotFound: There is none, and the store remembers none.
    """
    earlier = store.history(wanted.key)
    count = 0
    async with aclosing(_since_today(store, wanted.key, earlier)) as entries:
        async for entry in entries:
            if console.json:
                console.record(entry_record(entry))
            else:
                console.line(history_line(entry))
            console.flush()
            count += 1
            if count == wanted.limit:
                break


async def _since_today(store: Store, key: str, earlier: AsyncGenerator[Entry, None]) -> AsyncGenerator[Entry, None]:
    async with aclosing(earlier):
        missing: KeyNotFound | None = None
        try:
            yield await store.get(key)
        except KeyNotFound as error:
            missing = error
        async for entry in earlier:
            yield entry
            missing = None
        if missing is not None:
            raise missing
