"""Completion of keys, read from the store within a second."""

import asyncio
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from threading import Thread
from typing import Final

from explorer.cli.argument_types import key
from explorer.cli.command_line import connection_options
from explorer.cli.output import KeyFormatter, key_formatter
from explorer.cli.store_opener import resolve_profile
from explorer.config import read_profile_urls
from explorer.drivers.base import Store
from explorer.drivers.registry import driver
from explorer.model import address
from explorer.model.entries import Child
from explorer.model.errors import ExplorerError
from explorer.model.key_text import unescape_key
from explorer.model.keys import just_before
from explorer.opener import open_profile

KEYS_TIMEOUT: Final = 1.0
"""Seconds to connect, read and close."""
MAX_KEYS: Final = 200
_LAST_CHARACTER: Final = "\U0010ffff"


def complete_key(typed: str, parsed: Namespace) -> list[str]:
    """Return the keys and folders that begin with a text, one level deep, spelled as the command reads them.

    A thread reads the store and is abandoned after KEYS_TIMEOUT, since neither name resolution nor a client library can
    be interrupted.

    Args:
        typed: The beginning of the key.
        parsed: The words before it, parsed.
    """
    found: list[str] = []
    with suppress(ExplorerError, KeyError):
        url = read_profile_urls()[parsed.url[1:]] if parsed.url.startswith("@") else parsed.url
        driver(address.parse(url))  # imports the client library outside of the time limit
        thread = Thread(target=_read, args=(typed, parsed, found), name="completion", daemon=True)
        thread.start()
        thread.join(KEYS_TIMEOUT)
    return list(found)


def _read(typed: str, parsed: Namespace, found: list[str]) -> None:
    with suppress(ExplorerError, OSError, TimeoutError):
        start = unescape_key(typed) if parsed.escaped else key(typed)
        known = resolve_profile(parsed.url, connection_options(vars(parsed)))
        access = replace(known.access, timeout=min(known.access.timeout, KEYS_TIMEOUT))
        store = open_profile(replace(known, access=access, read_only=True))
        asyncio.run(_fill(found, store, start, key_formatter(escaped=parsed.escaped)))


async def _fill(found: list[str], store: Store, start: str, format_key: KeyFormatter) -> None:
    async with asyncio.timeout(KEYS_TIMEOUT), store:
        children = await _children(store, start)
        found += (format_key(word) for child in children for word in _words(child, store.separator))


async def _children(store: Store, start: str) -> list[Child]:
    """Return the children whose keys begin with a text: at most MAX_KEYS and, if there are more, the last one.

    A shell completes the common prefix of all completions; with the last child it is that of the left out ones too.
    """
    head, separator, name = start.rpartition(store.separator)
    folder = head + separator
    before = just_before(name)
    page = await store.children(folder, after=None if before is None else folder + before, limit=MAX_KEYS)
    children = [child for child in page.items if child.name.startswith(name)]
    if page.next is not None and len(children) == len(page.items):
        last = await store.children_before(folder, before=start + _LAST_CHARACTER, after=children[-1].key, limit=1)
        children += last.items
    return children


def _words(child: Child, separator: str) -> Iterator[str]:
    if child.has_value:
        yield child.key
    if child.has_children:
        yield child.key + separator
