"""A connection to etcd's members: who we are to them, one way to ask, and one to hear what happens."""

import base64
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from explorer.drivers import encryption, http
from explorer.drivers.etcd2 import failures, requests
from explorer.drivers.etcd2.failures import NOT_A_DIRECTORY, NOT_FOUND, Fields
from explorer.drivers.etcd2.layout import Change, Node
from explorer.drivers.etcd2.settings import Settings
from explorer.model.address import Host
from explorer.model.errors import NotReachable

_PROOF = "_keyscope-proof-of-life"
"""A hidden name that nobody has: its absence is told with the newest index."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered: a change or a node, or the code of a refusal."""

    code: int | None
    index: int
    """The store's newest index."""
    cluster: str | None
    change: Change | None

    @property
    def node(self) -> Node | None:
        """The node that was read or written."""
        return None if self.change is None else self.change.node


@dataclass(frozen=True, slots=True)
class Hearing:
    """Changes as they happen."""

    index: int
    """The store's newest index when it began."""
    cluster: str | None
    changes: AsyncGenerator[Change, None]


class Connection:
    """The members, asked one at a time; one that fails is left for the next."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.shown = settings.shown
        self.timeout = settings.access.timeout
        self.index = 0
        """The newest index that was heard of."""
        self._endpoints = http.Endpoints(
            settings.hosts,
            judge=self._judge,
            shown=self.shown,
            timeout=self.timeout,
            tls=encryption.context(settings.access, self.shown) if settings.tls else None,
            server_name=settings.access.server_name,
            headers={"Content-Type": requests.FORM, **_credentials(settings)},
        )

    def _judge(self, answer: http.Answer, key: str | None) -> None:
        failures.judge(answer, key, self.shown, named=self.settings.access.user is not None)

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
    ) -> Reply:
        """Ask and give the answer, see `http.Endpoints.send`; a refusal is one if it is among these codes."""
        answer = await self._endpoints.send(request, key=key, within=within, repeat=repeat)
        told = failures.fields(answer.body)
        code = cast("int | None", told.get("errorCode"))
        if code is not None and code not in answers:
            raise failures.refused(code, self.shown, key)
        if code is None and "node" not in told:
            raise NotReachable(
                "the answer is not one of etcd's v2 API", hint="is this etcd?", address=self.shown, key=key
            )
        index = _index(answer.headers)
        self.index = max(self.index, index)
        return Reply(code, index, answer.headers.get("X-Etcd-Cluster-Id"), None if code else Change.of(told))

    async def prove(self, within: float | None = None, *, repeat: bool = True) -> Reply:
        """Have a majority of the members answer."""
        question = requests.read(f"{self.settings.root}/{_PROOF}")
        return await self.ask(question, NOT_FOUND, NOT_A_DIRECTORY, within=within, repeat=repeat)

    async def length(self, path: str, *, key: str | None) -> int | None:
        """Tell how long the answer to reading a node would be, in bytes; None if it is no short one."""
        answer = await self._endpoints.send(requests.measure(path), key=key)
        told = answer.headers.get("Content-Length", "")
        return int(told) if told.isdigit() else None

    async def tell(self, request: http.Request, host: Host, within: float) -> Fields:
        """Ask one member of itself."""
        answer = await self._endpoints.send(request, within=within, repeat=False, at=host)
        return failures.fields(answer.body)

    @asynccontextmanager
    async def hear(
        self, path: str, index: int, *, below: bool, key: str | None = None
    ) -> AsyncGenerator[Hearing, None]:
        """Hear the changes of a node, and of all below it, from an index on.

        Raises:
            GapError: The store no longer knows what happened from that index on.
        """
        asked = requests.hear(path, index, below=below)
        async with self._endpoints.listen(asked, key=key) as (headers, lines):
            yield Hearing(_index(headers), headers.get("X-Etcd-Cluster-Id"), _changes(lines))


async def _changes(lines: AsyncGenerator[bytes, None]) -> AsyncGenerator[Change, None]:
    async for line in lines:
        if told := failures.fields(line):
            yield Change.of(told)


def _index(headers: Mapping[str, str]) -> int:
    told = headers.get("X-Etcd-Index", "")
    return int(told) if told.isdigit() else 0


def _credentials(settings: Settings) -> Mapping[str, str]:
    """Give the header that says who asks (RFC 7617)."""
    user, password = settings.access.user, settings.access.password
    if user is None:
        return {}
    pair = f"{user}:{password.reveal() if password else ''}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
