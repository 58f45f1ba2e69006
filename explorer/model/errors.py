"""The tree of errors; libkv's and valkeyrie's names where they have one.

::

    ExplorerError
    ├── InvalidAddress            the URL or one of its options is malformed
    ├── BackendNotSupported       no driver for this kind of store
    ├── ExtraNotInstalled         an optional dependency is missing; also an ImportError
    ├── CallNotSupported          this store has no such operation; the message says why
    ├── InvalidKey                this store cannot hold such a key or prefix
    ├── PreviousNotSpecified      a guarded delete without the previous entry
    ├── TooLarge                  the store refuses a value or request of this size
    ├── KeyNotFound               nothing is stored there
    ├── Conflict                  a concurrent change; nothing was written
    │   ├── KeyModified           the entry was changed since it was read
    │   └── KeyExists             the key to create exists
    ├── CannotLock                the lock was not obtained
    │   └── LockLost              the lock was held and no longer is
    ├── Compacted                 the requested history was compacted away
    ├── NotReachable              no answer from the store's authority
    │   ├── Timeout               not within the time allowed
    │   └── TlsFailed             no trusted connection
    ├── Denied                    the store refused the request
    │   ├── Unauthenticated       no, wrong or expired credentials
    │   └── Forbidden             permission denied
    ├── NoSpace                   the store's quota is used up
    ├── ConstraintViolated        a value breaks a rule for values; nothing was written
    ├── InvalidPlan               a plan is not guarded, damaged, for another store, or has conflicts
    ├── InvalidText               an edited text is no value of its type; the message has the place
    ├── SchemaFailed              a schema or rule file cannot be used; the message has the place
    └── OutcomeUnknown            a write was sent, its reply was lost, and the outcome cannot be found out

An error has the address and the key it is about, its cause, one hint, and never a secret: its address is
`Address.redacted`.
"""

from typing import ClassVar


class ExplorerError(Exception):
    """Base of all errors raised by Keyscope.

    Args:
        message: What happened, one line, no secret in it.
        hint: What the person can do about it, one line, or nothing.
        address: The store, as `Address.redacted`.
        key: The key or prefix the call was about, relative to the address.
    """

    retryable: ClassVar[bool] = False
    """True if the same request may succeed later."""

    def __init__(self, message: str, *, hint: str = "", address: str = "", key: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.address = address
        self.key = key
        if hint:
            self.add_note(hint)  # for tracebacks

    def __str__(self) -> str:
        subject = "" if self.key is None else f" (key {self.key!r})"
        return f"{self.message}{subject}" + (f" at {self.address}" if self.address else "")


class InvalidAddress(ExplorerError):
    """The URL of a store or one of its options is malformed."""


class BackendNotSupported(ExplorerError):
    """No driver is known for the scheme of the URL, or its client library is not installed."""


class ExtraNotInstalled(ExplorerError, ImportError):
    """An optional dependency is not installed; the message has the extra that brings it."""


class CallNotSupported(ExplorerError):
    """The store has no such operation, see `Store.capabilities`."""


class InvalidKey(ExplorerError):
    """The store cannot hold such a key, or the key lies outside of what the address allows."""


class PreviousNotSpecified(ExplorerError):
    """A guarded delete was called without the previous entry."""


class TooLarge(ExplorerError):
    """The store refuses a value, a key or a request of this size."""


class KeyNotFound(ExplorerError):
    """Nothing is stored under the key, nor below it where a prefix was asked for."""


class Conflict(ExplorerError):
    """A concurrent change was found; nothing was written."""


class KeyModified(Conflict):
    """The entry was changed since the caller read it."""


class KeyExists(Conflict):
    """The key to create exists."""


class CannotLock(ExplorerError):
    """The lock was not obtained within the time limit, or cannot be obtained."""


class LockLost(CannotLock):
    """The lock was held and no longer is: expired, removed or taken over. A fenced write was refused."""


class Compacted(ExplorerError):
    """The requested history was compacted away.

    Args:
        oldest: The oldest revision that is still kept, where the store reports it.
    """

    def __init__(
        self, message: str, *, oldest: int | None = None, hint: str = "", address: str = "", key: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, address=address, key=key)
        self.oldest = oldest


class NotReachable(ExplorerError):
    """No answer came from the store's authority (none at all, or one from a member without a leader).

    Args:
        sent: Whether the request may have left this machine. If not, it had no effect.
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
    """No answer came within the time limit."""


class TlsFailed(NotReachable):
    """No trusted connection: a certificate is missing, expired, for another name or from another authority."""

    retryable = False


class Denied(ExplorerError):
    """The store refused the request."""


class Unauthenticated(Denied):
    """Authentication failed: no, wrong or expired credentials."""


class Forbidden(Denied):
    """Permission denied."""


class NoSpace(ExplorerError):
    """The store is alive and readable, but its quota is used up."""


class ConstraintViolated(ExplorerError):
    """A value breaks a constraint of its key that was not overridden by name; nothing was written."""


class InvalidPlan(ExplorerError):
    """A plan cannot be applied: it is damaged, not guarded, for another store, or has conflicts."""


class InvalidText(ExplorerError):
    """A text is no value of its type, or one that cannot be written without loss.

    Args:
        line: Line in the text, from 1; None for the whole text.
        column: Character in that line, from 1; None for the whole line.
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
    """A schema or a rule file cannot be read or is inconsistent."""


class OutcomeUnknown(ExplorerError):
    """A write was sent and its reply was lost; whether it took effect is not known (yet).

    This is not a failed write: read the key before writing again.
    """
