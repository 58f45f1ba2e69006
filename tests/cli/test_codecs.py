"""The verb `codecs`, and the presets that it lists, with a real store."""

import json
from pathlib import Path

import pytest

from explorer.codecs.presets import PRESETS
from explorer.codecs.protobuf.fields import serialized
from explorer.drivers.memory.database import Database
from tests.cli.run_command import Run, folders, run_process
from tests.codecs.common import made, voltha
from tests.codecs.test_presets import STACK, TestPatroni
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import etcd_version

__all__ = ["etcd_version"]

PATRONI = {f"/service/main/{key}": value.encode() for key, value, _ in TestPatroni.VALUES}


def fill(database: Database) -> None:
    for key, value in PATRONI.items():
        database.put(key.encode(), value)
    database.put(f"{STACK}/devices/1".encode(), serialized(made("device.Device", voltha())(id="1", vlan=300)))


class TestList:
    def test_list_prints_a_line_per_preset(self) -> None:
        result = run_process("codecs", "list")
        assert result.code == 0
        assert [line.split()[0] for line in result.lines] == ["PRESET", *PRESETS]
        voltha_line = next(line for line in result.lines if line.startswith("voltha"))
        assert "service/voltha/**  voltha-protos " in voltha_line
        assert (
            result.error == "use one with --codecs preset:NAME, in a profile or in codecs.toml; see docs/schemas.md\n"
        )

    def test_list_json_is_one_object_per_preset(self, keyscope: Run) -> None:
        records = {record["name"]: record for record in keyscope("codecs", "list", "--json").records}
        assert list(records) == list(PRESETS)
        assert records["patroni"] == {
            "name": "patroni",
            "title": "state of Patroni's PostgreSQL clusters",
            "keys": "/service/**",
            "needs_schemas": False,
            "distribution": None,
            "installed": None,
            "hint": None,
        }
        assert records["voltha"]["installed"].startswith("5.")
        assert records["kubernetes"]["hint"].startswith("pip install --no-deps k8s-proto, or --proto ")

    def test_list_of_a_store_names_what_it_finds_and_uses(self, keyscope: Run, database: Database) -> None:
        fill(database)
        database.put(b"/registry/pods/default/a", b"k8s\0")
        database.put(b"/registry/widgets/default/a", b"{}")
        result = keyscope("codecs", "list", "memory:", "--codecs", "preset:patroni")
        assert [line for line in result.lines if ":" in line] == [
            "found for kubernetes: /registry/pods/default/a",
            f"found for voltha: {STACK}/devices/1",
            "in use: patroni",
            "found for patroni: /service/main/config",
        ]
        records = keyscope("codecs", "list", "memory:////service/", "--json").records
        assert {record["name"]: record["found"] for record in records if record["found"]} == {"patroni": "main/config"}

    def test_list_of_a_store_without_such_keys_finds_the_others(self, run_here: Run, tmp_path: Path) -> None:
        """The names in a BoltDB file are never empty, so that no key there begins with a slash."""
        url = f"bolt://{tmp_path}/state.db"
        assert run_here("put", f"{url}?create", "service/main/config", "--value", "{}")
        assert run_here("codecs", "list", url).lines[-1] == "found for patroni: service/main/config"

    def test_schemas_in_use_are_named(self, keyscope: Run, database: Database, tmp_path: Path) -> None:
        """A preset without a distribution takes its messages from the person's schemas."""
        assert database is not None
        for package, types in {"topodata": {}, "vschema": {}}.items():
            names = [name.partition(".")[2] for name in PRESETS["vitess"].types if name.startswith(f"{package}.")]
            types.update(dict.fromkeys(names))
            messages = "".join(f"message {name} {{}}\n" for name in types)
            (tmp_path / f"{package}.proto").write_text(f'syntax = "proto3";\npackage {package};\n{messages}')
        lines = keyscope("codecs", "list", "memory:", "--proto", str(tmp_path)).lines
        assert next(line for line in lines if line.startswith("vitess")).endswith("among those in use")

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ([], "codecs needs an action: keyscope codecs list [URL]"),
            (["lst"], "invalid choice: 'lst'"),
            (["list", "memory:", "x"], "too many arguments"),
        ],
    )
    def test_wrong_words_are_a_usage_error(self, keyscope: Run, words: list[str], message: str) -> None:
        result = keyscope("codecs", *words)
        assert result.code == 2
        assert message in result.error
        assert result.error.count("\n") == 1


class TestPresets:
    def test_get_decodes_by_a_preset(self, keyscope: Run, database: Database) -> None:
        fill(database)
        key = f"{STACK}/devices/1"
        assert keyscope("get", "memory:", key, "--as", "textproto").code == 2
        result = keyscope("get", "memory:", key, "--as", "textproto", "--codecs", "preset:voltha")
        assert result.lines == ['id: "1"', "vlan: 300"]

    def test_get_of_an_unknown_preset_is_one_line(self, keyscope: Run, database: Database) -> None:
        fill(database)
        result = keyscope("get", "memory:", "/service/main/leader", "--as", "json", "--codecs", "preset:x")
        assert (result.code, result.output) == (2, b"")
        assert result.error == (
            "keyscope: unknown preset 'x': known presets: kubernetes, voltha, ligato, vitess, patroni\n"
        )

    def test_get_of_a_kubernetes_object_without_schemas_says_so(self, keyscope: Run, database: Database) -> None:
        meta = b"\x0a\x02v1\x12\x03Pod"
        database.put(b"/registry/pods/a", b"k8s\0\x0a" + bytes([len(meta)]) + meta + b"\x12\x00")
        result = keyscope("get", "memory:", "/registry/pods/a", "--as", "json")
        assert (result.code, result.output) == (1, b"")
        assert "no schema has the Kubernetes object v1 Pod" in result.error

    @pytest.mark.servers
    def test_profile_presets_read_a_real_etcd(
        self, shared_etcd: EtcdServer, prefix: str, run_here: Run, tmp_path: Path
    ) -> None:
        """The slash at the start of Patroni's keys is part of them in etcd."""
        cluster = prefix.strip("/")
        for key, value, _ in TestPatroni.VALUES:
            shared_etcd.ctl("put", f"/service/{cluster}/{key}", value)
        config = Path(folders(tmp_path / "home")["XDG_CONFIG_HOME"]) / "keyscope" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f'[profiles.db]\nurl = "etcd://{shared_etcd.address}/"\ncodecs = "preset:patroni"\n')
        found = {record["name"]: record for record in run_here("codecs", "list", "@db", "--json").records}
        assert found["patroni"]["in_use"]
        assert found["patroni"]["found"].startswith("/service/")
        shown = run_here("get", "@db", f"/service/{cluster}/config", "--as", "json").output
        assert json.loads(shown)["ttl"] == 30
