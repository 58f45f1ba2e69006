"""A session with ZooKeeper's servers on the event loop: one way to ask, and who hears of watches."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, cast

from explorer.drivers import encryption
from explorer.drivers.retry import persist
from explorer.drivers.threads import Mailbox, hand
from explorer.drivers.zookeeper import failures, messages
from explorer.drivers.zookeeper.client import Client, Happened
from explorer.drivers.zookeeper.messages import Request
from explorer.drivers.zookeeper.settings import Settings
from explorer.model.errors import ExplorerError, NotReachable, Timeout, Unauthenticated

Read = TypeVar("Read")

_FAREWELL = 1.0
"""Seconds that a server has to answer that the session is closed."""
_ROUNDS = 2
"""How often every server is tried before a first contact is given up."""
_SLOWEST = 20_000
"""Children a second that are told by the slowest server worth waiting for; a listing has no pages."""


@dataclass(frozen=True, slots=True)
class Ear:
    """Who hears of a path: of the node, or of all below it, too."""

    path: str
    below: bool
    mailbox: Mailbox[Happened]


class Connection:
    """One session, reconnected by itself for as long as it is open.

    Args:
        settings: How to connect.
        session: Seconds after which the servers end the session when they hear nothing; the settings' unless given.
        older: Is called when the servers turn out to have no watches that stay.
    """

    def __init__(
        self, settings: Settings, session: float | None = None, older: Callable[[], None] = lambda: None
    ) -> None:
        self.settings = settings
        self.shown = settings.shown
        self.timeout = settings.access.timeout
        self.session = 0
        """The session's number; 0 before the first contact."""
        self.lifetime = session or settings.session
        """Seconds of silence that end the session, as the servers granted them."""
        self.contacts = 0
        """How often a connection was made."""
        self.stays = True
        """Whether the servers have watches that stay, as far as is known."""
        self._older = older
        self._wanted = self.lifetime
        self._client: Client | None = None
        self._live = asyncio.Event()
        self._moved = asyncio.Event()
        self._failures = 0
        self._trouble: BaseException | None = None
        self._ears: dict[int, Ear] = {}
        self._guard = threading.Lock()

    # Opening and closing

    async def open(self) -> None:
        """Make the first contact.

        Raises:
            NotReachable: No server can be reached.
            Unauthenticated: The servers do not accept who we are.
        """
        access = self.settings.access
        tls = encryption.context(access, self.shown) if self.settings.address.tls else None
        self._client = Client(self.settings, self._wanted, _Listener(self), tls)
        self._client.start()
        try:
            async with asyncio.timeout(self.timeout):
                while not self._live.is_set():
                    if self._failures >= _ROUNDS * len(self.settings.hosts) or isinstance(self._trouble, ssl.SSLError):
                        raise self._unreachable(None)
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError as error:
            raise self._unreachable(None) from error

    async def close(self) -> None:
        """End the session."""
        client, self._client = self._client, None
        if client is not None:
            await client.close(_FAREWELL)

    # Asking

    async def send(self, request: Request[Read], *, key: str | None = None, within: float | None = None) -> Read:
        """Send a request once.

        Raises:
            NotReachable: There is no connection, so nothing was sent, or the answer was lost.
        """
        limit = self.timeout if within is None else within
        future: asyncio.Future[object] | None = None
        try:
            async with asyncio.timeout(limit):
                future = await self._submit(request, key)
                return cast("Read", await future)
        except TimeoutError as error:
            if future is None:
                raise self._unreachable(key) from error
            raise Timeout(
                f"no answer within {limit:.1f} s", hint="is the server busy?", address=self.shown, key=key
            ) from error
        except ExplorerError:
            raise
        except Exception as error:
            raise failures.translate(error, self.shown, key) from error

    async def ask(self, request: Request[Read], *, key: str | None = None, within: float | None = None) -> Read:
        """Send a request that changes nothing until it is answered."""
        limit = self.timeout if within is None else within
        return await persist(lambda left: self.send(request, key=key, within=left), within=limit)

    async def ask_all(self, requests: Sequence[Request[Read]], *, key: str | None = None) -> list[Read | ExplorerError]:
        """Ask many things at once, which the server answers in this order; what it refuses stands in its place."""
        return await persist(
            lambda left: self._ask_all(requests, key, left), within=self.timeout + self._time(requests)
        )

    async def children(self, path: str, *, key: str | None = None, within: float | None = None) -> list[str]:
        """Read the names of a node's children, in their order.

        The number of children is read first: a long answer takes its time.
        """
        stat = await self.ask(messages.exists(path or "/"), key=key, within=within)
        limit = self.timeout if within is None else within
        patience = limit + (stat.children if stat else 0) / _SLOWEST
        return sorted(await self.ask(messages.children(path or "/"), key=key, within=patience))

    async def _ask_all(
        self, requests: Sequence[Request[Read]], key: str | None, within: float
    ) -> list[Read | ExplorerError]:
        try:
            async with asyncio.timeout(within):
                futures = [await self._submit(request, key) for request in requests]
                answers = await asyncio.gather(*futures, return_exceptions=True)
        except TimeoutError as error:
            raise Timeout("no answer in time", hint="is the server busy?", address=self.shown, key=key) from error
        found: list[Read | ExplorerError] = []
        for answer in answers:
            if isinstance(answer, BaseException):
                failure = failures.translate(answer, self.shown, key)
                if failure.retryable:
                    raise failure from answer
                found.append(failure)
            else:
                found.append(cast("Read", answer))
        return found

    def _time(self, requests: Sequence[Request[Read]]) -> float:
        return len(requests) / _SLOWEST

    async def _submit(self, request: Request[Read], key: str | None) -> asyncio.Future[object]:
        await self._live.wait()
        if self._client is None:
            raise NotReachable("the store was closed", address=self.shown, key=key)
        return self._client.send(request)

    async def next_contact(self, contacts: int) -> None:
        """Wait until there was another connection after so many, for the time that a request may take."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.timeout):
                while self.contacts <= contacts:
                    self._moved.clear()
                    await self._moved.wait()

    def drop(self) -> None:
        """Leave the server for another one, keeping the session."""
        if self._client is not None and len(self.settings.hosts) > 1:
            self._client.drop()

    def _unreachable(self, key: str | None) -> ExplorerError:
        trouble = self._trouble
        if isinstance(trouble, ssl.SSLError):
            return encryption.explain(trouble, self.shown, key)
        if getattr(trouble, "code", None) == failures.AUTH_FAILED:
            return Unauthenticated(
                "the servers do not accept who you are",
                hint="check the user and password",
                address=self.shown,
                key=key,
            )
        reason = getattr(trouble, "strerror", None) or (str(trouble) if trouble else "no answer in time")
        return NotReachable(
            f"no server can be reached: {reason}",
            sent=False,
            hint="is it running there, and is it a plain port (zk+tls:// for an encrypted one)?",
            address=self.shown,
            key=key,
        )

    # What the connection tells

    @contextmanager
    def listen(self, path: str, *, below: bool, capacity: int) -> Iterator[Mailbox[Happened]]:
        """Hear of events at a path, or at and below it; the end of a connection is an event of the path `""`."""
        mailbox: Mailbox[Happened] = Mailbox(capacity)
        with self._guard:
            self._ears[id(mailbox)] = Ear(path, below, mailbox)
        try:
            yield mailbox
        finally:
            with self._guard:
                del self._ears[id(mailbox)]

    def forget(self, path: str) -> None:
        """Have the server tell nothing more of a path, without waiting for its answer."""
        if self._client is not None and self._live.is_set():
            self._client.send(messages.remove_watches(path)).add_done_callback(_ignore)

    @property
    def zxid(self) -> int:
        """The transaction that the server had come to with its last answer."""
        return self._client.zxid if self._client else 0

    def ears(self, path: str) -> list[Ear]:
        """Give all who hear of a path. The server keeps one watch for all of them, of the kind asked for last."""
        return [ear for ear in self._ears.values() if ear.path == path]

    @property
    def live(self) -> bool:
        """Whether there is a connection at this moment."""
        return self._live.is_set()

    def spread(self, event: Happened | None) -> None:
        """Give an event to whoever hears of its path, None to everybody; called on the connection's thread."""
        with self._guard:
            for ear in self._ears.values():
                if event is None:
                    ear.mailbox.put(Happened(0, ""))
                elif event.path == ear.path or (ear.below and event.path.startswith(f"{ear.path}/")):
                    ear.mailbox.put(event)

    def note(self, change: Callable[[], None]) -> None:
        """Take note of something on the event loop."""
        change()
        self._moved.set()

    def note_connected(self, session: int, seconds: float) -> None:
        """Take note of a session that was granted or given on."""
        self.session, self.lifetime = session, seconds
        self.contacts += 1
        self._failures, self._trouble = 0, None
        self._live.set()

    def note_older(self) -> None:
        """Take note that the servers have no watches that stay."""
        self.stays = False
        self._older()

    def note_failed(self, error: BaseException) -> None:
        """Take note of an attempt that failed."""
        self._failures += 1
        self._trouble = error

    def note_disconnected(self, *, ended: bool) -> None:
        """Take note that the connection is lost."""
        self._live.clear()
        if ended:
            self.session = 0


def _ignore(future: asyncio.Future[object]) -> None:
    """Take note of how something ended that nobody waits for: a watch that is gone already is as good as removed."""
    if not future.cancelled():
        future.exception()


class _Listener:
    """Brings what the connection's thread tells to the event loop that it is made on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()

    def connected(self, session: int, seconds: float) -> None:
        self._note(partial(self._connection.note_connected, session, seconds))

    def failed(self, error: BaseException) -> None:
        self._note(partial(self._connection.note_failed, error))

    def disconnected(self, *, ended: bool) -> None:
        self._connection.spread(None)
        self._note(partial(self._connection.note_disconnected, ended=ended))

    def happened(self, event: Happened) -> None:
        self._connection.spread(event)

    def _note(self, change: Callable[[], None]) -> None:
        hand(self._loop, partial(self._connection.note, change))
