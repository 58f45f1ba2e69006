"""Earlier entries of a key, as far back as the store was not compacted."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import RANGE, WATCH
from explorer.model.entries import Entry
from explorer.model.errors import Compacted

_PROGRESS_RESPONSES = 2
"""Progress responses in a row that prove that all events have come."""


async def earlier_entries(
    connection: EtcdConnection, key: bytes, *, to_entry: Callable[[messages.KeyValue], Entry], shown_at: int = 0
) -> AsyncGenerator[Entry, None]:
    """Yield the entries before the current one, newest first.

    One request per version, from the newest back. Only where the key did not exist for a while is its history replayed,
    to find out when it last did.

    Args:
        connection: The connection.
        key: The key as the store has it.
        to_entry: Returns the entry of a version.
        shown_at: Revision whose entry is the current one; 0 for the present.
    """
    response = await connection.call(RANGE, messages.RangeRequest(key=key, keys_only=True, revision=shown_at))
    if response.kvs:
        created, until = response.kvs[0].create_revision, response.kvs[0].mod_revision - 1
    else:
        created, until = 0, shown_at or response.header.revision
    try:
        while until > 0:
            if until < created or not created:
                last = await _last_put(connection, key, until)
                if last is None:
                    return
                created, until = last.create_revision, last.mod_revision
            request = messages.RangeRequest(key=key, revision=until)
            version = (await connection.call(RANGE, request)).kvs[0]
            yield to_entry(version)
            until = version.mod_revision - 1
    except Compacted:
        return


async def _last_put(connection: EtcdConnection, key: bytes, until: int) -> messages.KeyValue | None:
    """Return the last put of a key at or before a revision at which it does not exist."""
    last: messages.KeyValue | None = None
    start, progress_responses = 1, 0
    progress_request = messages.WatchRequest(progress_request=messages.WatchProgressRequest())
    while True:
        request = messages.WatchRequest(
            create_request=messages.WatchCreateRequest(key=key, start_revision=start, progress_notify=True)
        )
        stream = connection.open_stream(WATCH, request, progress_request=progress_request)
        async with aclosing(stream) as responses:
            async for response in responses:
                if response.canceled:
                    if not response.compact_revision or response.compact_revision > until:
                        return None
                    start = response.compact_revision
                    break
                for event in response.events:
                    if event.kv.mod_revision > until:
                        return last
                    if event.type == messages.Event.PUT:
                        last = event.kv
                # A server before 3.5.8 may report progress before the events that led to it (etcd#15220), so one
                # progress response is not enough.
                is_progress = not (response.events or response.created)
                progress_responses = progress_responses + (response.header.revision >= until) if is_progress else 0
                if progress_responses == _PROGRESS_RESPONSES:
                    return last
