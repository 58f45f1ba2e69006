"""A session with ZooKeeper's servers on the event loop: one way to ask, and who hears of watches."""

import asyncio
import logging
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar, cast

from explorer.drivers.common.request_log import logged_request
from explorer.drivers.common.retry import retry
from explorer.drivers.common.threads import Mailbox, call_soon
from explorer.drivers.common.tls import ssl_context, tls_error
from explorer.drivers.zookeeper import errors, messages
from explorer.drivers.zookeeper.client import Client, WatchedEvent
from explorer.drivers.zookeeper.keyspace import Stat
from explorer.drivers.zookeeper.messages import Request
from explorer.drivers.zookeeper.settings import ZooKeeperSettings
from explorer.model.errors import ExplorerError, NotReachable, Timeout, Unauthenticated
from explorer.model.sanitize import sanitize

Read = TypeVar("Read")

_LOG: Final = logging.getLogger(__package__)
_FAREWELL = 1.0
"""Seconds that a server has to answer that the session is closed."""
_ROUNDS = 2
"""How often every server is tried before a first contact is given up."""
_PROBES = 2
"""How often a server is asked whether it refuses a size: a connection can also end by chance."""
_WINDOW = 1000
"""Requests that are under way at once; a server reads no more before it has answered some."""
_SLOWEST = 20_000
"""Children a second that are told by the slowest server worth waiting for; a listing has no pages."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who hears of a path: of the node, or of all below it, too."""

    path: str
    below: bool
    mailbox: Mailbox[WatchedEvent]


