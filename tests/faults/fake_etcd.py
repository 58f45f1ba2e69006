"""A fake etcd, because a real one cannot be made to violate its guarantees, nor to be cut at a chosen message.

It responses ranges and watches from a history that is complete from the start, so that every header is ahead of the
events, as in a catch-up. A fault can change the responses of each connection.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, cast

from google.protobuf.message import Message

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import Method, Request, RequestSender, Response
from explorer.drivers.etcd.settings import load
from explorer.model.address import Access, Host, parse
from explorer.model.errors import Compacted, NotReachable
from tests.faults.history import Change, History

Writes = Mapping[str, bytes | None]
"""The writes of one revision: values by key, None deletes."""

Responses = list[messages.WatchResponse]
Fault = Callable[[Responses], Responses]
"""Changes the responses of a connection, from the one after `created` on."""

_BATCH: Final = 3  # revisions in one response


@dataclass(slots=True)
class Incarnation:
    """A store from its first write on: its revisions from the second on (a new etcd is at the first)."""

    revisions: Sequence[Writes]
    cluster: int = 1
    term: int = 2
    compacted: int = 0
    events: dict[int, list[messages.Event]] = field(init=False)
    _states: list[dict[bytes, messages.KeyValue]] = field(init=False)

    def __post_init__(self) -> None:
        self.events, self._states = {}, [{}, {}]
        for revision, writes in enumerate(self.revisions, 2):
            before, after = self._states[-1], dict(self._states[-1])
            self.events[revision] = []
            for name, value in writes.items():
                key = name.encode()
                old = before.get(key)
                if value is None and old is None:
                    continue
                event = messages.Event(prev_kv=old)
                if value is None:
                    event.type = messages.Event.DELETE
                    event.kv.CopyFrom(messages.KeyValue(key=key, mod_revision=revision))
                    del after[key]
                else:
                    event.kv.CopyFrom(
                        messages.KeyValue(
                            key=key,
                            value=value,
                            mod_revision=revision,
                            create_revision=old.create_revision if old else revision,
                            version=old.version + 1 if old else 1,
                        )
                    )
                    after[key] = event.kv
                self.events[revision].append(event)
            self._states.append(after)

    @property
    def revision(self) -> int:
        return len(self.revisions) + 1

    @property
    def header(self) -> messages.Header:
        return messages.Header(cluster_id=self.cluster, member_id=7, revision=self.revision, raft_term=self.term)

    @property
    def history(self) -> History:
        """The history as a recorder has it."""
        return History(
            tuple(
                Change(
                    event.kv.mod_revision,
                    event.kv.key.decode(),
                    None if event.type == messages.Event.DELETE else event.kv.value,
                    event.kv.create_revision,
                    event.kv.version,
                )
                for events in self.events.values()
                for event in events
            )
        )

    def range(self, request: messages.RangeRequest) -> messages.RangeResponse:
        revision = request.revision or self.revision
        if revision < self.compacted:
            raise Compacted("that revision has been compacted")
        end = request.range_end or request.key + b"\0"
        found = [
            kv
            for key, kv in sorted(self._states[revision].items())
            if request.key <= key < end and kv.mod_revision >= request.min_mod_revision
        ]
        shown = found[: request.limit or None]
        response = messages.RangeResponse(header=self.header, count=len(found), more=len(shown) < len(found))
        for kv in shown:
            response.kvs.add().CopyFrom(kv)
            if request.keys_only:
                response.kvs[-1].ClearField("value")
        return response

    def watch(self, start: int) -> Responses:
        """Return the responses of a correct server to a watch, the largest ones in fragments of one event."""
        if start < self.compacted:
            return [messages.WatchResponse(header=self.header, canceled=True, compact_revision=self.compacted)]
        responses: Responses = []
        for first in range(start, self.revision + 1, _BATCH):
            batch = [
                event
                for revision in range(first, min(first + _BATCH, self.revision + 1))
                for event in self.events[revision]
            ]
            for number, event in enumerate(batch, 1):
                responses.append(
                    messages.WatchResponse(header=self.header, fragment=number < len(batch), events=[event])
                )
        responses.append(messages.WatchResponse(header=self.header))  # a progress notification
        return responses


def no_fault(responses: Responses) -> Responses:
    return responses


@dataclass(frozen=True, slots=True)
class ScriptedConnection:
    """A connection to an incarnation, cut after so many responses (None: never), with a fault."""

    incarnation: Incarnation
    cut: int | None = None
    fault: Fault = no_fault


class ScriptedEtcd(EtcdConnection):
    """The connections to a fake store, one after the other; a watch that reconnects gets the next."""

    def __init__(self, *connections: ScriptedConnection) -> None:
        super().__init__(load(parse("etcd://127.0.0.1:1/"), Access(timeout=1.0)))
        self._connections = list(connections)
        self.over = asyncio.Event()
        """All responses of the last connection were read."""

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        within: float | None = None,
        repeat: bool = True,
        at: Host | None = None,
    ) -> Response:
        del method, within, repeat, at
        if not isinstance(request, messages.RangeRequest):
            message = f"the script has no response to {request}"
            raise TypeError(message)
        return cast("Response", self._connections[0].incarnation.range(request))

    async def open_stream(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        first_within: float | None = None,
        progress_request: Request | None = None,
        sender: RequestSender[Request] | None = None,
    ) -> AsyncGenerator[Response, None]:
        del method, first_within, progress_request
        if not isinstance(request, messages.WatchRequest):
            message = f"the script has no response to {request}"
            raise TypeError(message)
        connection = self._connections[0]
        asked: deque[messages.WatchRequest] = deque([request])
        if sender is not None:
            sender.open(partial(_append, asked))
        left = connection.cut
        open_watches: deque[Responses] = deque()
        while asked or open_watches:
            while asked:
                self._open_watch(connection, asked.popleft(), open_watches)
            if not open_watches:
                break
            responses = open_watches.popleft()  # one response of each watch in turn
            response = responses.pop(0)
            if responses:
                open_watches.append(responses)
            if not response.created:
                if left == 0:
                    break
                left = None if left is None else left - 1
            yield cast("Response", response)
            if response.canceled:
                return
        if connection.cut is None:
            self.over.set()
            await asyncio.Event().wait()
        self._connections.pop(0)
        raise NotReachable("cut, as the script has it")

    def _open_watch(
        self, connection: ScriptedConnection, request: messages.WatchRequest, open_watches: deque[Responses]
    ) -> None:
        """Open a watch, or end one."""
        incarnation, watch = connection.incarnation, request.create_request.watch_id
        if request.HasField("cancel_request"):
            ended = request.cancel_request.watch_id
            open_watches.extend(
                [
                    responses
                    for _ in range(len(open_watches))
                    if (responses := open_watches.popleft())[0].watch_id != ended
                ]
            )
            return
        sent = connection.fault(incarnation.watch(self.start(request.create_request.start_revision)))
        responses = [messages.WatchResponse(header=incarnation.header, created=True)]
        responses += [messages.WatchResponse.FromString(response.SerializeToString()) for response in sent]
        for response in responses:
            response.watch_id = watch
        open_watches.append(responses)

    def start(self, revision: int) -> int:
        """Return the revision at which a watch starts; the script of a broken watch overrides it."""
        return revision


async def _append(asked: deque[messages.WatchRequest], request: Message) -> None:
    asked.append(cast("messages.WatchRequest", request))


def duplicated(responses: Responses) -> Responses:
    """Repeat every complete response."""
    sent: Responses = []
    fragments: Responses = []
    for response in responses:
        fragments.append(response)
        if not response.fragment:
            sent += [*fragments, *fragments]
            fragments = []
    return sent


def from_the_start(store: Incarnation) -> Fault:
    return lambda _answers: store.watch(2)


def progress_first(responses: Responses) -> Responses:
    return [responses[-1], *responses[:-1]]


def with_a_gap(responses: Responses) -> Responses:
    """Leave out one complete response."""
    ends = [number for number, response in enumerate(responses) if response.events and not response.fragment]
    return responses[: ends[0] + 1] + responses[ends[1] + 1 :]


def reordered(responses: Responses) -> Responses:
    """Swap the first two complete responses."""
    ends = [number for number, response in enumerate(responses) if response.events and not response.fragment]
    return responses[ends[0] + 1 : ends[1] + 1] + responses[: ends[0] + 1] + responses[ends[1] + 1 :]


def without_fragment_flags(responses: Responses) -> Responses:
    """Hide that a response is a fragment, as from a watch that ignores the flag."""
    sent = [messages.WatchResponse.FromString(response.SerializeToString()) for response in responses]
    for response in sent:
        response.fragment = False
    return sent
