"""Writer of keys and buckets: each call is one transaction, in which everything is compared and then written."""

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.drivers.bolt.bucket import Bucket
from explorer.drivers.bolt.connection import BoltConnection
from explorer.drivers.bolt.errors import bucket_not_empty
from explorer.drivers.bolt.flat import FlatKeyspace, keys_below
from explorer.drivers.bolt.keyspace import (
    BoltKeyspace,
    NamePath,
    bucket_entry,
    bucket_revision,
    revision_of,
)
from explorer.drivers.bolt.page import BUCKET_FLAG
from explorer.drivers.bolt.reader import count_below
from explorer.drivers.bolt.tx import Tx, TxBucket
from explorer.drivers.common.errors import key_exists, key_modified, key_not_found, nothing_below, previous_missing
from explorer.drivers.common.transaction import Transacted, with_key
from explorer.model.entries import NO_META, Entry, Meta, Revision
from explorer.model.errors import ExplorerError
from explorer.model.operations import ABSENT, DeleteOperation, Expected, Operation, PutOperation


@dataclass(frozen=True, slots=True)
class BoltWriter:
    """Writes the keys of an address.

    Args:
        connection: The connection to the file.
        keyspace: Converts keys.
    """

    connection: BoltConnection
    keyspace: BoltKeyspace

    async def put(self, key: str, value: bytes, *, ttl: float | None = None, keep_alive: bool = False) -> Entry:
        """Write an entry, and make the buckets above it."""
        del ttl, keep_alive  # refused by the store
        return await self._put(PutOperation(key, value))

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        """Write an entry if it is the one that was read."""
        del ttl, meta  # refused by the store
        return await self._put(PutOperation(key, value, ABSENT if previous is None else previous))

    async def delete(self, key: str) -> None:
        """Delete a key or an empty bucket."""
        path = self.keyspace.to_path(key)

        def delete(tx: Tx) -> None:
            if _revision(tx, path) is None:
                raise key_not_found()
            _delete(tx, path)

        await self.connection.write(delete)

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        """Delete a key or an empty bucket if it is the one that was read."""
        if previous is None:
            raise previous_missing()
        path = self.keyspace.to_path(key)

        def delete(tx: Tx) -> None:
            revision = _revision(tx, path)
            if revision is None:
                raise key_not_found()
            _require_expected(revision, previous)
            _delete(tx, path)

        await self.connection.write(delete)

    async def make_bucket(self, key: str) -> Entry:
        """Make a bucket and those above it; an existing one stays."""
        path = self.keyspace.to_path(key)
        sequence = await self.connection.write(lambda tx: _make_buckets(tx, path).sequence)
        return bucket_entry(key, sequence)

    async def transact(self, operations: Sequence[Operation]) -> Transacted:
        """Apply all operations in one transaction."""
        paths = [self._to_path(operation) for operation in operations]

        def apply(tx: Tx) -> Transacted:
            for operation, path in zip(operations, paths, strict=True):
                try:
                    _require_expected(_revision(tx, path), operation.expected)
                except ExplorerError as error:
                    raise with_key(error, operation.key) from None
            return tuple(self._apply(tx, operation, path) for operation, path in zip(operations, paths, strict=True))

        return await self.connection.write(apply)

    async def delete_tree(self, prefix: str) -> int:
        """Delete everything in a bucket, and return the number of keys and buckets."""
        keyspace = self.keyspace
        if isinstance(keyspace, FlatKeyspace):
            base = keyspace.to_prefix(prefix)
            return await self.connection.write(lambda tx: _delete_keys(tx, keyspace.root, base))
        path = keyspace.to_prefix_path(prefix)
        return await self.connection.write(lambda tx: _clear(tx, path))

    async def _put(self, operation: PutOperation) -> Entry:
        path = self.keyspace.to_path(operation.key)

        def put(tx: Tx) -> Entry:
            revision = None if operation.expected is None else _revision(tx, path)
            _require_expected(revision, operation.expected)
            return self._put_value(tx, operation, path)

        return await self.connection.write(put)

    def _apply(self, tx: Tx, operation: Operation, path: NamePath) -> Entry | None:
        try:
            match operation:
                case PutOperation():
                    return self._put_value(tx, operation, path)
                case DeleteOperation():
                    _delete(tx, path)
                    return None
        except ExplorerError as error:
            raise with_key(error, operation.key) from None

    def _put_value(self, tx: Tx, operation: PutOperation, path: NamePath) -> Entry:
        bucket = _make_buckets(tx, path[:-1])
        found = bucket.get(path[-1])
        stored = self.keyspace.join_value(operation.value, found and found.value)
        bucket.put(path[-1], stored)
        return self.keyspace.value_entry(operation.key, stored)

    def _to_path(self, operation: Operation) -> NamePath:
        try:
            return self.keyspace.to_path(operation.key)
        except ExplorerError as error:
            raise with_key(error, operation.key) from None


def _revision(tx: Tx, path: NamePath) -> Revision | None:
    """Return the revision of a key as it is in the transaction; None if there is none."""
    bucket = _bucket(tx, path[:-1])
    found = bucket and bucket.get(path[-1])
    if not found:
        return None
    return (
        bucket_revision(Bucket(tx.view, found.value).sequence)
        if found.flags & BUCKET_FLAG
        else revision_of(found.value)
    )


def _require_expected(revision: Revision | None, expected: Expected) -> None:
    """Raise KeyExists or KeyModified if a key is not what is expected."""
    if expected is None:
        return
    if expected is ABSENT:
        if revision is not None:
            raise key_exists()
    elif revision is None or revision != (expected.revision if isinstance(expected, Entry) else expected):
        raise key_modified()


def _delete(tx: Tx, path: NamePath) -> None:
    """Delete a key or an empty bucket; do nothing if there is none."""
    parent = _bucket(tx, path[:-1])
    if parent is None or parent.get(path[-1]) is None:
        return
    bucket = parent.bucket(path[-1])
    if bucket is not None and not bucket.is_empty:
        raise bucket_not_empty()
    parent.delete(path[-1])


def _clear(tx: Tx, path: NamePath) -> int:
    """Delete everything in a bucket, and return the number of keys and buckets."""
    bucket, found = _bucket(tx, path), Bucket.root_of(tx.view).resolve(path)
    if bucket is None or bucket.is_empty or not isinstance(found, Bucket):
        raise nothing_below()
    bucket.clear()
    return count_below(found)


def _delete_keys(tx: Tx, path: NamePath, base: bytes) -> int:
    """Delete the keys of a bucket that begin with a base, and return their number."""
    bucket, found = _bucket(tx, path), Bucket.root_of(tx.view).resolve(path)
    keys = keys_below(found, base) if isinstance(found, Bucket) else []
    if bucket is None or not keys:
        raise nothing_below()
    for key in keys:
        bucket.delete(key)
    return len(keys)


def _bucket(tx: Tx, path: NamePath) -> TxBucket | None:
    """Return the bucket at a path; None if there is none."""
    bucket: TxBucket | None = tx.root
    for name in path:
        bucket = bucket and bucket.bucket(name)
    return bucket


def _make_buckets(tx: Tx, path: NamePath) -> TxBucket:
    bucket = tx.root
    for name in path:
        bucket = bucket.make_bucket(name)
    return bucket
