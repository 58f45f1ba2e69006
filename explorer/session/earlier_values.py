"""Earlier values of the selected key, to bring one back: from the store's history, and from this person's journal."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from explorer.journal import Journal
from explorer.model.capabilities import Capability
from explorer.model.entries import NO_META, Entry, Meta
from explorer.model.errors import KeyNotFound
from explorer.model.format import format_bytes
from explorer.model.sanitize import sanitize
from explorer.plans.journal_scope import JournalScope
from explorer.session.states import Option

if TYPE_CHECKING:
    from explorer.session.session import Session

MAX_EARLIER_VALUES: Final = 9
"""Values to choose from, each by its number."""
RESTORE_QUESTION: Final = "Bring back which value? It is shown as an edit, and saved after a review."
NO_EARLIER_VALUES: Final = "nothing to bring back: neither the store nor your journal has an earlier value of this key"
_PREVIEW_LENGTH: Final = 40
"""Characters of a value that are shown."""


async def restore_options(session: "Session", key: str) -> list[Option[bytes]]:
    """Return the earlier values of a key, which may be deleted, the newest first, without the one that is stored.

    Raises:
        ExplorerError: The history could not be read.
    """
    found: list[Option[bytes]] = []
    seen = {await _stored(session, key)}

    def add(value: bytes | None, label: str) -> None:
        if value is not None and value not in seen and len(found) < MAX_EARLIER_VALUES:
            seen.add(value)
            found.append(Option(label, value, _preview(value)))

    store = session.connection.store
    if Capability.HISTORY in store.capabilities:
        async for entry in _first(store.history(key)):
            add(entry.value, f"revision {sanitize(str(entry.revision))}")
    if session.journal is not None:
        for label, value in await asyncio.to_thread(_own_values, session.journal, JournalScope.of_store(store), key):
            add(value, label)
    return found


async def earlier_meta(session: "Session", key: str) -> Meta | None:
    """Return the metadata that a key, which may be deleted, was last known to have; None if that is not known.

    Raises:
        ExplorerError: The history could not be read.
    """
    loaded, store = session.detail.loaded, session.connection.store
    if not store.settable_meta:
        return NO_META
    if loaded is not None and loaded.entry.key == key:
        return loaded.entry.meta
    if Capability.HISTORY in store.capabilities:
        async with aclosing(_first(store.history(key))) as entries:
            async for entry in entries:
                return entry.meta
    if session.journal is None:
        return None
    return await asyncio.to_thread(_own_meta, session.journal, JournalScope.of_store(store), key)


async def _stored(session: "Session", key: str) -> bytes | None:
    """Return the value that is shown, or stored; None if there is none."""
    loaded = session.detail.loaded
    if loaded is not None and loaded.entry.key == key:
        return None if loaded.deleted else loaded.entry.value
    try:
        return (await session.connection.store.get(key)).value
    except KeyNotFound:
        return None


async def _first(history: AsyncGenerator[Entry, None]) -> AsyncGenerator[Entry, None]:
    async with aclosing(history) as entries:
        count = 0
        async for entry in entries:
            yield entry
            count += 1
            if count == MAX_EARLIER_VALUES:
                return


def _own_values(journal: Journal, scope: JournalScope, key: str) -> list[tuple[str, bytes]]:
    """Return the values that this person's changes of a key replaced, the newest first."""
    records = [record for record in filter(None, map(scope.relative, journal.records())) if record.key == key]
    return [
        (f"before your {record.action} of {record.time.astimezone():%Y-%m-%d %H:%M:%S}", record.old)
        for record in reversed(records)
        if record.old is not None
    ]


def _own_meta(journal: Journal, scope: JournalScope, key: str) -> Meta | None:
    """Return the metadata of what this person's last change of a key replaced; None if there is no such change."""
    metas = [
        record.meta
        for record in filter(None, map(scope.relative, journal.records()))
        if record.key == key and record.before is not None
    ]
    return metas[-1] if metas else None


def _preview(value: bytes) -> str:
    text = value[: 4 * _PREVIEW_LENGTH].decode("utf-8", "replace")
    start = sanitize(text[:_PREVIEW_LENGTH])
    return f"{format_bytes(len(value))}, {start}{'' if len(text) <= _PREVIEW_LENGTH else ' …'}"
