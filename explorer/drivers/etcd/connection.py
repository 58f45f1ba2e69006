"""A connection to an etcd cluster: its endpoints, who we are to it, and one way to make a call.

grpc.aio directly; docs/limits.md has the reasons.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, cast

import grpc
from grpc.aio import AioRpcError, Metadata

from explorer.drivers.common.request_log import log_request
from explorer.drivers.common.retry import connect_with_retry, retry
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.answers import ForeignAnswerError, check, check_message, not_etcd
from explorer.drivers.etcd.endpoint import AnswerStream, Endpoint, Outbox, connections
from explorer.drivers.etcd.errors import StatusError, translate
from explorer.drivers.etcd.methods import AUTHENTICATE, RANGE, Answer, Method, Question
from explorer.drivers.etcd.settings import EtcdSettings
from explorer.model.address import Host
from explorer.model.errors import ExplorerError, NotReachable, Unauthenticated
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)
LIBRARY_ERRORS: Final = (
    ForeignAnswerError,
    grpc.RpcError,
    grpc.aio.BaseError,
    asyncio.InvalidStateError,
    EOFError,
    OSError,
    ValueError,
)
"""What gRPC raises besides the status of a call: used after it was closed, or given what it cannot carry."""
_LAST_COMPLETIONS: Final = 0.02
"""Seconds in which gRPC puts away the streams that were cancelled at closing."""
_LEADER: Final = ("hasleader", "true")
"""Makes a member without a leader say so instead of keeping a watch silent for ever (etcd PR 9872)."""


class EtcdConnection:
    """The endpoints of a cluster and a valid token for them. A call that fails moves on to the next endpoint."""

    def __init__(self, settings: EtcdSettings) -> None:
        self.settings = settings
        self.redacted = settings.redacted
        self.timeout = settings.access.timeout
        self.revision = 0
        """The newest revision that any answer has told."""
        self._endpoints = connections(settings)
        self._current = 0
        self._answering: Endpoint | None = None
        """The endpoint that answered last, for the log."""
        self._token: str | None = None
        self._renewal = asyncio.Lock()
        self._calls = Tasks()
        self._streamed = False
        self._reading: dict[asyncio.Timeout, Endpoint] = {}
        """What waits for the next answer on a stream, and at which endpoint."""

    @property
    def endpoints(self) -> tuple[Host, ...]:
        """The endpoints, in the order they were given."""
        return tuple(endpoint.host for endpoint in self._endpoints)

    async def close(self) -> None:
        """Close every connection."""
        for endpoint in self._endpoints:
            await endpoint.channel.close()
        await self._calls.join()
        if self._streamed:
            # gRPC has one queue of completions for all event loops: what a cancelled stream leaves in it comes a
            # moment later, and
            # coming after this loop was closed it would take those of another loop with it.
            await asyncio.sleep(_LAST_COMPLETIONS)

    async def greet(self, question: messages.RangeRequest) -> None:
        """Make the first contact: get a token if there is a user, and an answer that needs the store's authority."""

        async def attempt(left: float) -> None:
            if self.settings.access.user is not None and self._token is None:
                await self._renew(None)
            await self.call(RANGE, question, within=left, repeat=False)

        await connect_with_retry(attempt, len(self._endpoints), within=self.timeout)

    async def call(
        self,
        method: Method[Question, Answer],
        question: Question,
        *,
        key: str | None = None,
        within: float | None = None,
        repeat: bool = True,
        at: Host | None = None,
    ) -> Answer:
        """Ask and give the answer.

        Args:
            method: What is asked.
            question: The request.
            key: What the call is about, for the error.
            within: Seconds it may take altogether; the settings' time limit unless said otherwise.
            repeat: Whether the request may be sent again when its answer was lost; reads may.
            at: Ask this endpoint and no other.

        Raises:
            NotReachable: No answer was had, or no connection: then the error says that nothing was sent.
        """
        seconds = self.timeout if within is None else within

        async def attempt(left: float) -> Answer:
            return await self._attempt(method, question, key=key, within=left, at=at)

        if repeat:
            return await retry(attempt, within=seconds)
        return await attempt(seconds)

    async def _attempt(
        self, method: Method[Question, Answer], question: Question, *, key: str | None, within: float, at: Host | None
    ) -> Answer:
        endpoint = self._endpoint(at)
        # One silent member must not use up the time in which another would answer.
        share = within if at or len(self._endpoints) == 1 else max(within / len(self._endpoints), 1.0)
        for renewed in (False, True):
            token, began = self._token, time.monotonic()
            try:
                answer = await self._answer(
                    endpoint.call(method)(question, timeout=min(share, within), metadata=self._metadata())
                )
                check(question, answer)
            except AioRpcError as failure:
                finding = translate(failure.code(), failure.details(), self.redacted, key)
                log_request(_LOG, method.name, endpoint.host, began, failure.code().name)
                if finding.token and not renewed and self.settings.access.user is not None:
                    await self._renew(token)
                    continue
                raise self._give_up(endpoint, finding) from failure
            except LIBRARY_ERRORS as failure:
                log_request(_LOG, method.name, endpoint.host, began, type(failure).__name__)
                raise self._give_up(endpoint, self._foreign(failure, key)) from failure
            log_request(_LOG, method.name, endpoint.host, began, "OK")
            if at is None and self._answering is not endpoint:
                self._answering = endpoint
                _LOG.info("%s: connected to %s", self.redacted, endpoint.host)
            header = getattr(answer, "header", None)
            if header is not None and header.revision > self.revision:
                self.revision = header.revision
            return answer
        message = "unreachable: the second round returns or raises"
        raise AssertionError(message)

    async def _answer(self, call: grpc.aio.UnaryUnaryCall[Question, Answer]) -> Answer:
        """Wait for a call; cancelled, it is given up, but gRPC has the time to put it away.

        What completes after its event loop was closed would take the completions of others with it: gRPC has one queue
        of them for all loops.
        """

        async def arrival() -> Answer:
            return await call

        try:
            return await self._calls.shielded(arrival(), name="answer of a call")
        except asyncio.CancelledError:
            call.cancel()
            raise

    def _endpoint(self, at: Host | None) -> Endpoint:
        if at is None:
            return self._endpoints[self._current]
        return next(endpoint for endpoint in self._endpoints if endpoint.host == at)

    def _give_up(self, endpoint: Endpoint, finding: StatusError) -> ExplorerError:
        """Turn to the next endpoint if this one may be the trouble, and give the error."""
        error = finding.error
        if isinstance(error, NotReachable) and self._endpoints[self._current] is endpoint:
            self._leave(endpoint, error)
        if finding.unsent and type(error) is NotReachable:
            error.sent, error.connected = False, finding.answered
        return error

    def _foreign(self, failure: Exception, key: str | None) -> StatusError:
        """Return the finding for an answer that is not etcd's, or that gRPC itself could make nothing of."""
        if isinstance(failure, ForeignAnswerError):
            _LOG.warning("%s: the answer is not etcd's", self.redacted)
            return StatusError(not_etcd(str(failure), self.redacted, key))
        reason = f"the connection failed ({type(failure).__name__})"
        return StatusError(NotReachable(reason, hint="try again", address=self.redacted, key=key))

    def _leave(self, endpoint: Endpoint, error: NotReachable) -> None:
        """Turn to the next endpoint, and end the streams at the one that is left: nothing may ever come there."""
        if self._answering is endpoint:
            self._answering = None
            _LOG.info("%s: connection to %s lost: %s", self.redacted, endpoint.host, sanitize(error.message))
        if len(self._endpoints) == 1:
            return
        self._current = (self._current + 1) % len(self._endpoints)
        endpoint.left += 1
        for limit in [limit for limit, place in self._reading.items() if place is endpoint]:
            del self._reading[limit]
            limit.reschedule(asyncio.get_running_loop().time())

    def _metadata(self) -> Metadata:
        return Metadata(_LEADER, ("token", self._token)) if self._token else Metadata(_LEADER)

    def _introduction(self) -> messages.AuthenticateRequest:
        access = self.settings.access
        return messages.AuthenticateRequest(
            name=access.user or "", password=access.password.reveal() if access.password else ""
        )

    async def _renew(self, refused: str | None) -> None:
        """Get a new token, once for all calls whose common token was refused."""
        async with self._renewal:
            if self._token != refused:
                return
            endpoint, began = self._endpoints[self._current], time.monotonic()
            try:
                # The request stays without a name of its own: a traceback may show names with what they hold.
                answer: messages.AuthenticateResponse = await endpoint.call(AUTHENTICATE)(
                    self._introduction(), timeout=max(self.timeout / len(self._endpoints), 1.0)
                )
                check(messages.AuthenticateRequest(), answer)
            except AioRpcError as failure:
                log_request(_LOG, AUTHENTICATE.name, endpoint.host, began, failure.code().name)
                if "authentication is not enabled" in (failure.details() or ""):
                    self._token = None
                    return
                finding = translate(failure.code(), failure.details(), self.redacted)
                if finding.token:
                    raise Unauthenticated("the store refuses user and password", address=self.redacted) from failure
                raise self._give_up(endpoint, finding) from failure
            except LIBRARY_ERRORS as failure:
                raise self._give_up(endpoint, self._foreign(failure, None)) from failure
            log_request(_LOG, AUTHENTICATE.name, endpoint.host, began, "OK")
            self._token = answer.token or None

    def converse(
        self,
        method: Method[Question, Answer],
        question: Question,
        *,
        key: str | None = None,
        first_within: float,
        nudge: Question | None = None,
        outbox: Outbox[Question] | None = None,
    ) -> AsyncGenerator[Answer, None]:
        """Open a stream, ask one thing on it and give what comes back, for as long as it comes.

        Args:
            method: A method with a stream each way.
            question: What is asked first.
            key: What the stream is about, for the error.
            nudge: What is asked again and again while nothing comes.
            outbox: Is opened, to send more on the stream.
            first_within: Seconds until the first answer; after that the keepalive of the connection watches over it.
        """

        async def begin(endpoint: Endpoint) -> AnswerStream:
            return await endpoint.dialogue(method, question, self._metadata(), nudge, outbox)

        return cast("AsyncGenerator[Answer, None]", self._stream(begin, key=key, first_within=first_within))

    def download(
        self, method: Method[Question, Answer], question: Question, *, key: str | None = None
    ) -> AsyncGenerator[Answer, None]:
        """Ask and give the answers of a streaming method, to its end."""

        async def begin(endpoint: Endpoint) -> AnswerStream:
            return await endpoint.download(method, question, self._metadata())

        return cast("AsyncGenerator[Answer, None]", self._stream(begin, key=key, first_within=self.timeout))

    async def _next(self, call: AnswerStream, endpoint: Endpoint, left: int) -> object:
        """Wait for the next answer on a stream, for as long as its endpoint is not left for another.

        Raises:
            TimeoutError: It was.
        """
        if endpoint.left != left:
            raise TimeoutError
        async with asyncio.timeout(None) as limit:
            self._reading[limit] = endpoint
            try:
                return await self._calls.shielded(call.read(), name="next answer of a stream")
            finally:
                self._reading.pop(limit, None)

    async def _stream(
        self, begin: Callable[[Endpoint], Awaitable[AnswerStream]], *, key: str | None, first_within: float
    ) -> AsyncGenerator[object, None]:
        self._streamed = True
        for renewed in (False, True):
            endpoint = self._endpoints[self._current]
            left, token, began = endpoint.left, self._token, time.monotonic()
            call: AnswerStream | None = None
            try:
                async with asyncio.timeout(first_within):
                    call = await begin(endpoint)
                    answer = await self._calls.shielded(call.read(), name="first answer of a stream")
                while answer is not grpc.aio.EOF:
                    check_message(answer)
                    yield answer
                    answer = await self._next(call, endpoint, left)
                code = await call.code()
                if code is grpc.StatusCode.OK:
                    return
                # A status that comes without any answer is told by the end of the stream alone.
                finding = translate(code, await call.details(), self.redacted, key)
            except TimeoutError:
                hint = "the store may be down, stopped or cut off"
                finding = StatusError(
                    NotReachable("the store does not answer", hint=hint, address=self.redacted, key=key)
                )
            except AioRpcError as failure:
                finding = translate(failure.code(), failure.details(), self.redacted, key)
            except LIBRARY_ERRORS as failure:
                finding = self._foreign(failure, key)
            finally:
                if call is not None:
                    call.cancel()
                    await self._calls.shielded(call.code(), name="end of a stream")
            log_request(_LOG, "stream", endpoint.host, began, type(finding.error).__name__)
            if not finding.token or renewed or self.settings.access.user is None:
                raise self._give_up(endpoint, finding)
            await self._renew(token)
