"""Presets: the layouts of well-known systems, their values, and schemas that are or are not installed."""

import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import explorer
from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs
from explorer.codecs.load import codecs_for
from explorer.codecs.options import CodecNames, CodecOptions
from explorer.codecs.presets import PRESETS, Distribution, find_preset, preset_of
from explorer.codecs.protobuf.fields import serialized
from explorer.codecs.protobuf.schema_files import load
from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.model.errors import SchemaFailed
from tests.codecs.common import PROTOS, made, voltha
from tests.codecs.test_kubernetes import POD, RAW, envelope

NOT_INSTALLED = Distribution("keyscope-has-no-such-distribution", "nothing", "--no-deps")
STACK = "service/voltha/voltha_voltha"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the folders of settings and cache, and return that of the settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "config" / "keyscope").mkdir(parents=True)
    return tmp_path / "config" / "keyscope"


def codecs(*names: str, url: str = "memory:", protos: Sequence[Path] = ()) -> Codecs:
    """Return the codecs of a store by presets, as `--codecs` names them."""
    options = CodecOptions.from_names(protos, (), [f"preset:{name}" for name in names])
    return codecs_for(MemoryStore(parse(url)), options)


@cache
def voltha_preset() -> Codecs:
    """Return the codecs of the preset with its schemas, which take a while to parse."""
    return codecs("voltha")


@pytest.fixture
def remove(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that makes the distribution of a preset one that is not installed."""

    def remove(name: str) -> None:
        changed = {**PRESETS, name: replace(PRESETS[name], distribution=NOT_INSTALLED)}
        monkeypatch.setattr("explorer.codecs.presets.PRESETS", changed)

    return remove


@pytest.fixture
def kubernetes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a fake distribution of Kubernetes' schemas, which has one message."""
    files = {file.name: file for file in load([PROTOS / "core.proto"])[0]._files}  # noqa: SLF001 - to write them
    folder = tmp_path / "site" / "k8s" / "io"
    folder.mkdir(parents=True)
    lines = [f"AddSerializedFile({file.SerializeToString()!r})\n" for file in files.values()]
    (folder / "generated_pb2.py").write_text("".join(lines))
    info = tmp_path / "site" / "k8s_proto-0.0.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: k8s-proto\nVersion: 0.0.3\n")
    monkeypatch.syspath_prepend(tmp_path / "site")


class TestPatroni:
    """The keys and values of a cluster, as Patroni's documentation and its source have them."""

    VALUES = (
        ("config", '{"ttl":30,"loop_wait":10,"postgresql":{"use_pg_rewind":true}}', "json"),
        ("initialize", "7091839128371294421", "text"),
        ("leader", "pg-0", "text"),
        ("members/pg-0", '{"conn_url":"postgres://10.0.0.1:5432/postgres","state":"running"}', "json"),
        ("history", '[[1,67108960,"no recovery target specified","2026-11-01T09:00:00+00:00"]]', "json"),
        ("status", '{"optime":67393608,"retain_slots":["pg_0"]}', "json"),
        ("sync", '{"leader":"pg-0","sync_standby":"pg-1"}', "json"),
        ("failover", '{"leader":"pg-0","member":"pg-1"}', "json"),
        ("failsafe", '{"pg-0":"http://10.0.0.1:8008/patroni"}', "json"),
        ("optime/leader", "67393608", "text"),
    )

    @pytest.mark.parametrize(("key", "value", "codec"), VALUES, ids=[key for key, *_ in VALUES])
    @pytest.mark.parametrize("cluster", ["/service/main/", "service/main/", "/service/citus/0/"])
    def test_patroni_value_is_opened_by_its_rule(self, cluster: str, key: str, value: str, codec: str) -> None:
        document = codecs("patroni").open(cluster + key, value.encode())
        assert document.choice.codec == codec
        assert document.reason.startswith("preset patroni: ")
        assert document.encode(document.text).value == value.encode()

    def test_patroni_number_is_text(self) -> None:
        """A cluster's identifier has 19 digits: it is a name, and no JSON number that a reader would round."""
        document = codecs("patroni").open("/service/main/initialize", b"7091839128371294421")
        assert (document.choice.codec, document.text) == ("text", "7091839128371294421")

    def test_patroni_value_of_another_form_is_still_shown(self) -> None:
        """The key `failover` may hold a text, as old versions wrote it; a note says that the rule does not fit."""
        document = codecs("patroni").open("/service/main/failover", b"pg-0:pg-1")
        assert document.text == "pg-0:pg-1"
        assert document.notes[0].startswith("the stored value is invalid: line 1, column 1: not valid JSON")

    def test_other_keys_are_not_patronis(self) -> None:
        for key in ("/service/main", "/service/main/members", "/service/a/b/config", "/x/service/main/config"):
            assert codecs("patroni").rule(key) is None


