"""Presets: rules for the keys of well-known systems, and where the schemas of their values come from.

No schema is part of a preset: it names the Python distribution that has it, whose modules are parsed and never run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from explorer.codecs.base import KUBERNETES_MAGIC, Choice
from explorer.codecs.patterns import Pattern
from explorer.codecs.rules import Rule, Rules
from explorer.model.errors import SchemaFailed

_PRIORITY: Final = -1
"""Priority of the rules, below that of a person's."""
_JSON: Final = Choice("json")
_TEXT: Final = Choice("text")
_SEPARATOR: Final = "/"
"""Separator of the keys of all these systems, whatever the store's."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Python distribution with `*_pb2.py` modules."""

    name: str
    folder: str
    """Folder of the modules."""
    pip_options: str = ""

    @property
    def version(self) -> str | None:
        """Version that is installed, or None."""
        try:
            return distribution(self.name).version
        except PackageNotFoundError:
            return None

    @property
    def path(self) -> Path | None:
        """Folder of the modules, or None if it is not installed."""
        try:
            path = Path(str(distribution(self.name).locate_file(self.folder)))
        except PackageNotFoundError:
            return None
        return path if path.is_dir() else None

    @property
    def install_command(self) -> str:
        """Command that installs it."""
        return " ".join(filter(None, ("pip install", self.pip_options, self.name)))


@dataclass(frozen=True)
class Preset:
    """Layout of the keys of a system, and the source of its schemas."""

    name: str
    title: str
    root: str
    """Prefix of the keys; they match with and without a slash before it."""
    layout: Mapping[str, Choice]
    """Codecs by pattern below the root."""
    distribution: Distribution | None = None
    source: str = ""
    """Where else schemas come from."""
    magic: bytes = b""
    """First bytes of its values, if they have any in common; such values are recognized without the preset."""

    @property
    def hint(self) -> str:
        """Command or option that gets the schemas; empty if they are installed or none are needed."""
        if self.distribution is None:
            return self.source
        if self.distribution.path is not None:
            return ""
        command = self.distribution.install_command
        return f"{command}, or {self.source}" if self.source else command

    @property
    def keys(self) -> str:
        """Pattern of all its keys."""
        return f"{self.root.rstrip(_SEPARATOR)}{_SEPARATOR}**"

    @property
    def prefixes(self) -> Sequence[str]:
        """Prefixes of its keys: with a slash before them, and without."""
        bare = self.root.strip(_SEPARATOR)
        return tuple(f"{start}{bare}{_SEPARATOR}" if bare else start for start in (_SEPARATOR, ""))

    @property
    def types(self) -> Sequence[str]:
        """Message types of its values."""
        return [choice.type for choice in self.layout.values() if choice.type is not None]

    @property
    def needs_schemas(self) -> bool:
        """True if its values are messages."""
        return bool(self.magic or self.types)

    def matches(self, key: str) -> bool:
        """Return whether the preset has a rule for a whole key."""
        return self.choice(key) is not None

    def choice(self, key: str) -> Choice | None:
        """Return the codec of a whole key, or None."""
        return next((choice for pattern, choice in self._patterns if pattern.matches(key)), None)

    def rules(self) -> Rules:
        """Return the rules of its keys."""
        hint = self.hint
        return Rules(
            tuple(
                Rule(pattern, choice, f"preset {self.name}", _PRIORITY, hint=hint if choice.type else "")
                for pattern, choice in self._patterns
            )
        )

    @cached_property
    def _patterns(self) -> Sequence[tuple[Pattern, Choice]]:
        return tuple(
            (Pattern.parse(prefix + key, _SEPARATOR), choice)
            for key, choice in self.layout.items()
            for prefix in self.prefixes
        )


def _message(name: str) -> Choice:
    return Choice("protobuf", name)


_PATRONI_KEYS: Final[Mapping[str, Choice]] = {
    "config": _JSON,
    "failover": _JSON,
    "failsafe": _JSON,
    "history": _JSON,
    "initialize": _TEXT,
    "leader": _TEXT,
    "members/{member}": _JSON,
    "optime/leader": _TEXT,
    "status": _JSON,
    "sync": _JSON,
}