class ZooKeeperConnection:
    """One session, reconnected by itself for as long as it is open.

    Args:
        settings: How to connect.
        session: Seconds after which the servers end the session when they hear nothing; the settings' unless given.
        older: Is called when the servers turn out to have no watches that stay.
    """

    def __init__(
        self, settings: ZooKeeperSettings, session: float | None = None, older: Callable[[], None] = lambda: None
    ) -> None:
        self.settings = settings
        self.redacted = settings.redacted
        self.timeout = settings.access.timeout
        self.session = 0
        """The session's number; 0 before the first contact."""
        self.lifetime = session or settings.session
        """Seconds of silence that end the session, as the servers granted them."""
        self.contacts = 0
        """How often a connection was made."""
        self.restores = 0
        """How often the servers' data turned out to be older than what had been read before."""
        self.newest = 0
        """The newest time of a change that was read, in the servers' milliseconds."""
        self.newest_before_loss = 0
        """The same, when the last connection was lost."""
        self.stays = True
        """Whether the servers have watches that stay, as far as is known."""
        self._older = older
        self._wanted = self.lifetime
        self._client: Client | None = None
        self._live = asyncio.Event()
        self._moved = asyncio.Event()
        self._failures = 0
        self._trouble: BaseException | None = None
        self._ears: dict[int, Subscription] = {}
        self._guard = threading.Lock()

    # Opening and closing

    async def open(self) -> None:
        """Make the first contact.

        Raises:
            NotReachable: No server can be reached.
            Unauthenticated: The servers do not accept who we are.
        """
        access = self.settings.access
        tls = ssl_context(access) if self.settings.address.tls else None
        try:
            self._client = Client(self.settings, self._wanted, _Listener(self), tls)
            self._client.start()
        except Exception as error:
            raise errors.translate(error, self.redacted, None) from error
        try:
            async with asyncio.timeout(self.timeout):
                while not self._live.is_set():
                    if self._failures >= _ROUNDS * len(self.settings.hosts) or self._is_denied():
                        raise self._unreachable(None)
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError as error:
            raise self._unreachable(None) from error

    async def close(self) -> None:
        """End the session; it ends by its time-out where that cannot be said."""
        client, self._client = self._client, None
        if client is not None:
            try:
                await client.close(_FAREWELL)
            except Exception:  # noqa: BLE001 - the end of a store is not to fail by what kazoo left
                _LOG.debug("%s: the session was not closed", self.redacted, exc_info=True)

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
                with logged_request(_LOG, request.name, self.redacted):
                    (future,) = await self._submit([request], key)
                    return cast("Read", await future)
        except TimeoutError as error:
            if future is None:
                raise self._unreachable(key) from error
            raise self._timed_out(limit, key) from error
        except ExplorerError:
            raise
        except Exception as error:
            raise errors.translate(error, self.redacted, key) from error

    async def ask(self, request: Request[Read], *, key: str | None = None, within: float | None = None) -> Read:
        """Send a request that changes nothing until it is answered."""
        limit = self.timeout if within is None else within
        return await retry(lambda left: self.send(request, key=key, within=left), within=limit)

    async def ask_all(
        self, requests: Sequence[Request[Read]], *, key: str | None = None, within: float | None = None
    ) -> list[Read | ExplorerError]:
        """Ask many things, which the server answers in this order; what it refuses stands in its place."""
        limit = (self.timeout if within is None else within) + len(requests) / _SLOWEST
        name = ", ".join(sorted({request.name for request in requests}))
        with logged_request(_LOG, f"{name} ({len(requests)} requests)", self.redacted):
            return await retry(lambda left: self._ask_all(requests, key, left), within=limit)

    async def refuses(self, size: int, *, key: str | None = None) -> bool:
        """Return whether the server ends the connection, again and again, when it is asked something of this size.

        Raises:
            NotReachable: It does not answer a short question either.
        """
        for _ in range(_PROBES):
            await self.ask(messages.sync("/"), key=key)
            try:
                await self.send(messages.request_frame(size), key=key)
            except Timeout:
                return False
            except NotReachable:
                continue
            except ExplorerError:
                return False  # it is an answer
            return False
        return True

    async def children(self, path: str, *, key: str | None = None, within: float | None = None) -> list[str]:
        """Read the names of a node's children, in their order.

        How many they are is asked for at the same time: a long answer takes its time.
        """
        limit = self.timeout if within is None else within
        return sorted(await retry(lambda left: self._children(path or "/", key, left), within=limit))

    async def _children(self, path: str, key: str | None, within: float) -> list[str]:
        requests: list[Request[object]] = [messages.exists(path), messages.children(path)]
        futures: list[asyncio.Future[object]] = []
        try:
            async with asyncio.timeout(within) as limit:
                with logged_request(_LOG, "getChildren", self.redacted):
                    futures = await self._submit(requests, key)
                    if isinstance(stat := await futures[0], Stat):
                        limit.reschedule(asyncio.get_running_loop().time() + within + stat.children / _SLOWEST)
                    return cast("list[str]", await futures[1])
        except TimeoutError as error:
            raise self._timed_out(within, key) from error
        except ExplorerError:
            raise
        except Exception as error:
            raise errors.translate(error, self.redacted, key) from error
        finally:
            for future in futures:
                future.cancel()

    async def _ask_all(
        self, requests: Sequence[Request[Read]], key: str | None, within: float
    ) -> list[Read | ExplorerError]:
        """Keep as many requests under way as a server takes in at once."""
        found: list[Read | ExplorerError] = []
        waiting: deque[asyncio.Future[object]] = deque()
        sent = 0
        try:
            async with asyncio.timeout(within):
                while len(found) < len(requests):
                    if sent < len(requests) and len(waiting) <= _WINDOW // 2:
                        batch = requests[sent : sent + _WINDOW - len(waiting)]
                        waiting.extend(await self._submit(batch, key))
                        sent += len(batch)
                    found.append(await self._answer(waiting.popleft(), key))
        except TimeoutError as error:
            raise self._timed_out(within, key) from error
        finally:
            for future in waiting:
                future.cancel()
        return found

    async def _answer(self, future: asyncio.Future[object], key: str | None) -> Read | ExplorerError:
        try:
            return cast("Read", await future)
        except Exception as error:
            failure = errors.translate(error, self.redacted, key)
            if failure.retryable:
                raise failure from error
            return failure

    async def _submit(self, requests: Sequence[Request[object]], key: str | None) -> list[asyncio.Future[object]]:
        await self._live.wait()
        if self._client is None:
            raise NotReachable("the store was closed", address=self.redacted, key=key)
        try:
            return self._client.send(requests)
        except Exception as error:
            raise errors.translate(error, self.redacted, key) from error

    def _timed_out(self, limit: float, key: str | None) -> Timeout:
        return Timeout(f"no answer within {limit:.1f} s", hint="is the server busy?", address=self.redacted, key=key)

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

    def _is_denied(self) -> bool:
        """Return whether the last attempt failed in a way that the next one will fail, too."""
        return isinstance(self._trouble, ssl.SSLError) or getattr(self._trouble, "code", None) == errors.AUTH_FAILED

    def _unreachable(self, key: str | None) -> ExplorerError:
        trouble = self._trouble
        if isinstance(trouble, ssl.SSLError):
            return tls_error(trouble)
        if getattr(trouble, "code", None) == errors.AUTH_FAILED:
            return Unauthenticated(
                "the servers do not accept who you are",
                hint="check the user and password",
                address=self.redacted,
                key=key,
            )
        reason = errors.reason(trouble) if trouble else "no answer in time"
        return NotReachable(
            f"no server can be reached: {reason}",
            sent=False,
            hint="is it running there, and is it a plain client port (zk+tls:// for an encrypted one)?",
            address=self.redacted,
            key=key,
        )

    # What the connection tells

    @contextmanager
    def listen(self, path: str, *, below: bool, capacity: int) -> Iterator[Mailbox[WatchedEvent]]:
        """Hear of events at a path, or at and below it; the end of a connection is an event of the path `""`."""
        mailbox: Mailbox[WatchedEvent] = Mailbox(capacity)
        with self._guard:
            self._ears[id(mailbox)] = Subscription(path, below, mailbox)
        try:
            yield mailbox
        finally:
            with self._guard:
                del self._ears[id(mailbox)]

    def forget(self, path: str) -> None:
        """Have the server tell nothing more of a path, without waiting for its answer."""
        if self._client is not None and self._live.is_set():
            with suppress(Exception):  # a connection that fails tells nothing more either
                (future,) = self._client.send([messages.remove_watches(path)])
                future.add_done_callback(_ignore)

    @property
    def zxid(self) -> int:
        """The transaction that the server had come to with its last answer."""
        return self._client.zxid if self._client else 0

    def ears(self, path: str) -> list[Subscription]:
        """Give all who hear of a path. The server keeps one watch for all of them, of the kind asked for last."""
        return [ear for ear in self._ears.values() if ear.path == path]

    @property
    def live(self) -> bool:
        """Whether there is a connection at this moment."""
        return self._live.is_set()

    def spread(self, event: WatchedEvent | None) -> None:
        """Give an event to whoever hears of its path, None to everybody; called on the connection's thread."""
        with self._guard:
            for ear in self._ears.values():
                if event is None:
                    ear.mailbox.put(WatchedEvent(0, ""))
                elif event.path == ear.path or (ear.below and event.path.startswith(f"{ear.path}/")):
                    ear.mailbox.put(event)

    def note(self, change: Callable[[], None]) -> None:
        """Take note of something on the event loop."""
        change()
        self._moved.set()

    def note_connected(self, session: int, seconds: float, *, restored: bool) -> None:
        """Take note of a session that was granted or given on, by servers whose data is older or not."""
        _LOG.info("%s: connected%s", self.redacted, ", to data that went back to an older state" if restored else "")
        self.restores += restored
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
        _LOG.info("%s: no connection: %s", self.redacted, sanitize(errors.reason(error)))
        self._failures += 1
        self._trouble = error

    def note_disconnected(self, *, ended: bool) -> None:
        """Take note that the connection is lost."""
        if self._live.is_set():
            if self._client is not None:  # else it is we who close it
                _LOG.info("%s: connection lost%s", self.redacted, ", and the session with it" if ended else "")
            self.newest_before_loss = self.newest
        self._live.clear()
        if ended:
            self.session = 0


def _ignore(future: asyncio.Future[object]) -> None:
    """Take note of how something ended that nobody waits for: a watch that is gone already is as good as removed."""
    if not future.cancelled():
        future.exception()


class _Listener:
    """Brings what the connection's thread tells to the event loop that it is made on."""

    def __init__(self, connection: ZooKeeperConnection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()

    def connected(self, session: int, seconds: float, *, restored: bool) -> None:
        self._note(partial(self._connection.note_connected, session, seconds, restored=restored))

    def failed(self, error: BaseException) -> None:
        self._note(partial(self._connection.note_failed, error))

    def disconnected(self, *, ended: bool) -> None:
        self._connection.spread(None)
        self._note(partial(self._connection.note_disconnected, ended=ended))

    def happened(self, event: WatchedEvent) -> None:
        self._connection.spread(event)

    def _note(self, change: Callable[[], None]) -> None:
        call_soon(self._loop, partial(self._connection.note, change))
