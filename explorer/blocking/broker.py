"""Blocking brokers."""

from collections.abc import Generator
from typing import Generic, Self

from explorer.blocking.connection import BlockingConnection
from explorer.broker import Broker, StoredValue, Txn
from explorer.broker.serializer import MessageT
from explorer.model.operations import Absent


class BlockingBroker(Generic[MessageT]):
    """A broker whose calls block, see `explorer.broker.Broker`; `BlockingStore.broker` returns one."""

    def __init__(self, connection: BlockingConnection, broker: Broker[MessageT]) -> None:
        self._connection = connection
        self._broker = broker

    def __str__(self) -> str:
        return str(self._broker)

    def get_value(self, key: str) -> StoredValue[MessageT]:
        """Return the message of a key; `found` is False if there is none; InvalidText."""
        return self._connection.run(self._broker.get_value(key))

    def list_values(self, prefix: str = "") -> Generator[StoredValue[MessageT], None, None]:
        """Yield all messages below a directory; InvalidText."""
        return self._connection.iterate(self._broker.list_values(prefix))

    def list_keys(self, prefix: str = "") -> Generator[str, None, None]:
        """Yield the keys below a directory."""
        return self._connection.iterate(self._broker.list_keys(prefix))

    def put(
        self, key: str, message: MessageT, *, ttl: float | None = None, keep_alive: bool = False
    ) -> StoredValue[MessageT]:
        """Write a message; TooLarge, OutcomeUnknown."""
        return self._connection.run(self._broker.put(key, message, ttl=ttl, keep_alive=keep_alive))

    def delete(self, key: str) -> bool:
        """Delete a key, and return whether it existed."""
        return self._connection.run(self._broker.delete(key))

    def delete_tree(self, prefix: str = "") -> int:
        """Delete everything below a directory, and return the number of entries."""
        return self._connection.run(self._broker.delete_tree(prefix))

    def put_if_absent(self, key: str, message: MessageT) -> bool:
        """Write a message if there is none, and return whether it was written."""
        return self._connection.run(self._broker.put_if_absent(key, message))

    def compare_and_swap(
        self, key: str, expected: MessageT | StoredValue[MessageT], message: MessageT
    ) -> StoredValue[MessageT] | None:
        """Write a message if the stored one is the expected one, and return what was written; None if it is not."""
        return self._connection.run(self._broker.compare_and_swap(key, expected, message))

    def compare_and_delete(self, key: str, expected: MessageT | StoredValue[MessageT]) -> bool:
        """Delete a key if its message is the expected one, and return whether it was deleted."""
        return self._connection.run(self._broker.compare_and_delete(key, expected))

    def txn(self) -> "BlockingTxn[MessageT]":
        """Return an empty transaction: `broker.txn().put(...).delete(...).commit()`."""
        return BlockingTxn(self._connection, self._broker.txn())


class BlockingTxn(Generic[MessageT]):
    """A transaction whose commit blocks, see `explorer.broker.Txn`."""

    def __init__(self, connection: BlockingConnection, txn: Txn[MessageT]) -> None:
        self._connection = connection
        self._txn = txn

    def put(self, key: str, message: MessageT, *, expected: StoredValue[MessageT] | Absent | None = None) -> Self:
        """Add a put; of what was read, of `ABSENT`, or of whatever there is."""
        self._txn.put(key, message, expected=expected)
        return self

    def delete(self, key: str, *, expected: StoredValue[MessageT] | None = None) -> Self:
        """Add a deletion; without an expectation, the key need not exist."""
        self._txn.delete(key, expected=expected)
        return self

    def commit(self) -> tuple[StoredValue[MessageT] | None, ...]:
        """Write everything, or nothing; KeyModified, KeyExists, CallNotSupported."""
        return self._connection.run(self._txn.commit())