_ALL: Final = (
    Preset(
        "kubernetes",
        "objects of the API server",
        "/registry",
        {},
        Distribution("k8s-proto", "k8s", "--no-deps"),
        "--proto k8s.io, a folder with Kubernetes' repositories api and apimachinery",
        KUBERNETES_MAGIC,
    ),
    Preset(
        "voltha",
        "devices, ports and adapters of VOLTHA",
        "service/voltha",
        {
            "**/adapters/{id}": _message("adapter.Adapter"),
            "**/device_types/{id}": _message("device.DeviceType"),
            "**/devices/{id}": _message("device.Device"),
            "**/ports/{device}/{port:digits}": _message("device.Port"),
            "**/logical_devices/{id}": _message("logical_device.LogicalDevice"),
            "**/logical_ports/{device}/{port:digits}": _message("logical_device.LogicalPort"),
            "**/logical_meters/{device}/{meter:digits}": _message("openflow_13.ofp_meter_entry"),
            "**/core/transientstate/{device}": _message("core.DeviceTransientState"),
            "**/resource_instances/**": _message("tech_profile.ResourceInstance"),
            "**/technology_profiles/{technology}/{profile:digits}": _JSON,
            "**/resource_manager/**": _JSON,
            "**/config/**": _JSON,
        },
        Distribution("voltha-protos", "voltha_protos"),
    ),
    Preset(
        "ligato",
        "configuration and status of Ligato's agents",
        "/vnf-agent",
        {
            "{agent}/config/**": _JSON,
            "{agent}/config-status/**": _JSON,
            "{agent}/check/status/**": _JSON,
        },
    ),
    Preset(
        "vitess",
        "topology of Vitess",
        "/vitess",
        {
            "**/cells/{cell}/CellInfo": _message("topodata.CellInfo"),
            "**/cells_aliases/{alias}/CellsAlias": _message("topodata.CellsAlias"),
            "**/keyspaces/{keyspace}/Keyspace": _message("topodata.Keyspace"),
            "**/keyspaces/{keyspace}/VSchema": _message("vschema.Keyspace"),
            "**/keyspaces/{keyspace}/SrvKeyspace": _message("topodata.SrvKeyspace"),
            "**/keyspaces/{keyspace}/shards/{shard}/Shard": _message("topodata.Shard"),
            "**/keyspaces/{keyspace}/shards/{shard}/ShardReplication": _message("topodata.ShardReplication"),
            "**/tablets/{tablet}/Tablet": _message("topodata.Tablet"),
            "**/RoutingRules": _message("vschema.RoutingRules"),
            "**/SrvVSchema": _message("vschema.SrvVSchema"),
        },
        source="--proto PATH, the folder proto of Vitess' repository",
    ),
    Preset(
        "patroni",
        "state of Patroni's PostgreSQL clusters",
        "/service",
        {
            **{f"{{cluster}}/{key}": choice for key, choice in _PATRONI_KEYS.items()},
            **{f"{{cluster}}/{{group:digits}}/{key}": choice for key, choice in _PATRONI_KEYS.items()},
        },
    ),
)

PRESETS: Final[Mapping[str, Preset]] = {preset.name: preset for preset in _ALL}
"""All presets by name."""


def find_preset(name: str) -> Preset:
    """Return the preset of a name.

    Raises:
        SchemaFailed: There is none.
    """
    preset = PRESETS.get(name)
    if preset is None:
        raise SchemaFailed(f"unknown preset {name!r}", hint=f"known presets: {', '.join(PRESETS)}")
    return preset


def preset_with(message: str) -> Preset | None:
    """Return the preset that has a message type, or None."""
    return next((preset for preset in PRESETS.values() if message in preset.types), None)


def preset_of(key: str) -> Preset | None:
    """Return the preset that is about a whole key, or None."""
    return next((preset for preset in PRESETS.values() if preset.matches(key)), None)
