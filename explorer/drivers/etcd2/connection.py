"""Connection to the members of an etcd cluster by the v2 API: plain requests, and waits that stream changes."""

import base64
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final

from explorer.drivers.common import http, json_fields, tls
from explorer.drivers.common.endpoints import Endpoints
from explorer.drivers.common.json_fields import Fields
from explorer.drivers.common.retry import connect_with_retry
from explorer.drivers.etcd2 import errors, requests
from explorer.drivers.etcd2.errors import Etcd2ErrorCode
from explorer.drivers.etcd2.keyspace import Etcd2Node, NodeChange
from explorer.drivers.etcd2.settings import Etcd2Settings
from explorer.model.address import Host

_PING_NAME: Final = "_keyscope-proof-of-life"
"""A hidden name that does not exist: the response has the newest index."""
_INDEX_HEADER: Final = "X-Etcd-Index"
_CLUSTER_HEADER: Final = "X-Etcd-Cluster-Id"


@dataclass(frozen=True, slots=True)
class Etcd2Response:
    """A response: a node or a change, or the code of an error."""

    code: int | None
    index: int
    """The store's newest index."""
    cluster: str | None
    change: NodeChange | None

    @classmethod
    def parse(cls, response: http.Response, path: str | None) -> "Etcd2Response":
        """Return the response in an HTTP response.

        Args:
            response: The HTTP response.
            path: The node that it has to be about, if any.

        Raises:
            ValueError: It is not etcd's.
        """
        fields = json_fields.object_of(json_fields.parse(response.body))
        code = json_fields.number(fields, "errorCode", 0) or None
        index = json_fields.digits(response.headers.get(_INDEX_HEADER), _INDEX_HEADER)
        if (code is None) != _is_success(response):
            raise _status_error(response)
        change = None if code else NodeChange.parse(fields)
        if change and path is not None and change.node.path != path:
            message = "it has another node than the requested one"
            raise ValueError(message)
        return cls(code, index, response.headers.get(_CLUSTER_HEADER), change)

    @property
    def node(self) -> Etcd2Node | None:
        """The node that was read or written."""
        return None if self.change is None else self.change.node


@dataclass(frozen=True, slots=True)
class WaitStream:
    """The changes that one waiting request returns as they happen."""

    index: int
    """The store's newest index when the stream began."""
    cluster: str | None
    changes: AsyncGenerator[NodeChange, None]


class Etcd2Connection:
    """The members of a cluster, used one at a time; one that fails is left for the next."""

    def __init__(self, settings: Etcd2Settings) -> None:
        self.settings = settings
        self.redacted = settings.redacted
        self.timeout = settings.access.timeout
        self.index = 0
        """The newest index in any response."""
        self._endpoints = Endpoints(
            settings.hosts,
            raise_for_answer=partial(errors.raise_for_answer, has_user=settings.access.user is not None),
            product="etcd's v2 API",
            redacted=self.redacted,
            timeout=self.timeout,
            tls=tls.ssl_context(settings.access, verify=settings.verify) if settings.tls else None,
            base=settings.base,
            unix_socket=settings.socket,
            server_name=settings.access.server_name,
            headers={"Content-Type": requests.FORM_CONTENT_TYPE, **_authorization(settings)},
        )

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The members, in the order they were given."""
        return self._endpoints.hosts

    async def close(self) -> None:
        """Close every connection."""
        await self._endpoints.close()

    async def handshake(self) -> None:
        """Make the first contact."""
        await connect_with_retry(lambda left: self.ping(left, repeat=False), len(self.hosts), within=self.timeout)

    async def send(
        self,
        request: http.Request,
        *handled: Etcd2ErrorCode,
        within: float | None = None,
        repeat: bool = True,
    ) -> Etcd2Response:
        """Send a request and return the response, see `Endpoints.query`.

        Args:
            request: The request.
            handled: Codes that the caller handles; any other is raised.
            within: Seconds for all attempts; the settings' timeout by default.
            repeat: Whether to send the request again when its response was lost, as reads may be.
        """
        path = requests.path_of(request)
        response = await self._endpoints.query(
            request, partial(Etcd2Response.parse, path=path), within=within, repeat=repeat
        )
        if response.code is not None and response.code not in handled:
            raise errors.error_for(response.code)
        self.index = max(self.index, response.index)
        return response

    async def ping(self, within: float | None = None, *, repeat: bool = True) -> Etcd2Response:
        """Send a read that needs a majority of the members, and return the response."""
        request = requests.read(f"{self.settings.root}/{_PING_NAME}")
        return await self.send(
            request, Etcd2ErrorCode.KEY_NOT_FOUND, Etcd2ErrorCode.NOT_A_DIRECTORY, within=within, repeat=repeat
        )

    async def send_to_member(self, request: http.Request, host: Host, within: float) -> Fields:
        """Send a request about a member to that member, and return the fields of its response."""
        return await self._endpoints.query(request, _parse_member, within=within, repeat=False, at=host)

    @asynccontextmanager
    async def wait(self, path: str, index: int, *, recursive: bool) -> AsyncGenerator[WaitStream, None]:
        """Open a stream of the changes of a node from an index on, with `recursive` of all nodes below it, too.

        Raises:
            EventIndexClearedError: The store no longer has all changes from that index on.
        """
        request = requests.wait(path, index, recursive=recursive)
        async with self._endpoints.stream(request, _parse_head, _parse_line) as ((newest, cluster), lines):
            yield WaitStream(newest, cluster, _without_blank_lines(lines))


async def _without_blank_lines(lines: AsyncGenerator[NodeChange | None, None]) -> AsyncGenerator[NodeChange, None]:
    async for change in lines:
        if change is not None:
            yield change


def _parse_head(response: http.Response) -> tuple[int, str | None]:
    """Return the index and the cluster in the headers of a stream."""
    if not _is_success(response):
        raise _status_error(response)
    index = json_fields.digits(response.headers.get(_INDEX_HEADER), _INDEX_HEADER)
    return index, response.headers.get(_CLUSTER_HEADER)


def _parse_line(line: bytes) -> NodeChange | None:
    return NodeChange.parse(json_fields.object_of(json_fields.parse(line))) if line.strip() else None


def _parse_member(response: http.Response) -> Fields:
    if not _is_success(response):
        raise _status_error(response)
    return json_fields.object_of(json_fields.parse(response.body))


def _is_success(response: http.Response) -> bool:
    return response.status in (HTTPStatus.OK, HTTPStatus.CREATED)


def _status_error(response: http.Response) -> ValueError:
    return ValueError(f"HTTP status {response.status}")


def _authorization(settings: Etcd2Settings) -> Mapping[str, str]:
    """Return the header with user and password (RFC 7617)."""
    user, password = settings.access.user, settings.access.password
    if user is None:
        return {}
    pair = f"{user}:{password.reveal() if password else ''}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
