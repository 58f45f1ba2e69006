"""Flags and access control lists in plans: what a new key takes over from another one, or from a deleted one."""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from explorer.drivers.base import Store
from explorer.model.entries import NO_META, Meta
from explorer.model.keys import parents

_DEFAULTS: Final[Meta] = {"flags": 0, "acl": "world:anyone:cdrwa"}
"""Metadata that the stores create a key with, and what it is without a choice."""


def keys_above(keys: Iterable[str], separator: str) -> set[str]:
    """Return the keys that others are below."""
    return {name for key in keys for name in parents(key, separator)}


class CreatedMeta(NamedTuple):
    """Metadata for a key that is created."""

    meta: Meta
    """Metadata that it is created with."""
    refusals: tuple[str, ...]
    """Sentences about what it does not get, and why."""


def chosen_meta(meta: Meta, names: Collection[str] | None = None) -> Meta:
    """Return the metadata of an entry that was chosen when it was created.

    Args:
        meta: All metadata of the entry.
        names: Names that its store can create a key with; None if the store is not known.
    """
    found = {name: meta[name] for name in sorted(_DEFAULTS if names is None else names) if name in meta}
    return {name: value for name, value in found.items() if value not in (0, "", _DEFAULTS.get(name))} or NO_META


def created_meta(meta: Meta, target: Store, *, verb: str, has_children: bool = False) -> CreatedMeta:
    """Return what a new key takes over of an entry's metadata.

    Args:
        meta: The metadata that was chosen for the entry.
        target: The store of the new key.
        verb: What is done, for the sentences: copied, or brought back.
        has_children: Keys below it are created as well.
    """
    taken: dict[str, str | int | bool] = {}
    refusals = []
    for name, value in meta.items():
        if refusal := target.meta_refusal({name: value}, has_children=has_children):
            refusals.append(_refusal(name, value, verb, refusal))
        else:
            taken[name] = value
    return CreatedMeta(taken or NO_META, tuple(refusals))


def not_written(name: str, value: object) -> str:
    """Return the sentence for metadata of an entry that is copied over another one."""
    return _refusal(name, value, "copied", "the key that is there keeps its own")


def _refusal(name: str, value: object, verb: str, reason: str) -> str:
    """Return the sentence that says why metadata is lost."""
    return f"its {name} ({value}) {'are' if name.endswith('s') else 'is'} not {verb}: {reason}"


def meta_text(meta: Meta) -> str:
    """Return metadata in one line, such as `flags 42`."""
    return ", ".join(f"{name} {value}" for name, value in meta.items())
