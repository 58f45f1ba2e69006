"""Store of a BoltDB file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from explorer.drivers.base import PAGE_SIZE, PING_TIMEOUT
from explorer.drivers.bolt.connection import BoltConnection
from explorer.drivers.bolt.errors import no_bucket
from explorer.drivers.bolt.flat import FlatKeyspace, reader_of
from explorer.drivers.bolt.keyspace import SEPARATOR
from explorer.drivers.bolt.layout import BoltLayout
from explorer.drivers.bolt.revision_keys import MESSAGES, SCHEMA
from explorer.drivers.bolt.settings import layout_of, load
from explorer.drivers.bolt.status import read_status
from explorer.drivers.bolt.watch import BoltKeyWatch, BoltTreeWatch
from explorer.drivers.bolt.writer import BoltWriter
from explorer.drivers.common.connected_store import ConnectedStore, LockOptions
from explorer.drivers.common.errors import key_not_found
from explorer.drivers.common.request_log import logged_write
from explorer.drivers.common.transaction import Transacted
from explorer.drivers.lock import Lock
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import CallNotSupported, InvalidKey
from explorer.model.operations import Operation

_NO_LOCKS: Final = "a BoltDB file belongs to the process that has it open; there is nothing to lock in it"
_NO_TTL: Final = "a BoltDB file has no clock: nothing in it expires"
_NO_HISTORY: Final = "a BoltDB file keeps its last state, and overwrites the ones before"
_COPY: Final = "this is a private copy of the file"
_READ_ONLY_HINT: Final = "it can be read only"


class BoltStore(ConnectedStore[BoltConnection]):
    """A BoltDB file, or the bucket that the address names. A revision is a digest of the value.

    A bucket is an entry without a value. The file is locked only while it is read or written.
    """

    capabilities = (
        Capability.ATOMIC
        | Capability.BINARY_KEYS
        | Capability.BINARY_VALUES
        | Capability.DIRECTORIES
        | Capability.TRANSACTIONS
        | Capability.WATCH
    )
    keeps_first_slash = False
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.CREATED: "a BoltDB file does not note when a key was made",
        Capability.DISTINCT_REVISIONS: "a BoltDB file counts its transactions, not those of a key: values are compared",
        Capability.EVERY_CHANGE: "the states of the file are compared: transactions that follow closely are combined",
        Capability.EVERY_DELETION: "the states of the file are compared: keys that were there briefly are missed",
        Capability.FENCING: _NO_LOCKS,
        Capability.GUARDED_DELETE: "a bucket has no revision of what is in it; each key is compared by itself",
        Capability.HISTORY: _NO_HISTORY,
        Capability.KEEP_ALIVE: _NO_TTL,
        Capability.LOCK: _NO_LOCKS,
        Capability.LOCKS: _NO_LOCKS,
        Capability.NESTING: "a name in a BoltDB file is a key with a value or a bucket, never both",
        Capability.PREVIOUS: _NO_HISTORY,
        Capability.RESUME: _NO_HISTORY,
        Capability.SNAPSHOT: "the pages of an earlier state are overwritten; each page of a listing reads the newest",
        Capability.STALE_READS: "there is one copy, which never lags behind",
        Capability.TIME_LEFT: _NO_TTL,
        Capability.TTL: _NO_TTL,
        Capability.WAITERS: _NO_LOCKS,
    }

    def __init__(self, address: Address, access: Access) -> None:
        settings = load(address, access)
        super().__init__(settings.address, settings.address.redacted, SEPARATOR)
        self._settings = settings
        self._keyspace = settings.keyspace
        self.read_only_reason = _COPY if settings.copy else settings.layout.read_only_reason
        self.snapshot = "a copy" if settings.copy else ""
        self.separator = settings.separator

    @classmethod
    def class_for(cls, address: Address) -> "type[BoltStore]":
        layout = layout_of(address)
        return FlatBoltStore if layout.is_flat else EtcdFileStore if layout is BoltLayout.ETCD else cls

    @property
    def root_path(self) -> str:
        return self._settings.root_path

    # The connection

    def _make_connection(self) -> BoltConnection:
        return BoltConnection(self._settings)

    async def _handshake(self) -> None:
        await self.connection.open()
        self.snapshot = self.connection.snapshot

    @property
    def _writer(self) -> BoltWriter:
        if self.read_only_reason is not None:
            raise CallNotSupported(self.read_only_reason, hint=_READ_ONLY_HINT)
        return BoltWriter(self.connection, self._keyspace)

    def _lock(self, options: LockOptions) -> Lock:
        self._refuse(Capability.LOCK, options.key)

    async def status(self) -> Status:
        return await read_status(self.connection)

    async def ping(self) -> Revision | None:
        within = min(PING_TIMEOUT / 2, self.connection.timeout)
        return await self.connection.read(lambda view: view.meta.txid, within=within)

    def require_key(self, key: str) -> None:
        if len(self._keyspace.to_path(key)) == 1:
            raise no_bucket()

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        del consistent  # there is one copy
        self._keyspace.to_path(key)
        entry = await self.connection.read(lambda view: reader_of(view, self._keyspace).entry(key))
        if entry is None:
            raise key_not_found()
        return entry

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        return await self.connection.read(lambda view: reader_of(view, self._keyspace).children(prefix, after, limit))

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        return await self.connection.read(
            lambda view: reader_of(view, self._keyspace).entries(prefix, after, limit, values=values)
        )

    # Writing

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        if not is_dir or isinstance(self._keyspace, FlatKeyspace):
            return await super().put(key, value, ttl=ttl, keep_alive=keep_alive)
        self._require_lifetime(key, ttl, keep_alive=keep_alive)
        if value:
            raise InvalidKey("a bucket has no value", hint="write the value to a key in it")
        with logged_write("make bucket", self.redacted, key) as record:
            return record.done(await self._writer.make_bucket(key))

    async def _transact(self, operations: Sequence[Operation]) -> Transacted:
        return await self._writer.transact(operations)

    async def _delete_tree(self, prefix: str, guard: Revision | None) -> int:
        del guard  # refused for the lack of GUARDED_DELETE
        return await self._writer.delete_tree(prefix)

    # Watching

    def _key_watch(self, key: str, since: Revision | None) -> BoltKeyWatch:
        del since  # refused for the lack of RESUME
        return BoltKeyWatch(self.connection, self._keyspace, key)

    def _tree_watch(self, prefix: str, since: Revision | None, known: Mapping[str, Revision] | None) -> BoltTreeWatch:
        del since  # refused for the lack of RESUME
        return BoltTreeWatch(self.connection, self._keyspace, prefix, known)


class FlatBoltStore(BoltStore):
    """A BoltDB file with all keys in one bucket, as libkv, valkeyrie and cn-infra write them."""

    capabilities = BoltStore.capabilities & ~Capability.DIRECTORIES | Capability.NESTING
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.DIRECTORIES: "in this layout all keys are in one bucket, and a separator divides their names",
        **{
            capability: reason
            for capability, reason in BoltStore.unsupported_reasons.items()
            if capability is not Capability.NESTING
        },
    }


class EtcdFileStore(BoltStore):
    """The file in which etcd keeps its data, by revision."""

    schema: ClassVar[Path | None] = SCHEMA
    messages: ClassVar[Mapping[str, str]] = MESSAGES