class TestVoltha:
    @pytest.mark.parametrize(
        ("key", "name"),
        [
            ("adapters/brcm_openomci_onu", "adapter.Adapter"),
            ("device_types/brcm_openomci_onu", "device.DeviceType"),
            ("devices/0001ac92", "device.Device"),
            ("ports/0001ac92/16777216", "device.Port"),
            ("logical_devices/00:00:01", "logical_device.LogicalDevice"),
            ("logical_ports/00:00:01/1", "logical_device.LogicalPort"),
            ("logical_meters/00:00:01/64", "openflow_13.ofp_meter_entry"),
            ("core/transientstate/0001ac92", "core.DeviceTransientState"),
            ("resource_instances/GPON/64/olt-{1}/pon-{0}/onu-{1}/uni-{0}", "tech_profile.ResourceInstance"),
        ],
    )
    @pytest.mark.parametrize("stack", [STACK, "/service/voltha"])
    def test_voltha_message_is_decoded(self, stack: str, key: str, name: str) -> None:
        value = serialized(made(name, voltha())())
        found = voltha_preset()
        assert found.problems == ()
        document = found.open(f"{stack}/{key}", value)
        assert document.choice.type == name
        assert document.encode(document.text).value == value

    def test_voltha_json_is_no_message(self) -> None:
        value = b'{"name": "4QueueHybrid", "profile_type": "XPON"}'
        document = voltha_preset().open("service/voltha/technology_profiles/XGS-PON/64", value)
        assert (document.choice.codec, document.choice.type) == ("json", None)

    def test_missing_distribution_is_a_problem_and_a_reason(self, remove: Callable[[str], None]) -> None:
        """Without the schemas a value is what its bytes are, and one line says what to install."""
        remove("voltha")
        found = codecs("voltha")
        hint = "pip install --no-deps keyscope-has-no-such-distribution"
        assert found.problems == (f"preset voltha: no schema: {hint}",)
        value = serialized(made("device.Device", voltha())(id="1", vlan=300))
        document = found.open(f"{STACK}/devices/1", value)
        assert document.choice == Choice("hex")
        assert f"no schema has a message 'device.Device' ({hint}); " in document.reason
        assert document.encode(document.text).value == value

    def test_own_schemas_replace_the_missing_ones(self, remove: Callable[[str], None]) -> None:
        remove("voltha")
        path = importlib.metadata.distribution("voltha-protos").locate_file("voltha_protos")
        found = codecs("voltha", protos=[Path(str(path))])
        assert found.problems == ()
        assert found.open(f"{STACK}/devices/1", b"").choice.type == "device.Device"

    def test_unused_preset_is_only_a_note(self) -> None:
        """A preset that nobody named decodes nothing."""
        value = serialized(made("device.Device", voltha())(id="1", vlan=300))
        document = codecs().open(f"{STACK}/devices/1", value)
        assert document.choice == Choice("hex")
        assert document.notes[0] == "the preset voltha is for values like this: see keyscope codecs list"

    def test_type_of_an_unused_preset_can_be_chosen(self) -> None:
        """The schemas are loaded once they are asked for, and a stored rule works without the preset."""
        value, key = serialized(made("device.Device", voltha())(id="1", vlan=300)), f"{STACK}/devices/1"
        found, choice = codecs(), Choice("protobuf", "device.Device")
        assert found.loads_for_choices(key)
        assert found.choices(key, value)[:2] == (choice, replace(choice, form="json"))
        assert not found.loads_for_choices(key)
        assert choice not in found.choices(key, b"\xff\xff")
        found.add_rule(key, "service/voltha/**/devices/{id}", choice)
        later = codecs()
        assert later.problems == ()
        assert later.open(key, value).choice == choice

    def test_type_without_schemas_is_not_offered(self, remove: Callable[[str], None]) -> None:
        remove("voltha")
        value, key = serialized(made("device.Device", voltha())(id="1", vlan=300)), f"{STACK}/devices/1"
        found = codecs()
        assert found.choices(key, value) == (Choice("hex"),)
        found.add_rule(key, key, Choice("protobuf", "device.Device"))
        (problem,) = codecs().problems
        assert "no schema has a message 'device.Device'" in problem


