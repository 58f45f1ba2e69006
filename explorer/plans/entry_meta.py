"""Flags and access control lists in plans: what a new key takes over from another one, or from a deleted one."""

from collections.abc import Iterable
from typing import NamedTuple

from explorer.drivers.base import Store
from explorer.drivers.common.created_meta import DEFAULT_META, chosen_meta
from explorer.model.entries import NO_META, Meta
from explorer.model.keys import parents


def keys_above(keys: Iterable[str], separator: str) -> set[str]:
    """Return the keys that others are below."""
    return {name for key in keys for name in parents(key, separator)}


class CreatedMeta(NamedTuple):
    """Metadata for a key that is created."""

    meta: Meta
    """Metadata that it is created with."""
    refusals: tuple[str, ...]
    """Sentences about what it does not get, and why."""


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
            has_default = name in target.settable_meta and name in DEFAULT_META
            default = f"; the new key has {DEFAULT_META[name]}" if has_default else ""
            refusals.append(_refusal(name, value, verb, refusal + default))
        else:
            taken[name] = value
    return CreatedMeta(taken or NO_META, tuple(refusals))


def restored_meta(meta: Meta, store: Store, *, has_children: bool = False) -> CreatedMeta:
    """Return what a deleted key gets back of all its metadata when it is created again in its store."""
    chosen = chosen_meta(meta, store.settable_meta)
    return created_meta(chosen, store, verb="brought back", has_children=has_children)


def not_written(name: str, value: object) -> str:
    """Return the sentence for metadata of an entry that is copied over another one."""
    return _refusal(name, value, "copied", "the key that is there keeps its own")


def _refusal(name: str, value: object, verb: str, reason: str) -> str:
    """Return the sentence that says why metadata is lost."""
    return f"its {name} ({value}) {'are' if name.endswith('s') else 'is'} not {verb}: {reason}"


def meta_text(meta: Meta) -> str:
    """Return metadata in one line, such as `flags 42`."""
    return ", ".join(f"{name} {value}" for name, value in meta.items())
