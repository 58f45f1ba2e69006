"""A connection to Consul's agents: who we are to them, and one way to ask."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from explorer.drivers import encryption, http
from explorer.drivers.consul import failures
from explorer.drivers.consul.answers import Verdict
from explorer.drivers.consul.requests import transaction
from explorer.drivers.consul.scribe import Question
from explorer.drivers.consul.settings import Settings
from explorer.drivers.json_fields import Fields
from explorer.model.address import Host

Read = TypeVar("Read")

_MOST_WAITING = 32
"""Questions that wait for news at the same time: each holds a connection here and a place in the agent's memory."""
_PATIENCE = 45.0
"""Seconds that one of them waits."""
_TURN = 1.0
"""Seconds that it waits while others want its place."""
_JITTER = 1 / 16
"""Part of the wait that the agent adds, so that not all clients come back at once (Consul's documentation)."""


class Connection:
    """The agents, asked one at a time; one that fails is left for the next."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.shown = settings.shown
        self.timeout = settings.access.timeout
        self._waiting = asyncio.Semaphore(_MOST_WAITING)
        token = settings.access.password
        self._endpoints = http.Endpoints(
            settings.hosts,
            judge=self._judge,
            product="Consul's API",
            shown=self.shown,
            timeout=self.timeout,
            tls=encryption.context(settings.access, self.shown) if settings.tls else None,
            server_name=settings.access.server_name,
            headers={"X-Consul-Token": token.reveal()} if token else {},
        )

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The agents, in the order they were given."""
        return self._endpoints.hosts

    async def close(self) -> None:
        """Close every connection."""
        await self._endpoints.close()

    async def ask(
        self,
        question: Question[Read],
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
        self, question: Callable[[int, float], Question[Read]], index: int, *, key: str | None = None
    ) -> Read:
        """Ask what waits for its answer until there is news, or nothing for so long that it is asked again.

        So many such questions are open at a time; where there are more of them, they take turns.

        Args:
            question: Given an index and how long to wait (s), what to ask.
            index: The index of the answer before.
            key: What it is about, for the error.
        """
        async with self._waiting:
            wait = _TURN if self._waiting.locked() else _PATIENCE
            within = wait * (1 + _JITTER) + self.timeout
            return await self.ask(question(index, wait), key=key, within=within, repeat=False, news=True)

    async def commit(
        self,
        operations: list[Fields],
        *,
        key: str | None = None,
        within: float | None = None,
        consistency: str | None = None,
        repeat: bool = False,
    ) -> Verdict:
        """Have a transaction decided.

        Raises:
            Forbidden: The token may not do one of the operations.
            SessionEndedError: A session that it names has ended.
        """
        verdict = await self.ask(transaction(operations, consistency), key=key, within=within, repeat=repeat)
        error = failures.refused(list(verdict.refusals.values()), self.shown, key)
        if error is not None:
            raise error
        return verdict

    def _judge(self, answer: http.Answer, key: str | None) -> None:
        failures.judge(answer, key, self.shown)
