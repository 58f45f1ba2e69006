"""A connection to Consul's agents: requests, blocking queries and transactions."""

import asyncio
import base64
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from explorer.drivers.common import tls
from explorer.drivers.common.endpoints import Endpoints
from explorer.drivers.common.json_fields import Fields
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.consul import errors
from explorer.drivers.consul.answers import TxnResult
from explorer.drivers.consul.request_builder import ApiRequest
from explorer.drivers.consul.requests import sessions_index, txn
from explorer.drivers.consul.restore_detector import RestoreDetector, is_abandoned
from explorer.drivers.consul.settings import ConsulSettings
from explorer.model.address import Host
from explorer.model.errors import ExplorerError

Read = TypeVar("Read")

_MAX_BLOCKING_QUERIES: Final = 32
"""Blocking queries at the same time: each takes a connection here and a goroutine in the agent."""
_QUERY_WAIT: Final = 45.0
"""Seconds that a blocking query waits."""
_SHARED_QUERY_WAIT: Final = 1.0
"""Seconds that it waits while other queries wait for a place."""
_JITTER: Final = 1 / 16
"""Part of the wait that the agent adds, so that not all clients return at once (Consul, "Blocking Queries")."""


class ConsulConnection:
    """Connections to the agents of an address. One agent is used at a time, and the next one after a failure."""

    def __init__(self, settings: ConsulSettings) -> None:
        self.settings = settings
        self.redacted = settings.redacted
        self.timeout = settings.access.timeout
        self._tasks = Tasks()
        self.restores = RestoreDetector(self._sessions_index, self._tasks)
        self._query_slots = asyncio.Semaphore(_MAX_BLOCKING_QUERIES)
        self._endpoints = Endpoints(
            settings.hosts,
            raise_for_answer=errors.raise_for_answer,
            product="Consul's API",
            redacted=self.redacted,
            timeout=self.timeout,
            tls=tls.ssl_context(settings.access, verify=settings.verify) if settings.tls else None,
            server_name=settings.access.server_name,
            headers=_auth_headers(settings),
            base=settings.base,
            unix_socket=settings.socket,
        )

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The agents, in the order of the address."""
        return self._endpoints.hosts

    async def close(self) -> None:
        """Close all connections."""
        await self._tasks.close()
        await self._endpoints.close()

    async def send(
        self,
        request: ApiRequest[Read],
        *,
        within: float | None = None,
        repeat: bool = True,
        blocking: bool = False,
        at: Host | None = None,
    ) -> Read:
        """Send a request and return the parsed answer, see `Endpoints.query`."""
        return await self._endpoints.query(
            request.to_http(self.settings.scope),
            request.read,
            within=within,
            repeat=repeat,
            blocking=blocking,
            at=at,
        )

    async def blocking_query(
        self,
        make_request: Callable[[int, float], ApiRequest[tuple[int, Read]]],
        index: int,
        *,
        restores: int,
    ) -> tuple[int, Read] | None:
        """Send a blocking query: Consul answers when there is a newer index, or after a maximal wait.

        If there are more queries than places, they take turns.

        Args:
            make_request: Returns the request for an index and a wait in seconds.
            index: The index of the previous answer.
            restores: The number of restores of the store that the caller knows of.

        Returns:
            The index of the answer and the answer; None as soon as the store was restored once more.
        """
        clock = asyncio.get_running_loop().time
        async with self._query_slots:
            wait = _SHARED_QUERY_WAIT if self._query_slots.locked() else _QUERY_WAIT
            within = wait * (1 + _JITTER) + self.timeout
            began = clock()
            async with asyncio.TaskGroup() as group:  # which waits for both even if it is cancelled while they end
                query = group.create_task(
                    self._answer_or_error(make_request(index, wait), within=within), name="blocking query"
                )
                restore = group.create_task(self.restores.next(restores), name="next restore")
                await asyncio.wait((query, restore), return_when=asyncio.FIRST_COMPLETED)
                if restored := restore.done():
                    query.cancel()
                restore.cancel()
        if restored:
            return None
        answer = query.result()
        if isinstance(answer, ExplorerError):
            raise answer
        if is_abandoned(index, answer[0], clock() - began, wait):
            self.restores.report()
            return None
        return answer

    async def _answer_or_error(
        self, request: ApiRequest[tuple[int, Read]], *, within: float
    ) -> tuple[int, Read] | ExplorerError:
        """Return the answer to a blocking query, or its error, which a task group would wrap."""
        try:
            return await self.send(request, within=within, repeat=False, blocking=True)
        except ExplorerError as error:
            return error

    async def _sessions_index(self, index: int | None, wait: float) -> int:
        """Return the newest index of the sessions, see `RestoreDetector`."""
        if index is None:
            return await self.send(sessions_index(None, 0.0))
        within = wait * (1 + _JITTER) + self.timeout
        return await self.send(sessions_index(index, wait), within=within, repeat=False, blocking=True)

    async def commit(
        self,
        operations: list[Fields],
        *,
        within: float | None = None,
        consistency: str | None = None,
        repeat: bool = False,
    ) -> TxnResult:
        """Commit a transaction and return its result.

        Raises:
            Forbidden: The token may not do one of the operations.
            SessionEndedError: A session that it names has ended.
        """
        result = await self.send(txn(operations, consistency), within=within, repeat=repeat)
        error = errors.txn_error(list(result.errors.values()))
        if error is not None:
            raise error
        return result


def _auth_headers(settings: ConsulSettings) -> Mapping[str, str]:
    """Return the headers with Consul's token, and with user and password for a proxy before the agents (RFC 7617)."""
    headers = {}
    if token := settings.access.password:
        headers["X-Consul-Token"] = token.reveal()
    if settings.login:
        headers["Authorization"] = f"Basic {base64.b64encode(settings.login.reveal().encode()).decode()}"
    return headers
