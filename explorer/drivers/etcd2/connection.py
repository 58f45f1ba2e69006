"""A connection to etcd's members: who we are to them, one way to ask, and one to hear what happens."""

import base64
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from explorer.drivers.common import http, json_fields, tls
from explorer.drivers.common.json_fields import Fields
from explorer.drivers.etcd2 import errors, requests
from explorer.drivers.etcd2.errors import NOT_A_DIRECTORY, NOT_FOUND
from explorer.drivers.etcd2.keyspace import Node, NodeChange
from explorer.drivers.etcd2.settings import Etcd2Settings
from explorer.model.address import Host

_PROOF = "_keyscope-proof-of-life"
"""A hidden name that nobody has: its absence is told with the newest index."""
_INDEX: Final = "X-Etcd-Index"
_CLUSTER: Final = "X-Etcd-Cluster-Id"
_DONE: Final = (200, 201)
_ABSENT: Final = 404


@dataclass(frozen=True, slots=True)
class Etcd2Answer:
    """What was answered: a change or a node, or the code of a refusal."""

    code: int | None
    index: int
    """The store's newest index."""
    cluster: str | None
    change: NodeChange | None

    @classmethod
    def of(cls, answer: http.Answer, path: str | None) -> "Etcd2Answer":
        """Read an answer, about this node if one is given."""
        fields = json_fields.object_of(json_fields.parse(answer.body))
        code = json_fields.number(fields, "errorCode", 0) or None
        index = json_fields.digits(answer.headers.get(_INDEX), _INDEX)
        if (code is None) != (answer.status in _DONE):
            message = f"HTTP status {answer.status}"
            raise ValueError(message)
        change = None if code else NodeChange.of(fields)
        if change and path is not None and change.node.path != path:
            message = "it gives a node that was not asked for"
            raise ValueError(message)
        return cls(code, index, answer.headers.get(_CLUSTER), change)

    @property
    def node(self) -> Node | None:
        """The node that was read or written."""
        return None if self.change is None else self.change.node


@dataclass(frozen=True, slots=True)
class EventStream:
    """Changes as they happen."""

    index: int
    """The store's newest index when it began."""
    cluster: str | None
    changes: AsyncGenerator[NodeChange, None]


class Etcd2Connection:
    """The members, asked one at a time; one that fails is left for the next."""

    def __init__(self, settings: Etcd2Settings) -> None:
        self.settings = settings
        self.redacted = settings.redacted
        self.timeout = settings.access.timeout
        self.index = 0
        """The newest index that was heard of."""
        self._endpoints = http.Endpoints(
            settings.hosts,
            judge=self._judge,
            product="etcd's v2 API",
            redacted=self.redacted,
            timeout=self.timeout,
            tls=tls.ssl_context(settings.access, self.redacted, verify=settings.verify) if settings.tls else None,
            base=settings.base,
            unix_socket=settings.socket,
            server_name=settings.access.server_name,
            headers={"Content-Type": requests.FORM, **_credentials(settings)},
        )

    def _judge(self, answer: http.Answer, key: str | None) -> None:
        errors.raise_for_answer(answer, key, self.redacted, named=self.settings.access.user is not None)

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The members, in the order they were given."""
        return self._endpoints.hosts

    async def close(self) -> None:
        """Close every connection."""
        await self._endpoints.close()

    async def ask(
        self,
        request: http.Request,
        *answers: int,
        key: str | None = None,
        within: float | None = None,
        repeat: bool = True,
    ) -> Etcd2Answer:
        """Ask and give the answer, see `http.Endpoints.ask`; a refusal is one if it is among these codes."""
        path = requests.path_of(request)
        reply = await self._endpoints.ask(
            request, lambda answer: Etcd2Answer.of(answer, path), key=key, within=within, repeat=repeat
        )
        if reply.code is not None and reply.code not in answers:
            raise errors.refused(reply.code, self.redacted, key)
        self.index = max(self.index, reply.index)
        return reply

    async def ping(self, within: float | None = None, *, repeat: bool = True) -> Etcd2Answer:
        """Have a majority of the members answer."""
        question = requests.read(f"{self.settings.root}/{_PROOF}")
        return await self.ask(question, NOT_FOUND, NOT_A_DIRECTORY, within=within, repeat=repeat)

    async def tell(self, request: http.Request, host: Host, within: float) -> Fields:
        """Ask one member of itself."""
        return await self._endpoints.ask(request, _about_itself, within=within, repeat=False, at=host)

    @asynccontextmanager
    async def hear(
        self, path: str, index: int, *, below: bool, key: str | None = None
    ) -> AsyncGenerator[EventStream, None]:
        """Hear the changes of a node, and of all below it, from an index on.

        Raises:
            GapError: The store no longer knows what happened from that index on.
        """
        asked = requests.hear(path, index, below=below)
        async with self._endpoints.listen(asked, _beginning, _change, key=key) as ((newest, cluster), lines):
            yield EventStream(newest, cluster, _changes(lines))


async def _changes(lines: AsyncGenerator[NodeChange | None, None]) -> AsyncGenerator[NodeChange, None]:
    async for change in lines:
        if change is not None:
            yield change


def _beginning(answer: http.Answer) -> tuple[int, str | None]:
    """Return the index and the cluster that an answer which goes on begins with."""
    if answer.status not in _DONE:
        message = f"HTTP status {answer.status}"
        raise ValueError(message)
    return json_fields.digits(answer.headers.get(_INDEX), _INDEX), answer.headers.get(_CLUSTER)


def _change(line: bytes) -> NodeChange | None:
    return NodeChange.of(json_fields.object_of(json_fields.parse(line))) if line.strip() else None


def _about_itself(answer: http.Answer) -> Fields:
    if answer.status not in _DONE:
        message = f"HTTP status {answer.status}"
        raise ValueError(message)
    return json_fields.object_of(json_fields.parse(answer.body))


def _credentials(settings: Etcd2Settings) -> Mapping[str, str]:
    """Give the header that says who asks (RFC 7617)."""
    user, password = settings.access.user, settings.access.password
    if user is None:
        return {}
    pair = f"{user}:{password.reveal() if password else ''}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