class TestKubernetes:
    @pytest.mark.usefixtures("kubernetes")
    @pytest.mark.parametrize("names", [(), ("kubernetes",)])
    def test_installed_schemas_are_found(self, names: tuple[str, ...]) -> None:
        """An object names its own type: the installed schemas are used without asking."""
        found = codecs(*names)
        document = found.open("/registry/pods/default/name", envelope(RAW))
        assert document.choice == Choice("k8s", POD)
        assert document.reason == "Kubernetes object"
        assert found.choices("k", envelope(RAW))[0] == Choice("k8s", POD)

    @pytest.mark.usefixtures("kubernetes")
    async def test_installed_schemas_are_found_by_the_library(self) -> None:
        async with explorer.open("memory:") as store:
            decoder = explorer.EntryDecoder(store)
            await store.put("/registry/pods/default/name", envelope(RAW))
            assert decoder.decode(await store.get("/registry/pods/default/name")) == {"name": "name"}

    def test_object_without_schemas_is_hex_with_a_note(self) -> None:
        document = codecs("kubernetes").open("/registry/pods/default/name", envelope(RAW))
        assert document.choice == Choice("hex")
        assert "no schema has the Kubernetes object v1 Pod" in document.reason
        assert document.notes[0] == "the preset kubernetes is for values like this: see keyscope codecs list"

    def test_custom_resource_is_json(self) -> None:
        """Custom resources are stored as JSON."""
        value = b'{"apiVersion":"example.org/v1","kind":"Widget"}'
        assert codecs("kubernetes").open("/registry/example.org/widgets/default/a", value).choice.codec == "json"


def test_ligato_configuration_is_json() -> None:
    value = b'{"name":"loop1","type":"SOFTWARE_LOOPBACK","enabled":true}'
    for key in ("config/vpp/v2/interfaces/loop1", "config-status/vpp/v2/interfaces/loop1", "check/status/v1/agent"):
        document = codecs("ligato").open(f"/vnf-agent/vpp1/{key}", value)
        assert document.reason.startswith("preset ligato: ")
        assert document.encode(document.text).value == value


class TestVitess:
    """The keys of a topology; the schemas are small fakes, because no distribution has the real ones."""

    @pytest.mark.parametrize(
        ("key", "name"),
        [
            ("/vitess/global/cells/zone1/CellInfo", "topodata.CellInfo"),
            ("/vitess/global/keyspaces/commerce/Keyspace", "topodata.Keyspace"),
            ("/vitess/global/keyspaces/commerce/VSchema", "vschema.Keyspace"),
            ("/vitess/global/keyspaces/commerce/shards/-80/Shard", "topodata.Shard"),
            ("/vitess/global/RoutingRules", "vschema.RoutingRules"),
            ("/vitess/zone1/keyspaces/commerce/SrvKeyspace", "topodata.SrvKeyspace"),
            ("/vitess/zone1/keyspaces/commerce/shards/-80/ShardReplication", "topodata.ShardReplication"),
            ("/vitess/zone1/SrvVSchema", "vschema.SrvVSchema"),
            ("vitess/zone1/tablets/zone1-0000000100/Tablet", "topodata.Tablet"),
        ],
    )
    def test_vitess_type_follows_from_the_key(self, tmp_path: Path, key: str, name: str) -> None:
        package, _, message = name.partition(".")
        proto = tmp_path / f"{package}.proto"
        proto.write_text(f'syntax = "proto3";\npackage {package};\nmessage {message} {{\n  string keyspace = 2;\n}}\n')
        document = codecs("vitess", protos=[proto]).open(key, b"\x12\x08commerce")
        assert (document.choice.type, document.text) == (name, 'keyspace: "commerce"\n')

    def test_vitess_without_schemas_says_where_they_are(self) -> None:
        found = codecs("vitess")
        assert found.problems == ("preset vitess: no schema: --proto PATH, the folder proto of Vitess' repository",)
        assert found.open("/vitess/global/keyspaces/commerce/Keyspace", b"\x12\x02\xff\xfe").choice == Choice("hex")


