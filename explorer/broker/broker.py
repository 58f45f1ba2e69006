"""Broker: typed messages below a prefix of a store, as cn-infra's ProtoBroker and BytesBrokerWithAtomic.

What cn-infra compares by value is compared by value here as well, and written by compare-and-swap on the revision that
had it; so an equal value that was written meanwhile is not overwritten unseen.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Final, Generic, Self, cast, overload

from explorer.broker.namespace import Namespace
from explorer.broker.serializer import JsonSerializer, MessageT, Serializer
from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Entry, Revision
from explorer.model.errors import KeyExists, KeyModified, KeyNotFound
from explorer.model.operations import ABSENT, Absent, DeleteOperation, Expected, Operation, PutOperation

SESSION_TTL: Final = 10.0
"""Seconds after which an entry that lives as long as its client expires once the client is gone."""


@dataclass(frozen=True, slots=True)
class StoredValue(Generic[MessageT]):
    """A key with its message, as read or written."""

    key: str
    """The key, relative to the broker's prefix."""
    found: bool
    """False if there is no such key; then nothing else is set."""
    revision: Revision | None = None
    message: MessageT | None = None
    entry: Entry | None = field(default=None, repr=False, compare=False)
    """The entry in the store, with its lease, TTL and metadata."""


class Broker(Generic[MessageT]):
    """Reads and writes messages of one type below a prefix.

    Args:
        store: The store; it has to be open when a call is made.
        prefix: A directory; the keys of the broker are relative to it.
        message_type: Type of the messages: a protobuf message, bytes (default), or with JSON a type of its data.
        serializer: Converts messages, by default as JSON.
    """

    @overload
    def __init__(self: "Broker[bytes]", store: Store, prefix: str = "") -> None: ...

    @overload
    def __init__(
        self, store: Store, prefix: str, message_type: type[MessageT], serializer: Serializer = ...
    ) -> None: ...

    def __init__(
        self,
        store: Store,
        prefix: str = "",
        message_type: type[MessageT] | type[bytes] = bytes,
        serializer: Serializer | None = None,
    ) -> None:
        self._store = store
        kind = cast("type[MessageT]", message_type)
        self._namespace = Namespace(store, prefix, kind, serializer or JsonSerializer())

    def __str__(self) -> str:
        return f"{self._store.redacted}: {self._namespace.prefix or 'all keys'}"

    @property
    def store(self) -> Store:
        """The store, for what the broker has no call for."""
        return self._store

    # Reading

    async def get_value(self, key: str) -> StoredValue[MessageT]:
        """Return the message of a key; `found` is False if there is none.

        Raises:
            InvalidText: The value is no message of the broker's type.
        """
        try:
            return self._to_stored(await self._store.get(self._to_store_key(key)))
        except KeyNotFound:
            return StoredValue(key, found=False)

    async def list_values(self, prefix: str = "") -> AsyncGenerator[StoredValue[MessageT], None]:
        """Yield all messages below a directory, none if there is nothing; directories have no message.

        Close an iteration that ends early by `contextlib.aclosing`.
        """
        async with aclosing(self._walk(prefix, values=True)) as entries:
            async for entry in entries:
                yield self._to_stored(entry)

    async def list_keys(self, prefix: str = "") -> AsyncGenerator[str, None]:
        """Yield the keys below a directory."""
        async with aclosing(self._walk(prefix, values=False)) as entries:
            async for entry in entries:
                yield self._namespace.to_key(entry.key)

    async def _walk(self, prefix: str, *, values: bool) -> AsyncGenerator[Entry, None]:
        """Yield the entries below a directory, without those that are there only for what is below them."""
        has_directories = Capability.DIRECTORIES in self._store.capabilities
        entries = self._store.walk(self._to_store_key(prefix), values=values or has_directories)
        async with aclosing(
            _without_directories(entries, self._store.separator) if has_directories else entries
        ) as kept:
            with suppress(KeyNotFound):
                async for entry in kept:
                    if not (has_directories and self._namespace.is_directory(entry.value)):
                        yield entry

    # Writing

    async def put(
        self, key: str, message: MessageT, *, ttl: float | None = None, keep_alive: bool = False
    ) -> StoredValue[MessageT]:
        """Write a message.

        Args:
            key: The key.
            message: The message.
            ttl: Seconds until the entry expires; None keeps the time left of an entry that is overwritten.
            keep_alive: The entry lives as long as the client, which renews its TTL (`SESSION_TTL` by default).
        """
        ttl = SESSION_TTL if keep_alive and ttl is None else ttl
        store_key, value = self._to_store_key(key), self._namespace.encode(message)
        return self._written(await self._store.put(store_key, value, ttl=ttl, keep_alive=keep_alive), message)

    async def delete(self, key: str) -> bool:
        """Delete a key, and return whether it existed."""
        try:
            await self._store.delete(self._to_store_key(key))
        except KeyNotFound:
            return False
        return True

    async def delete_tree(self, prefix: str = "") -> int:
        """Delete everything below a directory, and return the number of entries."""
        try:
            return await self._store.delete_tree(self._to_store_key(prefix))
        except KeyNotFound:
            return 0

    async def put_if_absent(self, key: str, message: MessageT) -> bool:
        """Write a message if there is none, and return whether it was written."""
        try:
            await self._store.atomic_put(self._to_store_key(key), self._namespace.encode(message), None)
        except KeyExists:
            return False
        return True

    async def compare_and_swap(
        self, key: str, expected: MessageT | StoredValue[MessageT], message: MessageT
    ) -> StoredValue[MessageT] | None:
        """Write a message if the stored one is the expected one, and return what was written; None if it is not.

        Args:
            key: The key.
            expected: A message that the stored one has to equal; or what was read, whose revision has to be the same.
            message: The new message.
        """
        store_key, value = self._to_store_key(key), self._namespace.encode(message)
        while (guard := await self._guard(key, expected)) is not None:
            with suppress(KeyModified):
                return self._written(await self._store.atomic_put(store_key, value, guard), message)
            if isinstance(expected, StoredValue):
                break
        return None

    async def compare_and_delete(self, key: str, expected: MessageT | StoredValue[MessageT]) -> bool:
        """Delete a key if its message is the expected one, see `compare_and_swap`; return whether it was deleted."""
        while (guard := await self._guard(key, expected)) is not None:
            with suppress(KeyModified, KeyNotFound):
                await self._store.atomic_delete(self._to_store_key(key), guard)
                return True
            if isinstance(expected, StoredValue):
                break
        return False

    async def _guard(self, key: str, expected: MessageT | StoredValue[MessageT]) -> Entry | None:
        """Return the entry that a guarded write compares with; None if the stored message is not the expected one."""
        if isinstance(expected, StoredValue):
            return expected.entry
        stored = await self.get_value(key)
        return stored.entry if stored.found and stored.message == expected else None

    def txn(self) -> "Txn[MessageT]":
        """Return an empty transaction: `await broker.txn().put(...).delete(...).commit()`."""
        return Txn(self._namespace)

    # Shared

    def _to_store_key(self, key: str) -> str:
        return self._namespace.to_store_key(key)

    def _to_stored(self, entry: Entry) -> StoredValue[MessageT]:
        return to_stored(self._namespace, entry)

    def _written(self, entry: Entry, message: MessageT) -> StoredValue[MessageT]:
        return StoredValue(
            self._namespace.to_key(entry.key), found=True, revision=entry.revision, message=message, entry=entry
        )


