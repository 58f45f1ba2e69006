"""Attributes of a store that need no request: what it can do, how it spells keys, why it refuses a call."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NoReturn

from explorer.config import Profile
from explorer.model.address import Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Meta
from explorer.model.errors import CallNotSupported


class StoreAttributes:
    """Base of `Store`: its attributes, which are part of the contract."""

    capabilities: Capability
    """Capabilities of the driver; of an open store, without those that its servers are too old for."""
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = {}
    """Reasons for absent capabilities, for the message of CallNotSupported."""

    lock_layouts: ClassVar[tuple[str, ...]] = ()
    """Names of the layouts of a lock; the first is the default."""

    possible_layouts: ClassVar[tuple[str, ...]] = ()
    """Names of layouts whose locks look like data; `locks` lists these only below a non-empty prefix."""

    max_operations: int | None = None
    """Number of operations that fit into a transaction; None if only their size is limited."""

    snapshot: str = ""
    """Moment that is shown instead of the present, such as `revision 57`; empty for the present."""
    read_only_reason: str | None = None
    """Why every write is refused; None if they are sent."""

    separator: str = "/"
    lists_whole_entries: ClassVar[bool] = True
    """True if listed entries have all that `get` returns of them; `complete` adds the rest."""
    settable_meta: ClassVar[frozenset[str]] = frozenset()
    """Names of the metadata that a key can be created with."""
    walks_in_key_order: ClassVar[bool] = False
    """True if `walk` yields entries in the order of the bytes of their keys."""
    keeps_first_slash: ClassVar[bool] = True
    """False if the programs of this store write the key `/a/b` as `a/b`, or cannot write it otherwise."""
    profile: Profile | None = None
    """Profile that the store was opened by."""
    schema: ClassVar[Path | None] = None
    """Protobuf schema (`.proto`) of the store's values, if it has one."""
    messages: ClassVar[Mapping[str, str]] = {}
    """Message types of the schema by prefixes of whole keys, the address's path included."""

    def __init__(self, address: Address) -> None:
        self.address = address

    @property
    def redacted(self) -> str:
        """The address for messages, without secrets."""
        return self.address.redacted

    @property
    def root_path(self) -> str:
        """Beginning of all keys in the store, to which the caller's keys are relative; of a file, what is inside."""
        return self.address.path

    def meta_refusal(self, meta: Meta, *, has_children: bool = False) -> str:
        """Return why a key cannot be created with metadata, in one clause; "" if nothing is known that forbids it.

        Args:
            meta: The metadata, as in `Entry.meta`.
            has_children: Keys below it are created as well, and may have to be deleted again.
        """
        del has_children
        names = " and ".join(sorted(meta.keys() - self.settable_meta))
        return f"a key of {self.address.scheme} has no {names}" if names else ""

    # For drivers

    def _require_layout(self, layout: str | None, key: str) -> None:
        """Raise CallNotSupported if there is no lock layout of this name."""
        if layout is not None and layout not in self.lock_layouts:
            raise CallNotSupported(
                f"{self.address.scheme} has no lock layout {layout!r}; it has {', '.join(self.lock_layouts)}",
                hint=f"use {self.lock_layouts[0]}",
                address=self.redacted,
                key=key,
            )

    def _refuse(self, capability: Capability, key: str) -> NoReturn:
        reason = self.unsupported_reasons.get(capability, "the store has no such operation")
        raise CallNotSupported(
            f"{self.address.scheme} does not support this ({(capability.name or '').lower()}): {reason}",
            hint="see Store.capabilities",
            address=self.redacted,
            key=key,
        )
