"""Read-only stores, as a profile may ask for: they refuse every write before anything is sent."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final, NoReturn, cast

from explorer.drivers.base import Store
from explorer.drivers.lock import LOCK_TTL, Lock
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import NO_META, Entry, Meta, Revision
from explorer.model.errors import CallNotSupported
from explorer.model.locks import LockInfo
from explorer.model.operations import Operation

_WRITES: Final = (
    Capability.ATOMIC
    | Capability.FENCING
    | Capability.GUARDED_DELETE
    | Capability.KEEP_ALIVE
    | Capability.LOCK
    | Capability.TRANSACTIONS
)
PROFILE_REASON: Final = "the store is read-only: its profile says so"
_REVISION_REASON: Final = "the store is shown at an earlier revision, which cannot be written"
_LOCKS_REASON: Final = "the store is shown at an earlier revision; who holds a lock is known for the present only"


class ReadOnlyStore(Store):
    """Mixin that refuses the writes of a driver."""

    lock_layouts: ClassVar[tuple[str, ...]] = ()

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        del value, ttl, is_dir, keep_alive
        self._refuse_write(key)

    async def delete(self, key: str) -> None:
        self._refuse_write(key)

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        del value, previous, ttl, meta
        self._refuse_write(key)

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        del previous
        self._refuse_write(key)

    async def transact(self, operations: Sequence[Operation]) -> tuple[Entry | None, ...]:
        self._refuse_write(next((operation.key for operation in operations), ""))

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        del guard
        self._refuse_write(prefix)

    def lock(
        self,
        key: str,
        *,
        value: bytes = b"",
        ttl: float = LOCK_TTL,
        delete_on_unlock: bool = False,
        layout: str | None = None,
    ) -> Lock:
        del value, ttl, delete_on_unlock, layout
        self._refuse_write(key)

    def _refuse_write(self, key: str) -> NoReturn:
        raise CallNotSupported(
            self.unsupported_reasons[Capability.ATOMIC],
            hint="open it by its URL, or by another profile",
            address=self.redacted,
            key=key,
        )


class EarlierStore(ReadOnlyStore):
    """Mixin for a store that is shown at an earlier revision."""

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        self._refuse(Capability.LOCKS, prefix)


def require_history(driver: Callable[[Address, Access], Store], address: Address) -> None:
    """Raise if a driver cannot show an earlier revision.

    Raises:
        CallNotSupported: The store keeps none.
    """
    kind = cast("type[Store]", driver)
    if Capability.HISTORY not in kind.capabilities:
        reason = kind.unsupported_reasons.get(Capability.HISTORY, "the store keeps none")
        raise CallNotSupported(
            f"{address.scheme} cannot show an earlier revision: {reason}",
            hint="open it without a revision",
            address=address.redacted,
        )


def read_only_driver(driver: Callable[[Address, Access], Store]) -> Callable[[Address, Access], Store]:
    """Return a subclass of a driver that refuses every write because its profile is read-only."""
    return _subclass(driver, ReadOnlyStore, dict.fromkeys(_WRITES, PROFILE_REASON))


def earlier_driver(driver: Callable[[Address, Access], Store]) -> Callable[[Address, Access], Store]:
    """Return a subclass of a driver for a store that is shown at an earlier revision."""
    reasons = {**dict.fromkeys(_WRITES, _REVISION_REASON), Capability.LOCKS: _LOCKS_REASON}
    return _subclass(driver, EarlierStore, reasons)


def _subclass(
    driver: Callable[[Address, Access], Store], mixin: type, reasons: Mapping[Capability, str]
) -> Callable[[Address, Access], Store]:
    """Return a subclass of a driver without some capabilities."""
    kind = cast("type[Store]", driver)
    capabilities = kind.capabilities
    for missing in reasons:
        capabilities &= ~missing
    names = {"capabilities": capabilities, "unsupported_reasons": {**kind.unsupported_reasons, **reasons}}
    prefix = mixin.__name__.removesuffix("Store")
    return cast("Callable[[Address, Access], Store]", type(f"{prefix}{kind.__name__}", (mixin, kind), names))
