"""Status of a file: its size, its pages, and what to know before relying on it."""

from typing import Final

from explorer.drivers.bolt.bucket import Bucket
from explorer.drivers.bolt.connection import BoltConnection
from explorer.drivers.bolt.file import View
from explorer.drivers.bolt.freelist import count_free
from explorer.drivers.common.status import Fact
from explorer.model.entries import Status
from explorer.model.format import format_bytes

_MANY_FREE: Final = 0.5
"""Part of the pages from which on it is worth saying that they are free."""
_WORTH_SAYING: Final = 64 << 20
"""Bytes likewise."""


async def read_status(connection: BoltConnection) -> Status:
    """Return the status of the file."""
    txid, facts, complaints = await connection.read(_read)
    if connection.stale_reason is not None:
        complaints = [connection.stale_reason, *complaints]
    return Status("BoltDB", "2", txid, connection.identity, facts, tuple(complaints))


def _read(view: View) -> tuple[int, dict[str, Fact], list[str]]:
    meta = view.meta
    free = count_free(view)
    facts: dict[str, Fact] = {
        "transaction": meta.txid,
        "size": format_bytes(meta.high_water * meta.page_size),
        "page size": format_bytes(meta.page_size),
        "free pages": "not listed in the file" if free is None else f"{free:,} of {meta.high_water:,}",
    }
    complaints = []
    if free is not None and free > meta.high_water * _MANY_FREE and free * meta.page_size > _WORTH_SAYING:
        complaints.append(
            f"{format_bytes(free * meta.page_size)} of the file are free: `bbolt compact` gives them back"
        )
    if Bucket.root_of(view).is_empty:
        facts["buckets"] = "none"
    return meta.txid, facts, complaints
