"""Everything that can go wrong with a store, in the words of libkv and valkeyrie where they have one.

::

    ExplorerError
    ├── InvalidAddress            the URL or its options cannot be understood
    ├── BackendNotSupported       no driver for this kind of store
    ├── CallNotSupported          this store has no such operation; the message says why
    ├── InvalidKey                this store cannot hold such a key or prefix
    ├── PreviousNotSpecified      a guarded delete without the entry it is guarded by
    ├── TooLarge                  the store refuses a value or request of this size
    ├── KeyNotFound               nothing is stored there
    ├── Conflict                  somebody else was first, nothing was written
    │   ├── KeyModified           the entry is no longer the one that was read
    │   └── KeyExists             a create found the key taken
    ├── CannotLock                the lock was not obtained
    │   └── LockLost              the lock was held and no longer is
    ├── Compacted                 the store has dropped the history that was asked for
    ├── NotReachable              no answer from the store's authority
    │   ├── Timeout               not within the time allowed
    │   └── TlsFailed             no trusted connection
    ├── Denied                    the store answered no
    │   ├── Unauthenticated       it does not know who asks
    │   └── Forbidden             it knows, and does not allow it
    ├── NoSpace                   the store is alive but refuses to grow
    ├── InvalidText               an edited text makes no value of its type; the message says where
    ├── SchemaFailed              a schema or a file of rules cannot be used; the message says where
    └── OutcomeUnknown            a write was sent, its answer was lost, and the store's history cannot tell

An error names the address and the key it is about, keeps its cause, gives one hint in the user's words and never holds
a secret: addresses are shown through `Address.shown`, which has none.
"""

from typing import ClassVar


class ExplorerError(Exception):
    """Base of all errors raised by Keyscope.

    Args:
        message: What happened, one line, no secret in it.
        hint: What the person can do about it, one line, or nothing.
        address: The store, as `Address.shown` spells it.
        key: The key or prefix the call was about, relative to the address.
    """

    retryable: ClassVar[bool] = False
    """Whether the same request may succeed later without anybody changing it."""

    def __init__(self, message: str, *, hint: str = "", address: str = "", key: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.address = address
        self.key = key

    def __str__(self) -> str:
        subject = "" if self.key is None else f" (key {self.key!r})"
        return f"{self.message}{subject}" + (f" at {self.address}" if self.address else "")


class InvalidAddress(ExplorerError):
    """The URL of a store or one of its options cannot be understood."""


class BackendNotSupported(ExplorerError):
    """No driver is known for the scheme of the URL, or its client library is not installed."""


class CallNotSupported(ExplorerError):
    """The store has no such operation; `Store.capabilities` tells before asking."""


class InvalidKey(ExplorerError):
    """The store cannot hold such a key, or the key lies outside of what the address allows."""


class PreviousNotSpecified(ExplorerError):
    """A guarded delete was asked for without the entry it is guarded by."""


class TooLarge(ExplorerError):
    """The store refuses a value, a key or a request of this size."""


class KeyNotFound(ExplorerError):
    """Nothing is stored under the key, nor below it where a prefix was asked for."""


class Conflict(ExplorerError):
    """Somebody else was first; nothing was written."""


class KeyModified(Conflict):
    """The entry is no longer the one that the caller had read."""


class KeyExists(Conflict):
    """The key was to be created and is taken."""


class CannotLock(ExplorerError):
    """The lock was not obtained within the time allowed, or cannot be."""


class LockLost(CannotLock):
    """The lock was held and no longer is: expired, removed or taken over. A fenced write was refused."""


class Compacted(ExplorerError):
    """The history that was asked for has been dropped.

    Args:
        oldest: The oldest revision still kept, where the store tells.
    """

    def __init__(
        self, message: str, *, oldest: int | None = None, hint: str = "", address: str = "", key: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, address=address, key=key)
        self.oldest = oldest


class NotReachable(ExplorerError):
    """No answer came from the store, or none that its authority stands behind (a member without a leader).

    Args:
        sent: Whether the request may have left this machine. If not, nothing can have happened because of it.
        connected: Whether there is a connection to the store; by default, if the request may have been sent.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        sent: bool = True,
        connected: bool | None = None,
        hint: str = "",
        address: str = "",
        key: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, address=address, key=key)
        self.sent = sent
        self.connected = sent if connected is None else connected


class Timeout(NotReachable):
    """The answer did not come within the time allowed."""


class TlsFailed(NotReachable):
    """No trusted connection: a certificate is missing, expired, for another name or from another authority."""

    retryable = False


class Denied(ExplorerError):
    """The store answered, and the answer was no."""


class Unauthenticated(Denied):
    """The store does not know who asks: no, wrong or expired credentials."""


class Forbidden(Denied):
    """The store knows who asks and does not allow it."""


class NoSpace(ExplorerError):
    """The store is alive and readable but refuses to grow: its quota is used up."""


class InvalidText(ExplorerError):
    """A text makes no value of the type it stands for, or none that can be written without losing something.

    Args:
        line: The line of the text, from 1; None where the whole of it is meant.
        column: The character in that line, from 1; None where the whole line is meant.
    """

    def __init__(
        self,
        message: str,
        line: int | None = None,
        column: int | None = None,
        *,
        hint: str = "",
        address: str = "",
        key: str | None = None,
    ) -> None:
        place = "" if line is None else f"line {line}: " if column is None else f"line {line}, column {column}: "
        super().__init__(f"{place}{message}", hint=hint, address=address, key=key)
        self.line = line
        self.column = column


class SchemaFailed(ExplorerError):
    """A schema, or the file that says which key holds which message, cannot be read or contradicts itself."""


class OutcomeUnknown(ExplorerError):
    """A write was sent and its answer was lost; whether it took effect cannot be told (yet).

    It is never a failed write: read the key before writing again.
    """
