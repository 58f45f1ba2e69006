"""Plans: ordered lists of guarded changes to the keys of one store, or of two for a move between stores."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from secrets import token_hex
from typing import NamedTuple

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import NO_META, Entry, Meta, Revision
from explorer.model.errors import CallNotSupported, InvalidPlan
from explorer.model.format import format_duration
from explorer.model.keys import encode
from explorer.plans.entry_meta import meta_text


class PlanAction(StrEnum):
    """Action of a plan on a key; the words of the command's JSON."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    SAME = "same"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Change:
    """One guarded change.

    Args:
        key: The key, relative to the address of its part.
        base: The revision that the key must have; None if it must be absent.
        old: The value at that revision; None if the key must be absent.
        new: The value to write; None deletes the key.
        kept: What else belongs to the entry (lease, flags, ...), which an update keeps and a deletion loses.
        masked: True if its values are shown nowhere, because they come from a key whose profile masks it.
        ttl: Seconds that a key lives after it is created; None for ever. An update keeps what is there.
        meta: Metadata that a key is created with, such as flags or an access control list. An update keeps what is
            there.

    Raises:
        InvalidPlan: The change is not guarded, or does nothing.
    """

    key: str
    base: Revision | None
    old: bytes | None
    new: bytes | None
    kept: Meta = field(default_factory=lambda: NO_META)
    masked: bool = False
    ttl: float | None = None
    meta: Meta = field(default_factory=lambda: NO_META)

    def __post_init__(self) -> None:
        if self.meta and (self.base is not None or self.new is None):
            raise InvalidPlan(f"only a key that is created is given {' and '.join(self.meta)}", key=self.key)
        if self.ttl is not None and (self.base is not None or self.new is None):
            raise InvalidPlan("only a key that is created is given a time to live", key=self.key)
        if (self.base is None) is not (self.old is None):
            raise InvalidPlan("a change needs both the revision and the old value of a key, or neither", key=self.key)
        if self.old == self.new:
            raise InvalidPlan("a change has the same old and new value", key=self.key)

    @property
    def action(self) -> PlanAction:
        """Create, update or delete."""
        if self.base is None:
            return PlanAction.CREATE
        return PlanAction.DELETE if self.new is None else PlanAction.UPDATE

    @property
    def remark(self) -> str:
        """Remark besides the values; "" if there is none."""
        ttl = "" if self.ttl is None else f"expires {format_duration(self.ttl)} after it is written"
        return "; ".join(filter(None, (ttl, f"created with {meta_text(self.meta)}" if self.meta else "")))

    @classmethod
    def of(cls, key: str, entry: Entry | None, new: bytes | None) -> "Change":
        """Return the change of an entry as it was read, or of an absent key, to a new value."""
        if entry is None or entry.value is None:
            return cls(key, None, None, new)
        return cls(key, entry.revision, entry.value, new, kept_of(entry))


@dataclass(frozen=True, slots=True)
class OmittedKey:
    """A key that a plan leaves as it is, and why.

    Args:
        key: The key.
        reason: Why.
        change: Of a conflict, what would be done to the value that is there now, to be shown; not kept in files.
        store: URL of the store of this change.
    """

    key: str
    reason: str
    change: Change | None = None
    store: str = ""


class RequiredKey(NamedTuple):
    """A key that a plan leaves as it is, and the revision at which it must be."""

    key: str
    revision: Revision


@dataclass(frozen=True, slots=True)
class PlanPart:
    """The changes of one store.

    Args:
        store: Its URL without secrets, by which it is opened again.
        identity: Identity of the cluster, where the store has one.
        changes: In the order in which they are applied.
        profile: Name of the profile that it was opened by.
        required: Keys that are not changed and must be at a revision: a move deletes what the target has already.
        directories: Directories that are deleted after the changes if they are empty, each before those in it.
    """

    store: str
    identity: str | None
    changes: tuple[Change, ...]
    profile: str | None = None
    required: tuple[RequiredKey, ...] = ()
    directories: tuple[str, ...] = ()


def _new_id() -> str:
    """Return an ID that sorts after those of earlier moments: `undo` takes back the newest."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%d-%H%M%S}-{now.microsecond:06d}-{token_hex(2)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A set of guarded changes that is applied as one.

    Args:
        title: What it does, one line.
        parts: The changes by store; a part is applied when the one before it is done.
        same: Keys that have the planned value already.
        conflicts: Keys for which there is no guarded change; the plan is not applied while there are any.
        omitted: Keys that are left as they are.
        undoes: ID of the plan that this one undoes.
        overrides: Names of the constraints that its values may break.
    """

    title: str
    parts: tuple[PlanPart, ...]
    same: tuple[str, ...] = ()
    conflicts: tuple[OmittedKey, ...] = ()
    omitted: tuple[OmittedKey, ...] = ()
    undoes: str | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    id: str = field(default_factory=_new_id)
    overrides: tuple[str, ...] = ()

    def __len__(self) -> int:
        return sum(len(part.changes) for part in self.parts)

    def __iter__(self) -> Iterator[Change]:
        return (change for part in self.parts for change in part.changes)

    def require_applicable(self) -> None:
        """Raise the first conflict.

        Raises:
            InvalidPlan: There is one.
        """
        for conflict in self.conflicts:
            raise InvalidPlan(conflict.reason, key=conflict.key, hint="nothing was changed")


def kept_of(entry: Entry) -> Meta:
    """Return what belongs to an entry besides its value."""
    kept = dict(entry.meta)
    if entry.lease is not None:
        kept["lease"] = entry.lease
    return kept


def in_safe_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return changes in the order in which they are applied.

    Values are written before any are deleted, so that a moved key is never in neither place; a key comes before those
    below it when it is written, and after them when it is deleted, as stores with directories need it.
    """
    changes = tuple(changes)
    writes = sorted((change for change in changes if change.new is not None), key=_key_bytes)
    deletions = sorted((change for change in changes if change.new is None), key=_key_bytes, reverse=True)
    return (*writes, *deletions)


def require_guarded_writes(store: Store) -> None:
    """Raise CallNotSupported if a store cannot write a key only as it was seen."""
    if Capability.ATOMIC not in store.capabilities:
        reason = store.unsupported_reasons.get(Capability.ATOMIC, "the store cannot write only what is as planned")
        raise CallNotSupported(reason, address=store.redacted, hint="use another store, URL or profile")


async def part_of(
    store: Store,
    changes: Iterable[Change],
    *,
    profile: str | None = None,
    required: Iterable[RequiredKey] = (),
    directories: Iterable[str] = (),
) -> PlanPart:
    """Return a part for the changes of an open store, in their safe order; the others as in PlanPart.

    Raises:
        CallNotSupported: There are changes, and the store cannot guard its writes.
    """
    ordered = in_safe_order(changes)
    if ordered:
        require_guarded_writes(store)
    identity = (await store.status()).identity
    return PlanPart(store.address.public_url, identity, ordered, profile, tuple(required), tuple(directories))


def _key_bytes(change: Change) -> bytes:
    return encode(change.key)