class TestNames:
    def test_unknown_preset_is_one_line_with_the_known(self, home: Path) -> None:
        with pytest.raises(SchemaFailed, match="unknown preset 'patrony'") as caught:
            codecs("patrony")
        assert caught.value.hint == "known presets: kubernetes, voltha, ligato, vitess, patroni"
        (home / "codecs.toml").write_text('version = 1\n\n[[preset]]\nname = "x"\n')
        with pytest.raises(SchemaFailed, match="line 3: unknown preset 'x'"):
            codecs()

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[[preset]]\n", "unknown preset ''"),
            ('preset = "patroni"\n', "preset must be a list"),
            ('[[preset]]\nname = "patroni"\nroots = "x"\n', "unknown setting 'roots'"),
        ],
    )
    def test_invalid_preset_in_codecs_toml_is_refused(self, home: Path, text: str, message: str) -> None:
        (home / "codecs.toml").write_text(f"version = 1\n{text}")
        with pytest.raises(SchemaFailed, match=message):
            codecs()

    def test_codecs_toml_names_presets_with_a_root(self, home: Path) -> None:
        (home / "codecs.toml").write_text(
            'version = 1\n[[preset]]\nname = "patroni"\nroot = "/db/"\n'
            '[[preset]]\nname = "ligato"\nstore = "etcd*"\n[[map]]\nkey = "/db/own/leader"\ncodec = "hex"\n'
        )
        found = codecs()
        assert [(preset.name, preset.keys) for preset in found.presets] == [("patroni", "/db/**")]
        assert found.open("/db/main/leader", b"pg-0").reason == "preset patroni: /db/{cluster}/leader -> text"
        assert found.rule("/service/main/leader") is None
        own = found.rule("/db/own/leader")
        assert own is not None
        assert own.choice == Choice("hex")  # a person's rule takes precedence

    def test_rule_can_be_added_beside_presets(self, home: Path) -> None:
        """The type that is chosen in the app takes precedence over the preset, and the file stays valid."""
        (home / "codecs.toml").write_text('version = 1\n[[preset]]\nname = "patroni"\n')
        found = codecs()
        found.add_rule("/service/main/status", "/service/*/status", Choice("hex"))
        for each in (found, codecs()):
            assert each.open("/service/main/status", b"{}").choice == Choice("hex")
            assert each.open("/service/main/config", b"{}").choice.codec == "json"

    def test_preset_matches_whole_keys_below_a_path(self) -> None:
        assert codecs("patroni", url="memory:////service").open("main/leader", b"{}").choice.codec == "text"

    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            ("preset:patroni", CodecOptions(presets=("patroni",))),
            ("rules.toml", CodecOptions(codecs=Path("rules.toml"))),
            (Path("rules.toml"), CodecOptions(codecs=Path("rules.toml"))),
            (["preset:a", "rules.toml", "preset:b"], CodecOptions(codecs=Path("rules.toml"), presets=("a", "b"))),
            (None, CodecOptions()),
        ],
    )
    def test_names_are_presets_and_one_file(self, names: CodecNames | None, expected: CodecOptions) -> None:
        assert CodecOptions.from_names(codecs=names) == expected

    def test_two_files_are_refused(self) -> None:
        with pytest.raises(SchemaFailed, match=r"more than one file of rules: a\.toml, patroni") as caught:
            CodecOptions.from_names(codecs=["a.toml", "patroni"])
        assert caught.value.hint == "write preset: before a preset"

    def test_every_preset_is_found_by_its_keys(self) -> None:
        keys = {
            "voltha": f"{STACK}/devices/1",
            "ligato": "/vnf-agent/vpp1/config/x",
            "vitess": "/vitess/global/keyspaces/k/Keyspace",
            "patroni": "/service/main/leader",
        }
        for name, key in keys.items():
            assert preset_of(key) is find_preset(name)
        assert preset_of("config/app") is None
