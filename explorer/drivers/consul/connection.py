"""A connection to Consul's agents: who we are to them, and one way to ask."""

import asyncio
import base64
from collections.abc import Callable, Mapping
from typing import TypeVar

from explorer.drivers.common import http, tls
from explorer.drivers.common.json_fields import Fields
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.consul import errors
from explorer.drivers.consul.answers import TxnResult
from explorer.drivers.consul.request_builder import ApiRequest
from explorer.drivers.consul.requests import sessions_index, transaction
from explorer.drivers.consul.restore_detector import RestoreDetector, is_abandoned
from explorer.drivers.consul.settings import ConsulSettings
from explorer.model.address import Host
from explorer.model.errors import ExplorerError

Read = TypeVar("Read")

_MOST_WAITING = 32
"""Questions that wait for news at the same time: each holds a connection here and a place in the agent's memory."""
_PATIENCE = 45.0
"""Seconds that one of them waits."""
_TURN = 1.0
"""Seconds that it waits while others want its place."""
_JITTER = 1 / 16
"""Part of the wait that the agent adds, so that not all clients come back at once (Consul's documentation)."""


class ConsulConnection:
    """The agents, asked one at a time; one that fails is left for the next."""

    def __init__(self, settings: ConsulSettings) -> None:
        self.settings = settings
        self.redacted = settings.redacted
        self.timeout = settings.access.timeout
        self._tasks = Tasks()
        self.restores = RestoreDetector(self._sessions_index, self._tasks)
        self._waiting = asyncio.Semaphore(_MOST_WAITING)
        self._endpoints = http.Endpoints(
            settings.hosts,
            judge=self._judge,
            product="Consul's API",
            redacted=self.redacted,
            timeout=self.timeout,
            tls=tls.ssl_context(settings.access, self.redacted, verify=settings.verify) if settings.tls else None,
            server_name=settings.access.server_name,
            headers=_headers(settings),
            base=settings.base,
            unix_socket=settings.socket,
        )

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The agents, in the order they were given."""
        return self._endpoints.hosts

    async def close(self) -> None:
        """Close every connection."""
        await self._tasks.close()
        await self._endpoints.close()

    async def ask(
        self,
        question: ApiRequest[Read],
        *,
        key: str | None = None,
        within: float | None = None,
        repeat: bool = True,
        news: bool = False,
        at: Host | None = None,
    ) -> Read:
        """Ask and give the answer, see `http.Endpoints.ask`."""
        return await self._endpoints.ask(
            question.request(self.settings.scope),
            question.read,
            key=key,
            within=within,
            repeat=repeat,
            news=news,
            at=at,
        )

    async def hear(
        self,
        question: Callable[[int, float], ApiRequest[tuple[int, Read]]],
        index: int,
        *,
        restores: int,
        key: str | None = None,
    ) -> tuple[int, Read] | None:
        """Ask what waits for its answer until there is news, or nothing for so long that it is asked again.

        So many such questions are open at a time; where there are more of them, they take turns.

        Args:
            question: Given an index and how long to wait (s), what to ask.
            index: The index of the answer before.
            restores: The restores of the store that the asker knows of.
            key: What it is about, for the error.

        Returns:
            The answer with its index; None as soon as the store was restored once more.
        """
        clock = asyncio.get_running_loop().time
        async with self._waiting:
            wait = _TURN if self._waiting.locked() else _PATIENCE
            within = wait * (1 + _JITTER) + self.timeout
            began = clock()
            async with asyncio.TaskGroup() as group:  # which waits for both even if it is cancelled while they end
                request = group.create_task(
                    self._answer_or_error(question(index, wait), key=key, within=within), name="blocking query"
                )
                restore = group.create_task(self.restores.next(restores), name="next restore")
                await asyncio.wait((request, restore), return_when=asyncio.FIRST_COMPLETED)
                if restored := restore.done():
                    request.cancel()
                restore.cancel()
        if restored:
            return None
        answer = request.result()
        if isinstance(answer, ExplorerError):
            raise answer
        if is_abandoned(index, answer[0], clock() - began, wait):
            self.restores.report()
            return None
        return answer

    async def _answer_or_error(
        self, request: ApiRequest[tuple[int, Read]], *, key: str | None, within: float
    ) -> tuple[int, Read] | ExplorerError:
        """Return the answer to a blocking query, or its error, which a task group would wrap."""
        try:
            return await self.ask(request, key=key, within=within, repeat=False, news=True)
        except ExplorerError as error:
            return error

    async def _sessions_index(self, index: int | None, wait: float) -> int:
        """Return the newest index of the sessions, see `RestoreDetector`."""
        if index is None:
            return await self.ask(sessions_index(None, 0.0))
        within = wait * (1 + _JITTER) + self.timeout
        return await self.ask(sessions_index(index, wait), within=within, repeat=False, news=True)

    async def commit(
        self,
        operations: list[Fields],
        *,
        key: str | None = None,
        within: float | None = None,
        consistency: str | None = None,
        repeat: bool = False,
    ) -> TxnResult:
        """Have a transaction decided.

        Raises:
            Forbidden: The token may not do one of the operations.
            SessionEndedError: A session that it names has ended.
        """
        verdict = await self.ask(transaction(operations, consistency), key=key, within=within, repeat=repeat)
        error = errors.refused(list(verdict.refusals.values()), self.redacted, key)
        if error is not None:
            raise error
        return verdict

    def _judge(self, answer: http.Answer, key: str | None) -> None:
        errors.raise_for_answer(answer, key, self.redacted)


def _headers(settings: ConsulSettings) -> Mapping[str, str]:
    """Return what says who asks: Consul's token, and user and password of a proxy before it (RFC 7617)."""
    headers = {}
    if token := settings.access.password:
        headers["X-Consul-Token"] = token.reveal()
    if settings.login:
        headers["Authorization"] = f"Basic {base64.b64encode(settings.login.reveal().encode()).decode()}"
    return headers
