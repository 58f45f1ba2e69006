"""Keys below the prefix of a broker, and the messages in their values."""

from dataclasses import dataclass
from typing import Generic

from explorer.broker.serializer import MessageT, Serializer
from explorer.drivers.base import Store
from explorer.drivers.common.error_context import error_context
from explorer.model.capabilities import Capability
from explorer.model.keys import directory


@dataclass(frozen=True, slots=True)
class Namespace(Generic[MessageT]):
    """Converts keys and messages between a program and a store.

    Args:
        store: The store.
        prefix: A directory of the store, with or without the separator at its end; empty for all keys.
        message_type: Type of the messages.
        serializer: Converts them.
    """

    store: Store
    prefix: str
    message_type: type[MessageT]
    serializer: Serializer

    @property
    def root(self) -> str:
        """The beginning of all keys in the store."""
        return self._without_first_slash(directory(self.prefix, self.store.separator))

    def to_store_key(self, key: str) -> str:
        """Return a key as the store has it; a separator at its beginning is not doubled."""
        if self.prefix:
            return self.root + key.removeprefix(self.store.separator)
        return self._without_first_slash(key)

    def to_key(self, store_key: str) -> str:
        """Return a key of the store relative to the prefix."""
        return store_key.removeprefix(self.root)

    def encode(self, message: MessageT) -> bytes:
        """Return the value of a message."""
        return self.serializer.encode(message)

    def decode(self, key: str, value: bytes) -> MessageT:
        """Return the message in the value of a key.

        Raises:
            InvalidText: The value is no such message.
        """
        with error_context(self.store.redacted, key):
            return self.serializer.decode(value, self.message_type)

    def is_directory(self, value: bytes | None) -> bool:
        """Return whether a value is that of a directory, and no message.

        A store with directories may make those above a key with empty values. Where a message may be empty as well,
        they cannot be told apart.
        """
        if value is None:
            return True
        may_be_empty = self.message_type is bytes or self.serializer.may_be_empty
        return not value and not may_be_empty and Capability.DIRECTORIES in self.store.capabilities

    def _without_first_slash(self, key: str) -> str:
        return key if self.store.keeps_first_slash else key.removeprefix(self.store.separator)
