"""Metadata that a key is created with, see `Store.atomic_put`: refused where a store, or a write, cannot set it."""

from collections.abc import Collection, Iterable
from typing import Final

from explorer.drivers.attributes import StoreAttributes
from explorer.model.entries import NO_META, Meta
from explorer.model.errors import CallNotSupported
from explorer.model.operations import ABSENT, Operation, PutOperation

DEFAULT_META: Final[Meta] = {"flags": 0, "acl": "world:anyone:cdrwa"}
"""Metadata that the stores create a key with, and what it is without a choice."""
_MAX_FLAGS: Final = 2**64 - 1
"""Largest flags in Consul."""


def chosen_meta(meta: Meta, names: Collection[str] | None = None) -> Meta:
    """Return the metadata of an entry that was chosen when it was created.

    Args:
        meta: All metadata of the entry.
        names: Names that its store can create a key with; None if the store is not known.
    """
    found = {name: meta[name] for name in sorted(DEFAULT_META if names is None else names) if name in meta}
    return {name: value for name, value in found.items() if value not in (0, "", DEFAULT_META.get(name))} or NO_META


def require_settable_meta(store: StoreAttributes, key: str, meta: Meta, *, creates: bool) -> None:
    """Raise CallNotSupported if a write cannot give a key its metadata.

    Args:
        store: The store.
        key: The key.
        meta: The metadata.
        creates: The write is refused if the key exists.
    """
    if not meta:
        return
    names = " and ".join(sorted(meta))
    refusal = store.meta_refusal(meta) if creates else f"{names} can only be given to a key that is created"
    if refusal:
        hint = "write the key without them" if creates else "an update keeps those that the key has"
        raise CallNotSupported(refusal, hint=hint, key=key)


def require_settable(store: StoreAttributes, operations: Iterable[Operation]) -> None:
    """Raise CallNotSupported if an operation cannot give a key its metadata."""
    for operation in operations:
        if isinstance(operation, PutOperation):
            creates = operation.expected is ABSENT
            require_settable_meta(store, operation.key, operation.meta, creates=creates)


def flags_of(meta: Meta) -> int:
    """Return the flags that a key is created with, in stores that have them."""
    return int(meta.get("flags", 0))


def flags_refusal(meta: Meta) -> str:
    """Return why no key has these flags; "" if one may."""
    flags = meta.get("flags", 0)
    is_valid = isinstance(flags, int) and not isinstance(flags, bool) and 0 <= flags <= _MAX_FLAGS
    return "" if is_valid else f"{flags!r} is no number of 64 bits"
