"""The verbs that read: ls, get, history."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeAlias

from explorer.cli.arguments import GetArguments, HistoryArguments, LsArguments
from explorer.cli.console import Console
from explorer.cli.decoder import ValueDecoder
from explorer.cli.exit_codes import UsageError
from explorer.cli.output import (
    child_lines,
    child_record,
    entry_record,
    hex_lines,
    history_line,
    key_formatter,
    preview,
)
from explorer.codecs.text.json_syntax import indent_json
from explorer.drivers.base import PAGE_SIZE, Store
from explorer.model.entries import Child, Cursor, Entry, Page
from explorer.model.errors import Compacted, ExplorerError, InvalidText, KeyNotFound

PageReader: TypeAlias = Callable[[Cursor | str | None, int], Awaitable[Page[Child | Entry]]]
"""Reads the page after a cursor or key, with at most so many items."""


async def ls(store: Store, options: LsArguments, console: Console) -> None:
    """Print what is below a prefix, page by page, so that memory does not grow with the store.

    Raises:
        KeyNotFound: There is no such key and nothing below it. An empty store is no error.
    """
    is_empty = True
    try:
        async for page in _pages(_page_reader(store, options), options.limit, console):
            for item in page:
                _print_item(item, store, options, console)
            console.flush()
            is_empty = is_empty and not page
    except KeyNotFound:
        if options.prefix:
            raise
    if is_empty and not options.prefix:
        console.print_note(f"no keys below {store.address.redacted}")


def _page_reader(store: Store, options: LsArguments) -> PageReader:
    async def read_entries(after: Cursor | str | None, limit: int) -> Page[Entry]:
        return await store.list(options.prefix, after=after, limit=limit, values=options.values)

    async def read_children(after: Cursor | str | None, limit: int) -> Page[Child]:
        return await store.children(options.prefix, after=after, limit=limit)

    return read_entries if options.recursive else read_children


def _print_item(item: Child | Entry, store: Store, options: LsArguments, console: Console) -> None:
    format_key = key_formatter(escaped=options.escaped)
    match item:
        case Child() if console.json:
            console.print_record(child_record(item))
        case Child():
            for line in child_lines(item, store.separator, format_key):
                console.print_line(line)
        case Entry() if console.json:
            console.print_record(entry_record(item, values=options.values))
        case Entry():
            key = format_key(item.key)
            console.print_line(f"{key}  {preview(item.value)}" if options.values else key)


async def _pages(
    read: PageReader, limit: int | None, console: Console
) -> AsyncGenerator[tuple[Child | Entry, ...], None]:
    """Yield the pages of a listing, at most `limit` items.

    If the listing's revision is compacted meanwhile, a note says so and the listing goes on at the current revision.
    """
    after: Cursor | str | None = None
    while limit is None or limit > 0:
        size = PAGE_SIZE if limit is None else min(limit, PAGE_SIZE)
        try:
            page = await read(after, size)
        except Compacted:
            if not isinstance(after, Cursor):
                raise
            console.print_note(
                "keyscope: the revision of this listing was compacted: the rest is listed at the current revision"
            )
            after = after.key
            continue
        yield page.items
        if page.next is None:
            return
        after = page.next
        limit = limit and limit - len(page.items)


async def get(store: Store, options: GetArguments, decoder: ValueDecoder, console: Console) -> None:
    """Print the value of a key.

    Raises:
        KeyNotFound: There is no such key.
        ExplorerError: The value cannot be printed as JSON or as a message.
        SchemaFailed: A schema is invalid.
    """
    entry = await store.get(options.key, consistent=not options.stale)
    if console.json:
        console.print_record(entry_record(entry))
        return
    value = entry.value
    if value is None:
        console.print_note(f"keyscope: {options.key!r} is a directory and has no value")
        return
    match options.form:
        case "raw":
            console.write_bytes(value)
        case "hex":
            for line in hex_lines(value):
                console.print_line(line)
        case "json":
            text = await decoder.decode(options, value)
            console.print_text(_json(value, options.key) if text is None else indent_json(text))
        case "textproto":
            text = await decoder.decode(options, value)
            if text is None:
                raise UsageError(f"no rule has a message type for {options.key!r}", hint="name it with --type MESSAGE")
            console.print_text(text)
        case _:
            console.print_text(value)
            if not _is_utf8(value):
                console.print_note(
                    "keyscope: the value is not UTF-8, other bytes are shown as \\xNN: use --as raw or --as hex"
                )


def _json(value: bytes, key: str) -> str:
    try:
        return indent_json(value.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ExplorerError("not valid JSON: the value is not UTF-8", hint="use --as text", key=key) from error
    except InvalidText as error:  # its exit code is that of a text to encode
        raise ExplorerError(error.message, hint="use --as text", key=key) from error


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


async def history(store: Store, options: HistoryArguments, console: Console) -> None:
    """Print the revisions of a key: the current one, if there is one, then the earlier ones.

    Raises:
        CallNotSupported: The store keeps no history.
        KeyNotFound: There is no such key, and none in the history.
    """
    count = 0
    async with aclosing(_revisions(store, options.key)) as entries:
        async for entry in entries:
            if console.json:
                console.print_record(entry_record(entry))
            else:
                console.print_line(history_line(entry))
            console.flush()
            count += 1
            if count == options.limit:
                break


async def _revisions(store: Store, key: str) -> AsyncGenerator[Entry, None]:
    async with aclosing(store.history(key)) as earlier:
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
