"""A fake etcd, because a real one cannot be made to lie, nor to be cut off at a chosen message.

It answers ranges and watches from a history that is complete from the start, so that every header is ahead of the
events, as in a catch-up. What it says on each connection can be spoiled before the watch under test hears it.
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
"""What one revision does: values by key, None deletes."""

Answers = list[messages.WatchResponse]
Fault = Callable[[Answers], Answers]
"""Spoils what is said on a connection, from the answer after `created` on."""

_BATCH: Final = 3  # revisions in one answer


@dataclass(slots=True)
class Incarnation:
    """One life of a store: its revisions from the second on (a new etcd is at the first)."""

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
        """What an honest recorder takes down."""
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
        answer = messages.RangeResponse(header=self.header, count=len(found), more=len(shown) < len(found))
        for kv in shown:
            answer.kvs.add().CopyFrom(kv)
            if request.keys_only:
                answer.kvs[-1].ClearField("value")
        return answer

    def watch(self, start: int) -> Answers:
        """Give what an honest server says to a watch, its largest answers in fragments of one event."""
        if start < self.compacted:
            return [messages.WatchResponse(header=self.header, canceled=True, compact_revision=self.compacted)]
        answers: Answers = []
        for first in range(start, self.revision + 1, _BATCH):
            batch = [
                event
                for revision in range(first, min(first + _BATCH, self.revision + 1))
                for event in self.events[revision]
            ]
            for number, event in enumerate(batch, 1):
                answers.append(messages.WatchResponse(header=self.header, fragment=number < len(batch), events=[event]))
        answers.append(messages.WatchResponse(header=self.header))  # a progress notification
        return answers


def honest(answers: Answers) -> Answers:
    return answers


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection of the script: to which life, cut after how many answers (None: never), and how spoiled."""

    life: Incarnation
    cut: int | None = None
    lie: Fault = honest


class Script(EtcdConnection):
    """The connections of a fake store, one after the other; a watch that comes back finds the next."""

    def __init__(self, *connections: Connection) -> None:
        super().__init__(load(parse("etcd://127.0.0.1:1/"), Access(timeout=1.0)))
        self._connections = list(connections)
        self.over = asyncio.Event()
        """Everything that the last connection has to say was heard."""

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
            message = f"the script has no answer to {request}"
            raise TypeError(message)
        return cast("Response", self._connections[0].life.range(request))

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
            message = f"the script has no answer to {request}"
            raise TypeError(message)
        connection = self._connections[0]
        asked: deque[messages.WatchRequest] = deque([request])
        if sender is not None:
            sender.open(partial(_append, asked))
        left = connection.cut
        open_watches: deque[Answers] = deque()
        while asked or open_watches:
            while asked:
                self._open_watch(connection, asked.popleft(), open_watches)
            if not open_watches:
                break
            answers = open_watches.popleft()  # each watch says one thing in turn
            answer = answers.pop(0)
            if answers:
                open_watches.append(answers)
            if not answer.created:
                if left == 0:
                    break
                left = None if left is None else left - 1
            yield cast("Response", answer)
            if answer.canceled:
                return
        if connection.cut is None:
            self.over.set()
            await asyncio.Event().wait()
        self._connections.pop(0)
        raise NotReachable("cut, as the script has it")

    def _open_watch(self, connection: Connection, request: messages.WatchRequest, open_watches: deque[Answers]) -> None:
        """Open a watch, or end one."""
        life, watch = connection.life, request.create_request.watch_id
        if request.HasField("cancel_request"):
            ended = request.cancel_request.watch_id
            open_watches.extend(
                [answers for _ in range(len(open_watches)) if (answers := open_watches.popleft())[0].watch_id != ended]
            )
            return
        spoiled = connection.lie(life.watch(self.start(request.create_request.start_revision)))
        answers = [messages.WatchResponse(header=life.header, created=True)]
        answers += [messages.WatchResponse.FromString(answer.SerializeToString()) for answer in spoiled]
        for answer in answers:
            answer.watch_id = watch
        open_watches.append(answers)

    def start(self, revision: int) -> int:
        """Give the revision that a watch is taken to ask for; a broken watch's script overrides it."""
        return revision


async def _append(asked: deque[messages.WatchRequest], request: Message) -> None:
    asked.append(cast("messages.WatchRequest", request))
