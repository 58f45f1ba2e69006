"""State of a session with the servers, as the connection's thread reports it, and the subscribers to its events."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from explorer.drivers.common.threads import Mailbox, call_soon
from explorer.drivers.zookeeper import errors
from explorer.drivers.zookeeper.frames import EventType, WatchedEvent
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription to the events of a node, or of the node and everything below it."""

    path: str
    recursive: bool
    mailbox: Mailbox[WatchedEvent]


class SessionState:
    """A session's ID, connection and subscriptions. Created on the event loop, which all attributes belong to.

    Args:
        redacted: The address for the log.
        timeout: Requested session timeout in seconds.
    """

    def __init__(self, redacted: str, timeout: float) -> None:
        self._redacted = redacted
        self.session_id = 0
        """0 before the first contact, and after the session has expired."""
        self.session_timeout = timeout
        """Seconds of silence after which the session expires, as the servers granted them."""
        self.connects = 0
        """Number of connections so far."""
        self.restores = 0
        """Number of reconnections to data that was older than what had been read before."""
        self.newest_mtime = 0
        """Newest time of a change that was read, by the servers' clock, in milliseconds."""
        self.mtime_before_loss = 0
        """`newest_mtime` when the connection was lost last."""
        self.failures = 0
        """Number of failed attempts since the last connection."""
        self.last_error: BaseException | None = None
        """Error of the last failed attempt; None while connected."""
        self.is_closing = False
        self._connected = asyncio.Event()
        self._changed = asyncio.Event()
        self._subscriptions: dict[int, Subscription] = {}
        self._lock = threading.Lock()
        self._loop = asyncio.get_running_loop()

    @property
    def is_connected(self) -> bool:
        """True while there is a connection."""
        return self._connected.is_set()

    async def wait_connected(self) -> None:
        """Wait for a connection."""
        await self._connected.wait()

    async def wait_change(self) -> None:
        """Wait until the state changes."""
        self._changed.clear()
        await self._changed.wait()

    async def wait_reconnected(self, connects: int, within: float) -> None:
        """Wait for another connection, for a limited time.

        Args:
            connects: The number of connections before.
            within: Seconds.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self.connects <= connects:
                    await self.wait_change()

    # Subscriptions

    @contextmanager
    def subscribe(self, path: str, *, recursive: bool, capacity: int) -> Iterator[Mailbox[WatchedEvent]]:
        """Return a mailbox for the events of a node, and for the ends of connections (events without a path).

        Args:
            path: The path of the node.
            recursive: Subscribe to everything below it as well.
            capacity: Number of events that the mailbox holds.
        """
        mailbox: Mailbox[WatchedEvent] = Mailbox(capacity)
        with self._lock:
            self._subscriptions[id(mailbox)] = Subscription(path, recursive, mailbox)
        try:
            yield mailbox
        finally:
            with self._lock:
                del self._subscriptions[id(mailbox)]

    def subscriptions(self, path: str) -> list[Subscription]:
        """Return the subscriptions to a path; they share one watch on the server, of the kind requested last."""
        return [subscription for subscription in self._subscriptions.values() if subscription.path == path]

    # Called on the connection's thread

    def on_connected(self, session_id: int, timeout: float, *, restored: bool) -> None:
        """Handle a connection.

        Args:
            session_id: The session that the server granted or continued.
            timeout: The granted session timeout in seconds.
            restored: The server's data is older than what had been read before.
        """
        self._call_soon(partial(self._set_connected, session_id, timeout, restored=restored))

    def on_connect_failed(self, error: BaseException) -> None:
        """Handle a failed attempt to connect."""
        self._call_soon(partial(self._set_failed, error))

    def on_disconnected(self, *, expired: bool) -> None:
        """Handle the loss of a connection, and of the session if it has expired."""
        self._dispatch(None)
        self._call_soon(partial(self._set_disconnected, expired=expired))

    def on_event(self, event: WatchedEvent) -> None:
        """Put an event into the mailboxes of the subscribers to its path."""
        self._dispatch(event)

    def _dispatch(self, event: WatchedEvent | None) -> None:
        """Put an event into the mailboxes of the subscribers to its path; None is the end of the connection."""
        with self._lock:
            for subscription in self._subscriptions.values():
                if event is None:
                    subscription.mailbox.put(WatchedEvent(EventType.CONNECTION_LOST, ""))
                elif event.path == subscription.path or (
                    subscription.recursive and event.path.startswith(f"{subscription.path}/")
                ):
                    subscription.mailbox.put(event)

    def _call_soon(self, change: Callable[[], None]) -> None:
        call_soon(self._loop, partial(self._apply, change))

    # On the event loop

    def _apply(self, change: Callable[[], None]) -> None:
        change()
        self._changed.set()

    def _set_connected(self, session_id: int, timeout: float, *, restored: bool) -> None:
        _LOG.info("%s: connected%s", self._redacted, ", to data that went back to an older state" if restored else "")
        self.restores += restored
        self.session_id, self.session_timeout = session_id, timeout
        self.connects += 1
        self.failures, self.last_error = 0, None
        self._connected.set()

    def _set_failed(self, error: BaseException) -> None:
        _LOG.info("%s: no connection: %s", self._redacted, sanitize(errors.reason(error)))
        self.failures += 1
        self.last_error = error

    def _set_disconnected(self, *, expired: bool) -> None:
        if self.is_connected:
            if not self.is_closing:
                _LOG.info("%s: connection lost%s", self._redacted, ", and the session with it" if expired else "")
            self.mtime_before_loss = self.newest_mtime
        self._connected.clear()
        if expired:
            self.session_id = 0
