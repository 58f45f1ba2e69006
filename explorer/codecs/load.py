"""Codecs of a store from command-line options, codecs.toml and the store's own schema."""

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs, KeyScope
from explorer.codecs.options import CodecOptions
from explorer.codecs.patterns import Pattern
from explorer.codecs.presets import Preset, find_preset
from explorer.codecs.protobuf.schema_files import load
from explorer.codecs.protobuf.schemas import Schemas, SchemaSet
from explorer.codecs.rule_file import RuleFile
from explorer.codecs.rules import Rule, Rules
from explorer.codecs.settings import CodecSettings, read
from explorer.config import Profile, folder
from explorer.model.address import Address
from explorer.model.errors import SchemaFailed
from explorer.model.keys import directory

_LOG: Final = logging.getLogger(__package__)
_NO_OPTIONS: Final = CodecOptions()


class StoreInfo(Protocol):
    """Properties of a store that are known before it is connected."""

    @property
    def address(self) -> Address:
        """Address of the store."""

    @property
    def root_path(self) -> str:
        """Beginning of all its keys."""

    @property
    def separator(self) -> str:
        """Separator of its keys."""

    @property
    def profile(self) -> Profile | None:
        """Profile that it was opened by."""

    @property
    def schema(self) -> Path | None:
        """Descriptor set or `.proto` file of its values, if it has one."""

    @property
    def messages(self) -> Mapping[str, str]:
        """Message types of that schema by key prefix."""


def codecs_for(store: StoreInfo, options: CodecOptions = _NO_OPTIONS) -> Codecs:
    """Return the codecs of a store. Compiling schemas for the first time may take a second.

    Args:
        store: The store; it need not be connected.
        options: Schemas and rules beside those of the settings and the store.

    Raises:
        SchemaFailed: A schema or the rule file is invalid.
    """
    cache = folder("cache") / "schemas"
    start = time.monotonic()
    settings = _settings(options.codecs, store, cache)
    own_schemas = [] if store.schema is None else load([store.schema], cache=cache, name="own")
    rules = Rules(
        tuple(
            Rule(
                Pattern.parse(f"{prefix}**"),
                Choice("protobuf", name, schema="own"),
                "the store's own schema",
                priority=-1,
            )
            for prefix, name in store.messages.items()
        )
    )
    named = (*map(find_preset, options.presets), *settings.presets)
    presets = tuple({(preset.name, preset.root): preset for preset in named}.values())
    schemas = [
        *load(options.protos, options.includes, cache=cache),
        *settings.schemas,
        *own_schemas,
        *(one for preset in {preset.name: preset for preset in presets}.values() for one in _installed_schemas(preset)),
    ]
    _LOG.info("%d sets of schemas in %.0f ms", len(schemas), (time.monotonic() - start) * 1000)
    return Codecs(
        Schemas(schemas),
        sum((preset.rules() for preset in presets), settings.rules + rules),
        scope=KeyScope(directory(store.root_path, store.separator), store.separator),
        limits=settings.limits,
        rule_file=RuleFile(options.codecs or _default_file(), store.address.redacted),
        presets=presets,
        constraints=settings.constraints,
        load_preset=_installed_schemas,
    )


def _installed_schemas(preset: Preset) -> Sequence[SchemaSet]:
    """Return the schemas of a preset, if its distribution is installed."""
    path = None if preset.distribution is None else preset.distribution.path
    return [] if path is None else load([path], name=f"preset {preset.name}")


def _default_file() -> Path:
    return folder("config") / "codecs.toml"


def _settings(file: Path | None, store: StoreInfo, cache: Path) -> CodecSettings:
    path = file or _default_file()
    try:
        return read(path, store.address.redacted, store.separator, cache)
    except FileNotFoundError as error:
        if file is None:
            return CodecSettings()
        raise SchemaFailed(f"{path} does not exist") from error
    except OSError as error:
        raise SchemaFailed(f"{path}: {error.strerror or error}") from error
