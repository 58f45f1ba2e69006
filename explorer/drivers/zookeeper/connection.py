"""A connection to ZooKeeper's servers on the event loop: requests, and the session that they belong to."""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar, cast

from explorer.drivers.common.request_log import logged_request
from explorer.drivers.common.retry import retry
from explorer.drivers.common.tls import ssl_context, tls_error
from explorer.drivers.zookeeper import errors, messages
from explorer.drivers.zookeeper.client import Client
from explorer.drivers.zookeeper.frames import ZooKeeperErrorCode
from explorer.drivers.zookeeper.keyspace import Stat
from explorer.drivers.zookeeper.messages import ZooKeeperRequest
from explorer.drivers.zookeeper.session_state import SessionState
from explorer.drivers.zookeeper.settings import ZooKeeperSettings
from explorer.model.errors import ExplorerError, NotReachable, Timeout

Read = TypeVar("Read")

_LOG: Final = logging.getLogger(__package__)
_CLOSE_TIMEOUT: Final = 1.0
"""Seconds in which a server has to confirm that the session is closed."""
_MAX_ROUNDS: Final = 2
"""Rounds over all servers before the first contact fails."""
_SIZE_PROBES: Final = 2
"""Probes of whether a server rejects a size: a connection can also end by chance."""
_MAX_REQUESTS: Final = 1000
"""Requests under way at once; a server reads no more before it has answered some."""
_MIN_CHILDREN_RATE: Final = 20_000
"""Children per second that a slow server lists; a list of children has no pages, so its timeout depends on its size."""


