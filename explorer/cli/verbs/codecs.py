"""The verb `codecs`: the presets of rules, where their schemas come from, and which of them fit a store."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from explorer.cli.console import Console
from explorer.cli.output import Record
from explorer.codecs.options import CodecOptions, limit_problems
from explorer.codecs.presets import PRESETS, Preset
from explorer.drivers.base import PAGE_SIZE, Store
from explorer.model.errors import InvalidKey, KeyNotFound

if TYPE_CHECKING:  # imports protobuf and yaml
    from explorer.codecs.codecs import Codecs

_MAX_VALUES: Final = 20
"""Values that are read to find one that begins with the bytes of a preset."""
_USAGE: Final = "use one with --codecs preset:NAME, in a profile or in codecs.toml; see docs/schemas.md"


@dataclass(frozen=True, slots=True)
class PresetState:
    """A preset and what is known of it in a store."""

    preset: Preset
    is_used: bool = False
    has_schemas: bool = False
    """True if a schema in use has its messages."""
    key: str | None = None
    """A key of the store that it is for."""

    @property
    def schemas(self) -> str:
        """Source of its schemas, or the command that gets them."""
        distribution = self.preset.distribution
        if not self.preset.needs_schemas:
            return "none needed"
        if distribution is not None and distribution.path is not None:
            return f"{distribution.name} {distribution.version}"
        return "among those in use" if self.has_schemas else self.preset.hint

    @property
    def record(self) -> Record:
        """Record of `--json`, without what is known of a store."""
        preset = self.preset
        distribution = preset.distribution
        return {
            "name": preset.name,
            "title": preset.title,
            "keys": preset.keys,
            "needs_schemas": preset.needs_schemas,
            "distribution": None if distribution is None else distribution.name,
            "installed": None if distribution is None else distribution.version,
            "hint": preset.hint or None,
        }


def list_presets(console: Console) -> None:
    """Print all presets."""
    _print([PresetState(preset) for preset in PRESETS.values()], console, has_store=False)


async def list_store_presets(store: Store, options: CodecOptions, console: Console) -> None:
    """Print all presets, with those that are used for a store and a key for each that fits it.

    Raises:
        SchemaFailed: A schema or the rule file is invalid.
    """
    from explorer.codecs.load import codecs_for  # noqa: PLC0415 - imports protobuf and yaml

    codecs = await asyncio.to_thread(codecs_for, store, options)
    for problem in limit_problems((*codecs.problems, *codecs.unreachable_rules)):
        console.print_note(f"keyscope: {problem}")
    used = {preset.name: preset for preset in codecs.presets}
    presets = [used.get(name, preset) for name, preset in PRESETS.items()]
    states = [
        PresetState(preset, preset.name in used, _has_schemas(codecs, preset), await _find_key(store, codecs, preset))
        for preset in presets
    ]
    _print(states, console, has_store=True)


def _has_schemas(codecs: "Codecs", preset: Preset) -> bool:
    return bool(preset.types) and all(codecs.schemas.find(name) is not None for name in preset.types)


async def _find_key(store: Store, codecs: "Codecs", preset: Preset) -> str | None:
    """Return the first key that a preset is for, among the first below its prefix."""
    root = codecs.scope.root
    for prefix in preset.prefixes:
        if not prefix.startswith(root) and not root.startswith(prefix):
            continue
        try:
            page = await store.list(
                prefix.removeprefix(root) if prefix.startswith(root) else "",
                limit=_MAX_VALUES if preset.magic else PAGE_SIZE,
                values=bool(preset.magic),
            )
        except (KeyNotFound, InvalidKey):  # a file has no empty names
            continue
        for entry in page.items:
            if preset.magic:
                is_found = (entry.value or b"").startswith(preset.magic)
            else:
                is_found = preset.matches(root + entry.key)
            if is_found:
                return entry.key
    return None


def _print(states: Sequence[PresetState], console: Console, *, has_store: bool) -> None:
    if console.json:
        for state in states:
            found = {"in_use": state.is_used, "found": state.key} if has_store else {}
            console.print_record({**state.record, **found})
        return
    rows = [("PRESET", "KEYS", "SCHEMAS")]
    rows += [(state.preset.name, state.preset.keys, state.schemas) for state in states]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, keys, schemas in rows:
        console.print_line(f"{name:{widths[0]}}  {keys:{widths[1]}}  {schemas}")
    for state in states:
        if state.is_used:
            console.print_line(f"in use: {state.preset.name}")
        if state.key is not None:
            console.print_line(f"found for {state.preset.name}: {state.key}")
    console.print_note(_USAGE)