class Txn(Generic[MessageT]):
    """Puts and deletes that are committed together, or not at all, see `Store.transact`."""

    def __init__(self, namespace: Namespace[MessageT]) -> None:
        self._namespace = namespace
        self._operations: list[Operation] = []

    def put(self, key: str, message: MessageT, *, expected: StoredValue[MessageT] | Absent | None = None) -> Self:
        """Add a put.

        Args:
            key: The key.
            message: The message.
            expected: What was read, `ABSENT`, or None to overwrite whatever there is.
        """
        store_key, value = self._namespace.to_store_key(key), self._namespace.encode(message)
        self._operations.append(PutOperation(store_key, value, _to_expected(expected)))
        return self

    def delete(self, key: str, *, expected: StoredValue[MessageT] | None = None) -> Self:
        """Add a deletion; without an expectation, the key need not exist."""
        self._operations.append(DeleteOperation(self._namespace.to_store_key(key), _to_expected(expected)))
        return self

    async def commit(self) -> tuple[StoredValue[MessageT] | None, ...]:
        """Write everything, or nothing; return what each put wrote, None for each deletion.

        Raises:
            KeyModified: A key is not as expected.
            KeyExists: A key that is expected to be absent exists.
            CallNotSupported: The store has no transactions.
        """
        written = await self._namespace.store.transact(self._operations)
        return tuple(None if entry is None else to_stored(self._namespace, entry) for entry in written)


def to_stored(namespace: Namespace[MessageT], entry: Entry) -> StoredValue[MessageT]:
    """Return an entry of the store with its message."""
    message = namespace.decode(entry.key, entry.value or b"")
    return StoredValue(namespace.to_key(entry.key), found=True, revision=entry.revision, message=message, entry=entry)


async def _without_directories(entries: AsyncGenerator[Entry, None], separator: str) -> AsyncGenerator[Entry, None]:
    """Yield the entries with a value, and those with an empty value that have nothing below them."""
    last: Entry | None = None
    async with aclosing(entries):
        async for entry in entries:
            if last is not None and (last.value or not entry.key.startswith(last.key + separator)):
                yield last
            last = None if entry.value is None else entry
    if last is not None:
        yield last


def _to_expected(expected: StoredValue[MessageT] | Absent | None) -> Expected:
    if isinstance(expected, StoredValue):
        return expected.entry or ABSENT
    return expected
