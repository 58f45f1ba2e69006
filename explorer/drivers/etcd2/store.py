"""The driver of etcd's v2 API: the contract of a store, spoken to members that serve it."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from explorer.drivers.base import PAGE_SIZE, PING_TIMEOUT
from explorer.drivers.common.errors import key_not_found
from explorer.drivers.common.network_store import LockOptions, NetworkStore
from explorer.drivers.common.pagination import PageCache
from explorer.drivers.common.request_log import logged_write
from explorer.drivers.common.watch import Watch
from explorer.drivers.etcd2 import lock_inspect, status
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.delete_tree import Etcd2TreeDeletion
from explorer.drivers.etcd2.keyspace import Etcd2Keyspace, Node
from explorer.drivers.etcd2.lock import LIBKV, UNFENCED, VALKEYRIE, Etcd2Lock
from explorer.drivers.etcd2.reader import Etcd2Reader, Walk
from explorer.drivers.etcd2.settings import load
from explorer.drivers.etcd2.tree_watch import Etcd2TreeWatch
from explorer.drivers.etcd2.watch import Etcd2KeyWatch
from explorer.drivers.etcd2.writer import Etcd2Writer
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import InvalidKey
from explorer.model.keys import directory
from explorer.model.locks import LockInfo


class Etcd2Store(NetworkStore[Etcd2Connection]):
    """etcd's store of version 2, or the part of it below the address's path. A revision is a node's modifiedIndex.

    A directory is an entry without a value. Names that begin with `_` are hidden: they can be read and written by their
    key, and no listing, no watch from above and no deletion of a tree tells of them or touches them.
    """

    capabilities = (
        Capability.ATOMIC
        | Capability.CREATED
        | Capability.DIRECTORIES
        | Capability.EVERY_CHANGE
        | Capability.EVERY_DELETION
        | Capability.KEEP_ALIVE
        | Capability.LOCK
        | Capability.LOCKS
        | Capability.PREVIOUS
        | Capability.RESUME
        | Capability.STALE_READS
        | Capability.TIME_LEFT
        | Capability.TTL
        | Capability.WATCH
    )
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.BINARY_KEYS: "etcd's v2 API carries keys as UTF-8 text",
        Capability.BINARY_VALUES: "etcd's v2 API carries values as UTF-8 text, and replaces what is none",
        Capability.FENCING: UNFENCED,
        Capability.GUARDED_DELETE: "etcd's v2 API deletes a tree unconditionally; each key goes only as it was read",
        Capability.HISTORY: "etcd's v2 API tells no earlier values, only its last 1000 changes",
        Capability.NESTING: "in etcd's v2 API a key has a value or is a directory, never both",
        Capability.SNAPSHOT: "a listing is read directory by directory, each as it is at that moment",
        Capability.WAITERS: "there is no queue: who waits for a lock leaves no trace",
    }
    lock_layouts: ClassVar[tuple[str, ...]] = (VALKEYRIE, LIBKV)
    possible_layouts: ClassVar[tuple[str, ...]] = (LIBKV,)

    def __init__(self, address: Address, access: Access) -> None:
        settings = load(address, access)
        super().__init__(settings.address, settings.redacted, "/")
        self._settings = settings
        self._layout = Etcd2Keyspace(settings.root, settings.redacted)
        self._listings: PageCache[Walk] = PageCache()
        self._levels: PageCache[Sequence[Node]] = PageCache()

    # The connection

    def _make_connection(self) -> Etcd2Connection:
        return Etcd2Connection(self._settings)

    async def _handshake(self) -> None:
        await status.greet(self.connection)

    @property
    def _writer(self) -> Etcd2Writer:
        return Etcd2Writer(self.connection, self._layout, self._tasks)

    def _lock(self, options: LockOptions) -> Etcd2Lock:
        return Etcd2Lock(self._writer, options)

    async def status(self) -> Status:
        return await status.ask(self.connection)

    async def ping(self) -> Revision | None:
        return (await self.connection.ping(min(PING_TIMEOUT, self.connection.timeout))).index

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        node = await self._reader(key).node(self._layout.locate(key), consistent=consistent)
        if node is None:
            raise key_not_found()
        return self._layout.entry(node)

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        base, above = self._layout.base(prefix), directory(prefix)
        nodes = self._levels.take(base, after)
        if nodes is None:
            nodes = await self._reader(prefix).level(base)
            if not nodes:
                await self._require(prefix)
            if after is not None:
                nodes = [node for node in nodes if self._layout.relative(node.path) > Cursor.key_of(after)]
        told, rest = nodes[:limit], nodes[limit:]
        children = _children(above, told)
        return Page(children, self._levels.keep(base, children[-1].key, rest) if rest else None, None)

    async def children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        del after  # the whole level comes at once
        base, above = self._layout.base(prefix), directory(prefix)
        nodes = await self._reader(prefix).level(base)
        if not nodes:
            await self._require(prefix)
        nodes = [node for node in nodes if before is None or self._layout.relative(node.path) < before]
        return Page(_children(above, nodes[-limit:]), None, None)

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        base = self._layout.base(prefix)
        walk = self._listings.take(base, after)
        if walk is None:
            begin = None if after is None else f"{self._layout.root}/{Cursor.key_of(after)}"
            walk = Walk(self._reader(prefix), base, after=begin)
        nodes = await walk.take(limit)
        if not nodes and after is None:
            await self._require(prefix)
        entries = tuple(self._layout.entry(node, values=values) for node in nodes)
        return Page(entries, self._listings.keep(base, entries[-1].key, walk) if await walk.more() else None, None)

    # Writing

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        if not is_dir:
            return await super().put(key, value, ttl=ttl, keep_alive=keep_alive)
        if value or keep_alive:
            raise InvalidKey(
                "a directory has no value, and its TTL is not kept alive",
                hint="write the value to a key below it",
                address=self.redacted,
                key=key,
            )
        return await logged_write(self._writer.make_directory(key, ttl), "make directory", self.redacted, key)

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        if guard is not None:
            self._refuse(Capability.GUARDED_DELETE, prefix)
        return await logged_write(
            Etcd2TreeDeletion(self.connection, self._layout, prefix, self._layout.base(prefix)).commit(),
            "delete tree",
            self.redacted,
            prefix,
        )

    # Watching and locks

    def watch(self, key: str, *, since: Revision | None = None) -> Watch:
        watch = Etcd2KeyWatch(self.connection, self._layout, key, since)
        return Watch(self._tasks, watch.run, name=f"watch of {key}")

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> Watch:
        watch = Etcd2TreeWatch(self.connection, self._layout, prefix, since, known)
        return Watch(self._tasks, watch.run, name=f"watch of {prefix or 'all keys'}")

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        return await lock_inspect.list_locks(self.connection, self._layout, prefix)

    def _reader(self, subject: str) -> Etcd2Reader:
        return Etcd2Reader(self.connection, subject)


def _children(above: str, nodes: Sequence[Node]) -> tuple[Child, ...]:
    """Return nodes as children. A directory may be empty: etcd tells that only to who asks for each by itself."""
    names = [(node, node.path.rpartition("/")[2]) for node in nodes]
    return tuple(Child(name, above + name, has_value=True, has_children=node.directory) for node, name in names)
