"""All that is known about the values of one store, brought together when it is opened."""

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs, KeyScope
from explorer.codecs.patterns import Pattern
from explorer.codecs.protobuf.schema_files import load
from explorer.codecs.protobuf.schemas import Schemas
from explorer.codecs.rule_file import RuleFile
from explorer.codecs.rules import Rule, Rules
from explorer.codecs.settings import CodecSettings, read
from explorer.config import folder
from explorer.model.address import Address
from explorer.model.errors import SchemaFailed
from explorer.model.keys import directory

_LOG: Final = logging.getLogger(__package__)


class StoreInfo(Protocol):
    """What a store tells of itself before it is connected."""

    @property
    def address(self) -> Address:
        """Where it is."""

    @property
    def separator(self) -> str:
        """What it splits its keys at."""

    @property
    def schema(self) -> Path | None:
        """A schema of values that it brings along."""

    @property
    def messages(self) -> Mapping[str, str]:
        """Which message of that schema the values below a prefix are."""


def codecs_for(
    store: StoreInfo, *, protos: Sequence[Path] = (), includes: Sequence[Path] = (), file: Path | None = None
) -> Codecs:
    """Bring together what was said for this run, what the settings say, and what the store brings along.

    It may take a second, when schemas are compiled for the first time.

    Args:
        store: It need not be connected.
        protos: `.proto` files, descriptor sets, `*_pb2.py`, and folders of them.
        includes: The folders that imports are relative to.
        file: Rules; without, `codecs.toml` in the folder for settings, if it is there.

    Raises:
        SchemaFailed: A schema or the file of rules cannot be used.
    """
    cache = folder("cache") / "schemas"
    began = time.monotonic()
    settings = _settings(file, store, cache)
    own = [] if store.schema is None else load([store.schema], cache=cache, name="own")
    rules = Rules(
        tuple(
            Rule(Pattern.make(f"{prefix}**"), Choice("protobuf", name, schema="own"), "the store's own schema", -1)
            for prefix, name in store.messages.items()
        )
    )
    schemas = [*load(protos, includes, cache=cache), *settings.schemas, *own]
    _LOG.info("%d sets of schemas in %.0f ms", len(schemas), (time.monotonic() - began) * 1000)
    return Codecs(
        Schemas(schemas),
        settings.rules + rules,
        scope=KeyScope(directory(store.address.path, store.separator), store.separator),
        limits=settings.limits,
        rule_file=RuleFile(file or _default_file(), store.address.redacted),
    )


def _default_file() -> Path:
    return folder("config") / "codecs.toml"


def _settings(file: Path | None, store: StoreInfo, cache: Path) -> CodecSettings:
    chosen = file or _default_file()
    try:
        return read(chosen, store.address.redacted, store.separator, cache)
    except FileNotFoundError as error:
        if file is None:
            return CodecSettings()
        raise SchemaFailed(f"{chosen} does not exist") from error
    except OSError as error:
        raise SchemaFailed(f"{chosen}: {error.strerror or error}") from error