class ZooKeeperConnection:
    """A connection with one session, reconnected by itself until it is closed.

    Args:
        settings: The servers and credentials.
        session_timeout: Requested session timeout in seconds; None for that of the settings.
        on_legacy_server: Called when the servers turn out to have no persistent watches.
    """

    def __init__(
        self,
        settings: ZooKeeperSettings,
        session_timeout: float | None = None,
        on_legacy_server: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.redacted = settings.redacted
        self.timeout = settings.access.timeout
        self.state = SessionState(self.redacted, session_timeout or settings.session)
        self.persistent_watches = True
        """True if the servers have persistent watches, as far as is known."""
        self._session_timeout = session_timeout or settings.session
        self._on_legacy_server = on_legacy_server
        self._client: Client | None = None

    # Opening and closing

    async def open(self) -> None:
        """Connect to one of the servers.

        Raises:
            NotReachable: No server can be reached.
            Unauthenticated: The servers reject the user.
        """
        access = self.settings.access
        tls = ssl_context(access) if self.settings.address.tls else None
        self.state.is_closing = False
        try:
            self._client = Client(self.settings, self._session_timeout, self.state, tls)
            self._client.start()
        except Exception as error:
            raise errors.translate(error) from error
        try:
            async with asyncio.timeout(self.timeout):
                while not self.state.is_connected:
                    if self.state.failures >= _MAX_ROUNDS * len(self.settings.hosts) or self._is_permanent_failure():
                        raise self._not_reachable()
                    await self.state.wait_change()
        except TimeoutError as error:
            raise self._not_reachable() from error

    async def close(self) -> None:
        """Close the session; if no server can be reached, it expires."""
        client, self._client = self._client, None
        self.state.is_closing = True
        if client is not None:
            try:
                await client.close(_CLOSE_TIMEOUT)
            except Exception:  # noqa: BLE001 - closing a store does not fail because of what kazoo left behind
                _LOG.debug("%s: the session was not closed", self.redacted, exc_info=True)

    # Requests

    async def send(self, request: ZooKeeperRequest[Read], *, within: float | None = None) -> Read:
        """Send a request once.

        Raises:
            NotReachable: There is no connection, so nothing was sent, or the answer was lost.
        """
        limit = self.timeout if within is None else within
        future: asyncio.Future[object] | None = None
        try:
            async with asyncio.timeout(limit):
                with logged_request(_LOG, request.name, self.redacted):
                    (future,) = await self._submit([request])
                    return cast("Read", await future)
        except TimeoutError as error:
            if future is None:
                raise self._not_reachable() from error
            raise _timed_out(limit) from error
        except ExplorerError:
            raise
        except Exception as error:
            raise errors.translate(error) from error

    async def query(self, request: ZooKeeperRequest[Read], *, within: float | None = None) -> Read:
        """Send a request that changes nothing, again until it is answered."""
        limit = self.timeout if within is None else within
        return await retry(lambda left: self.send(request, within=left), within=limit)

    async def query_all(
        self, requests: Sequence[ZooKeeperRequest[Read]], *, within: float | None = None
    ) -> list[Read | ExplorerError]:
        """Send requests that change nothing, and return the answer to each, or its error, in the same order."""
        limit = (self.timeout if within is None else within) + len(requests) / _MIN_CHILDREN_RATE
        name = ", ".join(sorted({request.name for request in requests}))
        with logged_request(_LOG, f"{name} ({len(requests)} requests)", self.redacted):
            return await retry(lambda left: self._send_all(requests, left), within=limit)

    async def list_children(self, path: str, *, within: float | None = None) -> list[str]:
        """Return the names of a node's children in their order.

        The number of children is read at the same time, and extends the timeout: a long answer takes its time.
        """
        limit = self.timeout if within is None else within
        return sorted(await retry(lambda left: self._list_children(path or "/", left), within=limit))

    async def rejects_size(self, size: int) -> bool:
        """Return whether the server closes the connection, each time, on a request of this size.

        Raises:
            NotReachable: It does not answer a small request either.
        """
        for _ in range(_SIZE_PROBES):
            await self.query(messages.sync("/"))
            try:
                await self.send(messages.padded_exists(size))
            except Timeout:
                return False
            except NotReachable:
                continue
            except ExplorerError:
                return False  # it is an answer
            return False
        return True

    async def _list_children(self, path: str, within: float) -> list[str]:
        requests: list[ZooKeeperRequest[object]] = [messages.exists(path), messages.get_children(path)]
        futures: list[asyncio.Future[object]] = []
        try:
            async with asyncio.timeout(within) as limit:
                with logged_request(_LOG, "getChildren", self.redacted):
                    futures = await self._submit(requests)
                    if isinstance(stat := await futures[0], Stat):
                        extra = stat.num_children / _MIN_CHILDREN_RATE
                        limit.reschedule(asyncio.get_running_loop().time() + within + extra)
                    return cast("list[str]", await futures[1])
        except TimeoutError as error:
            raise _timed_out(within) from error
        except ExplorerError:
            raise
        except Exception as error:
            raise errors.translate(error) from error
        finally:
            for future in futures:
                future.cancel()

    async def _send_all(self, requests: Sequence[ZooKeeperRequest[Read]], within: float) -> list[Read | ExplorerError]:
        """Send requests with as many under way as a server takes at once, and return their answers or errors."""
        answers: list[Read | ExplorerError] = []
        pending: deque[asyncio.Future[object]] = deque()
        sent = 0
        try:
            async with asyncio.timeout(within):
                while len(answers) < len(requests):
                    if sent < len(requests) and len(pending) <= _MAX_REQUESTS // 2:
                        batch = requests[sent : sent + _MAX_REQUESTS - len(pending)]
                        pending.extend(await self._submit(batch))
                        sent += len(batch)
                    answers.append(await self._answer_or_error(pending.popleft()))
        except TimeoutError as error:
            raise _timed_out(within) from error
        finally:
            for future in pending:
                future.cancel()
        return answers

    async def _answer_or_error(self, future: asyncio.Future[object]) -> Read | ExplorerError:
        try:
            return cast("Read", await future)
        except Exception as error:
            failure = errors.translate(error)
            if failure.retryable:
                raise failure from error
            return failure

    async def _submit(self, requests: Sequence[ZooKeeperRequest[object]]) -> list[asyncio.Future[object]]:
        await self.state.wait_connected()
        if self._client is None:
            raise NotReachable("the store was closed")
        try:
            return self._client.send(requests)
        except Exception as error:
            raise errors.translate(error) from error

    # The servers

    @property
    def zxid(self) -> int:
        """Last transaction of the server at its last answer."""
        return self._client.zxid if self._client else 0

    def drop(self) -> None:
        """Leave the server for another one, keeping the session."""
        if self._client is not None and len(self.settings.hosts) > 1:
            self._client.drop()

    def remove_watches(self, path: str) -> None:
        """Remove the watches of a path from the server, without waiting for its answer."""
        if self._client is not None and self.state.is_connected:
            with suppress(Exception):  # the watches of a broken connection have ended anyway
                (future,) = self._client.send([messages.remove_watches(path)])
                future.add_done_callback(_ignore_result)

    async def wait_reconnected(self, connects: int) -> None:
        """Wait for another connection after so many, as long as a request may take."""
        await self.state.wait_reconnected(connects, self.timeout)

    def set_legacy_server(self) -> None:
        """Remember that the servers have no persistent watches, and call `on_legacy_server`."""
        self.persistent_watches = False
        self._on_legacy_server()

    def _is_permanent_failure(self) -> bool:
        """Return whether every further attempt would fail like the last one."""
        error = self.state.last_error
        return isinstance(error, ssl.SSLError) or getattr(error, "code", None) == ZooKeeperErrorCode.AUTH_FAILED

    def _not_reachable(self) -> ExplorerError:
        error = self.state.last_error
        if isinstance(error, ssl.SSLError):
            return tls_error(error)
        if getattr(error, "code", None) == ZooKeeperErrorCode.AUTH_FAILED:
            return errors.authentication_failed()
        reason = errors.reason(error) if error else "no answer in time"
        return NotReachable(
            f"no server can be reached: {reason}",
            sent=False,
            hint="is it running there, and is it a plain client port (zk+tls:// for an encrypted one)?",
        )


def _timed_out(limit: float) -> Timeout:
    return Timeout(f"no answer within {limit:.1f} s", hint="is the server busy?")


def _ignore_result(future: asyncio.Future[object]) -> None:
    """Retrieve the exception of a future that nothing waits for: a watch that has ended is as good as removed."""
    if not future.cancelled():
        future.exception()
