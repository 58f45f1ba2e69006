"""Keys that an unfinished key on the command line may become, read from its store within a second."""

import asyncio
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from threading import Thread
from typing import Final

from explorer.cli.argument_types import key
from explorer.cli.output import Spelling, spelling
from explorer.cli.parser import options_of
from explorer.cli.run import resolve_profile
from explorer.config import profiles
from explorer.drivers.base import Store
from explorer.drivers.registry import driver, make
from explorer.model import address
from explorer.model.entries import Child
from explorer.model.errors import ExplorerError
from explorer.model.key_text import unescape_key
from explorer.model.keys import just_before

KEYS_TIMEOUT: Final = 1.0
"""Seconds for all of it: to connect, to read and to close."""
MAX_KEYS: Final = 200
_LAST: Final = "\U0010ffff"


def offered_keys(typed: str, given: Namespace) -> list[str]:
    """Return keys and folders of the level that a key is typed in, spelled as the command reads them.

    The store is asked on a thread that is abandoned when time is up: neither the resolver of names nor a client library
    can make the person wait any longer.

    Args:
        typed: The key as far as it is there.
        given: The words before it, as argparse understood them.
    """
    found: list[str] = []
    with suppress(ExplorerError, KeyError):
        url = profiles()[given.url[1:]] if given.url.startswith("@") else given.url
        driver(address.parse(url))  # imports the client library, which is not the store's time
        thread = Thread(target=_read, args=(typed, given, found), name="completion", daemon=True)
        thread.start()
        thread.join(KEYS_TIMEOUT)
    return list(found)


def _read(typed: str, given: Namespace, found: list[str]) -> None:
    with suppress(ExplorerError, OSError, TimeoutError):
        start = unescape_key(typed) if given.escaped else key(typed)
        profile = resolve_profile(given.url, options_of(vars(given)))
        access = replace(profile.access, timeout=min(profile.access.timeout, KEYS_TIMEOUT))
        store = make(profile.url, access, read_only=True)
        asyncio.run(_fill(found, store, start, spelling(escaped=given.escaped)))


async def _fill(found: list[str], store: Store, start: str, spell: Spelling) -> None:
    async with asyncio.timeout(KEYS_TIMEOUT), store:
        children = await _children(store, start)
        found += (spell(word) for child in children for word in _words(child, store.separator))


async def _children(store: Store, start: str) -> list[Child]:
    """Return the children whose keys begin with a text: the first ones and, if there are more, the last one.

    A shell puts on the line what all that is offered has in common; with the last one that is true of what is left out.
    """
    head, separator, name = start.rpartition(store.separator)
    folder = head + separator
    before = just_before(name)
    page = await store.children(folder, after=None if before is None else folder + before, limit=MAX_KEYS)
    children = [child for child in page.items if child.name.startswith(name)]
    if page.next is not None and len(children) == len(page.items):
        last = await store.children_before(folder, before=start + _LAST, after=children[-1].key, limit=1)
        children += last.items
    return children


def _words(child: Child, separator: str) -> Iterator[str]:
    if child.has_value:
        yield child.key
    if child.has_children:
        yield child.key + separator
