"""Which server a key is on: one of several alternatives, the primary that sentinels name, or a cluster's slots."""

import ssl
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Final

from redis.crc import key_slot
from redis.exceptions import ResponseError

from explorer.drivers.common.errors import key_not_found
from explorer.drivers.redis.errors import reply_error
from explorer.drivers.redis.node import RedisNode, Reply
from explorer.drivers.redis.settings import RedisSettings
from explorer.model.address import Host
from explorer.model.errors import ExplorerError, InvalidAddress, NotReachable

_SLOTS: Final = 16384


class Topology(ABC):
    """The servers of a store.

    Args:
        settings: Settings of the store.
        tls: TLS context; None for plain connections.
    """

    def __init__(self, settings: RedisSettings, tls: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._tls = tls
        self._nodes: dict[Host, RedisNode] = {}

    async def close(self) -> None:
        """Close every connection."""
        for node in self._nodes.values():
            await node.close()

    def node(self, host: Host, *, several: bool = True) -> RedisNode:
        """Return a server by its host and port."""
        if host not in self._nodes:
            where = f"{host}: " if several else ""
            self._nodes[host] = RedisNode(
                self._settings, host, self._tls, where=where, database=self._settings.database
            )
        return self._nodes[host]

    @abstractmethod
    async def node_of(self, key: bytes, within: float) -> RedisNode:
        """Return the server of a key."""

    @abstractmethod
    async def primaries(self, within: float) -> list[RedisNode]:
        """Return the servers that have all keys together."""

    async def refresh(self, within: float) -> frozenset[Host]:
        """Ask anew which servers are the primaries."""
        return frozenset(node.host for node in await self.primaries(within))

    @abstractmethod
    def report_failure(self, node: RedisNode) -> None:
        """Note that a server did not answer, or is no primary any more."""

    def report_move(self, slot: int, host: Host) -> None:
        """Note that a slot is on another server."""
        del slot, host  # only a cluster has slots

    def share(self, seconds: float) -> float:
        """Return the part of a time limit for one server."""
        return seconds


class Alternatives(Topology):
    """Servers of which one is used; one that fails is left for the next."""

    def __init__(self, settings: RedisSettings, tls: ssl.SSLContext | None) -> None:
        super().__init__(settings, tls)
        self._current = 0

    async def node_of(self, key: bytes, within: float) -> RedisNode:
        del key, within
        return self._node

    async def primaries(self, within: float) -> list[RedisNode]:
        del within
        return [self._node]

    @property
    def _node(self) -> RedisNode:
        hosts = self._settings.hosts
        return self.node(hosts[self._current], several=len(hosts) > 1)

    def report_failure(self, node: RedisNode) -> None:
        if node.host == self._settings.hosts[self._current]:
            self._current = (self._current + 1) % len(self._settings.hosts)

    def share(self, seconds: float) -> float:
        return seconds / len(self._settings.hosts)


class SentinelPrimary(Topology):
    """The primary that sentinels name; asked again when it does not answer or became a replica."""

    def __init__(self, settings: RedisSettings, tls: ssl.SSLContext | None) -> None:
        super().__init__(settings, tls)
        self._primary: Host | None = None
        self._sentinels = [RedisNode(settings, host, tls, where=f"sentinel {host}: ") for host in settings.hosts]

    async def close(self) -> None:
        await super().close()
        for sentinel in self._sentinels:
            await sentinel.close()

    async def node_of(self, key: bytes, within: float) -> RedisNode:
        del key
        if self._primary is None:
            self._primary = await self._discover(within)
        return self.node(self._primary)

    async def primaries(self, within: float) -> list[RedisNode]:
        return [await self.node_of(b"", within)]

    async def refresh(self, within: float) -> frozenset[Host]:
        self._primary = await self._discover(within)
        return frozenset((self._primary,))

    def report_failure(self, node: RedisNode) -> None:
        if node.host == self._primary:
            self._primary = None

    def share(self, seconds: float) -> float:
        return seconds / 2

    async def _discover(self, within: float) -> Host:
        service = self._settings.service or ""
        failure = NotReachable(f"no sentinel knows {service!r}", sent=False, hint="the name in `sentinel monitor`")
        for sentinel in tuple(self._sentinels):
            try:
                reply = await sentinel.call(
                    ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service), within / len(self._sentinels)
                )
            except NotReachable as error:
                failure = NotReachable(error.message, sent=False, hint=error.hint)
                continue
            except ResponseError as error:
                raise _sentinel_error(error, sentinel) from error
            match reply:
                case [bytes(name), bytes(port)] if port.isdigit():
                    self._sentinels.remove(sentinel)
                    self._sentinels.insert(0, sentinel)
                    return Host(name.decode(), int(port))
                case _:
                    continue
        raise failure


def _sentinel_error(error: ResponseError, sentinel: RedisNode) -> ExplorerError:
    if "unknown command" in str(error).lower():
        return InvalidAddress(
            f"{sentinel.host} is no sentinel", hint="name the sentinels (port 26379), or leave out ?sentinel="
        )
    return reply_error(error, sentinel.where)


class Cluster(Topology):
    """A Redis Cluster: each slot of keys is on one primary."""

    def __init__(self, settings: RedisSettings, tls: ssl.SSLContext | None) -> None:
        super().__init__(settings, tls)
        self._slots: list[Host | None] = []
        self._seeds = list(settings.hosts)

    async def node_of(self, key: bytes, within: float) -> RedisNode:
        if not self._slots:
            await self._discover(within)
        host = self._slots[key_slot(key)]
        if host is None:
            self._slots = []
            raise NotReachable("the cluster is down: no server has the slot of this key", sent=False, connected=True)
        return self.node(host)

    async def primaries(self, within: float) -> list[RedisNode]:
        await self._discover(within)
        if None in self._slots:
            raise NotReachable("the cluster is down: not all slots are served", sent=False, connected=True)
        return [self.node(host) for host in dict.fromkeys(self._slots) if host is not None]

    def report_failure(self, node: RedisNode) -> None:
        del node
        self._slots = []

    def report_move(self, slot: int, host: Host) -> None:
        if self._slots:
            self._slots[slot] = host

    async def _discover(self, within: float) -> None:
        """Read which server has which slots."""
        failure: NotReachable | None = None
        for host in tuple(self._seeds):
            node = self.node(host)
            try:
                reply = await node.call(("CLUSTER", "SLOTS"), within / len(self._seeds))
            except NotReachable as error:
                failure = NotReachable(error.message, sent=False, hint=error.hint)
                self._seeds.remove(host)
                self._seeds.append(host)
                continue
            except ResponseError as error:
                raise reply_error(error, node.where) from error
            self._slots = parse_slots(reply, host)
            self._seeds = list(dict.fromkeys([*filter(None, self._slots), *self._settings.hosts]))
            return
        raise failure or key_not_found()


def parse_slots(reply: Reply, asked: Host) -> list[Host | None]:
    """Return the primary of each slot in a reply of CLUSTER SLOTS."""
    slots: list[Host | None] = [None] * _SLOTS
    for part in reply if isinstance(reply, list) else ():
        match part:
            case [int(first), int(last), [name, int(port), *_], *_]:
                host = Host(name.decode() if isinstance(name, bytes) and name else asked.name, port)
                slots[first : last + 1] = [host] * (min(last, _SLOTS - 1) - first + 1)
            case _:
                continue
    return slots


def slots_of(keys: Iterable[bytes]) -> set[int]:
    """Return the cluster's slots of keys."""
    return set(map(key_slot, keys))
