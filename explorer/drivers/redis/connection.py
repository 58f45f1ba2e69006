"""Connection to the servers of a store: commands go to the server of their key, and follow it when it moves."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from redis.exceptions import AskError, MovedError, ResponseError

from explorer.drivers.common.errors import unreachable_socket
from explorer.drivers.common.retry import connect_with_retry, retry
from explorer.drivers.common.tasks import gather_results
from explorer.drivers.common.tls import ssl_context
from explorer.drivers.redis.errors import reply_error
from explorer.drivers.redis.node import Command, RedisNode, Reply
from explorer.drivers.redis.settings import RedisSettings
from explorer.drivers.redis.topology import Alternatives, Cluster, SentinelPrimary, Topology
from explorer.model.address import Host
from explorer.model.errors import ExplorerError, InvalidAddress, NotReachable, Timeout, TlsFailed

_MAX_REDIRECTS: Final = 5
_UNAVAILABLE: Final = ("READONLY", "MASTERDOWN", "CLUSTERDOWN", "UNBLOCKED", "LOADING")
"""Codes of replies after which another server is tried."""


class RedisConnection:
    """The servers of a store.

    Args:
        settings: Settings of the store.
    """

    def __init__(self, settings: RedisSettings) -> None:
        self.settings = settings
        self.redacted = settings.redacted
        self.timeout = settings.access.timeout
        self.tls = ssl_context(settings.access) if settings.tls else None
        kind: type[Topology] = Cluster if settings.cluster else SentinelPrimary if settings.service else Alternatives
        self.topology = kind(settings, self.tls)
        self.scripts_allowed = True
        """False once the server has refused a script to this user."""
        self.notifications_known = True
        """False once the server has refused to say whether it sends keyspace notifications."""

    @property
    def is_cluster(self) -> bool:
        """True if the servers are a Redis Cluster."""
        return isinstance(self.topology, Cluster)

    @property
    def has_topology(self) -> bool:
        """True if which servers are the primaries may change."""
        return not isinstance(self.topology, Alternatives)

    async def close(self) -> None:
        """Close every connection."""
        await self.topology.close()

    async def handshake(self) -> None:
        """Make the first contact, and find out whether the servers are a cluster."""
        hosts = len(self.settings.hosts)
        try:
            await connect_with_retry(lambda left: self.ping(left, repeat=False), hosts, within=self.timeout)
        except Timeout:
            raise
        except NotReachable as error:
            raise self._first_error(error) from error
        if self.settings.cluster is None:
            with suppress(ExplorerError):
                reply = await self.call("CLUSTER", "SLOTS")
                if isinstance(reply, list) and reply:
                    alternatives, self.topology = self.topology, Cluster(self.settings, self.tls)
                    await alternatives.close()

    def _first_error(self, error: NotReachable) -> NotReachable:
        """Return the error of a first contact that the server ended, with what that usually means."""
        if self.settings.socket:
            return unreachable_socket(self.settings.socket, error)
        if not (error.connected and error.retryable):
            return error
        if self.tls is None:
            return NotReachable(error.message, hint="is it a Redis port? if it is encrypted, use redis+tls://")
        has_certificate = self.settings.access.cert_file is not None
        return TlsFailed(
            f"{error.message}, right after the TLS handshake: client certificate "
            f"{'refused?' if has_certificate else 'required?'}",
            hint="use one that the server's authority signed (--cert)"
            if has_certificate
            else "pass it and its key (--cert, --key)",
        )

    async def ping(self, within: float, *, repeat: bool = True) -> None:
        """Send a command that each user may run, and that a server that cannot work refuses."""
        await self.call("PING", within=within, repeat=repeat)

    async def call(
        self, *command: bytes | str | int, key: bytes | None = None, within: float | None = None, repeat: bool = True
    ) -> Reply:
        """Send a command and return its reply.

        Args:
            command: Name and arguments.
            key: The key that it is about; None for any server.
            within: Seconds for all attempts; the settings' timeout by default.
            repeat: Whether it may be sent again when its reply was lost, as reads may.
        """
        seconds = self.timeout if within is None else within

        async def attempt(left: float) -> Reply:
            node = await self.topology.node_of(key or b"", left)
            return await self.call_node(node, command, min(left, self.topology.share(seconds)))

        return await retry(attempt, within=seconds) if repeat else await attempt(seconds)

    async def call_node(self, node: RedisNode, command: Command, within: float) -> Reply:
        """Send a command to a server, and to the one that it names if its key was moved."""
        asking = False
        for _ in range(_MAX_REDIRECTS):
            try:
                commands = (("ASKING",), command) if asking else (command,)
                reply = (await node.send(commands, within))[-1]
            except NotReachable:
                self.topology.report_failure(node)
                raise
            match reply:
                case MovedError():
                    node, asking = self._follow(node, reply), False
                    self.topology.report_move(reply.slot_id, node.host)
                case AskError():
                    node, asking = self._follow(node, reply), True
                case ResponseError():
                    raise self.error_of(node, reply)
                case _:
                    return reply
        raise NotReachable("the slot of the key is being moved", sent=False, connected=True)

    def error_of(self, node: RedisNode, reply: ResponseError) -> ExplorerError:
        """Return the error of a reply, after which another server may be tried."""
        if getattr(reply, "status_code", None) in _UNAVAILABLE:
            self.topology.report_failure(node)
        error = reply_error(reply, node.where)
        error.__cause__ = reply
        return error

    def _follow(self, node: RedisNode, reply: AskError) -> RedisNode:
        if not self.is_cluster:
            raise InvalidAddress(f"{node.where}the server is a member of a cluster", hint="?cluster=true")
        return self.topology.node(Host(reply.host or node.host.name, reply.port))

    async def call_each(
        self, commands: Sequence[tuple[bytes, Command]], *, within: float | None = None, repeat: bool = True
    ) -> list[Reply]:
        """Send commands, each about one key, in one go to each server, and return their replies; errors are values.

        Args:
            commands: Each with its key.
            within: Seconds for all attempts; the settings' timeout by default.
            repeat: Whether they may be sent again when a reply was lost.
        """
        seconds = self.timeout if within is None else within

        async def attempt(left: float) -> list[Reply]:
            by_node: dict[RedisNode, list[int]] = {}
            for number, (key, _) in enumerate(commands):
                by_node.setdefault(await self.topology.node_of(key, left), []).append(number)
            replies: list[Reply] = [None] * len(commands)
            limit = min(left, self.topology.share(seconds))

            async def send(node: RedisNode) -> None:
                numbers = by_node[node]
                try:
                    found = await node.send([commands[number][1] for number in numbers], limit)
                except NotReachable:
                    self.topology.report_failure(node)
                    raise
                for number, reply in zip(numbers, found, strict=True):
                    is_moved = isinstance(reply, AskError)  # or MovedError
                    replies[number] = await self.call_node(node, commands[number][1], limit) if is_moved else reply

            for result in (await gather_results(by_node, send)).values():
                if isinstance(result, ExplorerError):
                    raise result
            for reply in replies:
                if isinstance(reply, ResponseError) and getattr(reply, "status_code", None) in _UNAVAILABLE:
                    raise self.error_of(next(iter(by_node)), reply)
            return replies

        if not commands:
            return []
        return await retry(attempt, within=seconds) if repeat else await attempt(seconds)
