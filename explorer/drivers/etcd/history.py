"""The earlier entries of a key, as far back as the store was not compacted."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.methods import RANGE, WATCH
from explorer.model.entries import Entry
from explorer.model.errors import Compacted

_ASSURANCE = 2


async def earlier(
    cluster: EtcdConnection, key: bytes, *, spell: Callable[[messages.KeyValue], Entry], subject: str
) -> AsyncGenerator[Entry, None]:
    """Give the entries before today's, newest first.

    One request for each version, going back from the newest; only where the key did not exist for a while is its
    history replayed, to find out when it last did.
    """
    answer = await cluster.call(RANGE, messages.RangeRequest(key=key, keys_only=True), key=subject)
    if answer.kvs:
        born, until = answer.kvs[0].create_revision, answer.kvs[0].mod_revision - 1
    else:
        born, until = 0, answer.header.revision
    try:
        while until > 0:
            if until < born or not born:
                last = await _last_written(cluster, key, until, subject=subject)
                if last is None:
                    return
                born, until = last.create_revision, last.mod_revision
            question = messages.RangeRequest(key=key, revision=until)
            found = (await cluster.call(RANGE, question, key=subject)).kvs[0]
            yield spell(found)
            until = found.mod_revision - 1
    except Compacted:
        return


async def _last_written(cluster: EtcdConnection, key: bytes, until: int, *, subject: str) -> messages.KeyValue | None:
    """Find the last put of a key at or before a revision at which it does not exist."""
    last: messages.KeyValue | None = None
    start, replayed = 1, 0
    progress = messages.WatchRequest(progress_request=messages.WatchProgressRequest())
    while True:
        question = messages.WatchRequest(
            create_request=messages.WatchCreateRequest(key=key, start_revision=start, progress_notify=True)
        )
        stream = cluster.converse(WATCH, question, key=subject, first_within=cluster.timeout, nudge=progress)
        async with aclosing(stream) as answers:
            async for found in answers:
                if found.canceled:
                    if not found.compact_revision or found.compact_revision > until:
                        return None
                    start = found.compact_revision
                    break
                for event in found.events:
                    if event.kv.mod_revision > until:
                        return last
                    if event.type == messages.Event.PUT:
                        last = event.kv
                # A server before 3.5.8 may tell of progress before the events that led to it (etcd#15220): it is asked
                # twice.
                replayed = 0 if found.events or found.created else replayed + (found.header.revision >= until)
                if replayed == _ASSURANCE:
                    return last
