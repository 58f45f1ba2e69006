"""Sides of the verbs for many keys: keys, files, plan files and revisions; fields of messages; times of the journal."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import pytest

from tests.cli.plan_fixtures import etcd_version, fill, run, url, values
from tests.cli.run_command import Run
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import shared_redis, shared_zookeeper
from tests.servers.redis import RedisServer
from tests.servers.zookeeper import ZooKeeperServer

__all__ = ["etcd_version", "run", "shared_redis", "shared_zookeeper", "url"]

pytestmark = pytest.mark.servers


def test_key_is_copied_and_renamed_with_what_is_below(url: str, run: Run) -> None:
    """As `cp` and `mv`: to a name, or into a folder that ends with the separator; `app` never means `app2`."""
    fill(run, url, app="1", app2="x")
    fill(run, f"{url}app/", port="8080")
    assert run("copy", f"{url}app", f"{url}copy", "--yes").lines == ["create    copy", "create    copy/port"]
    assert run("copy", f"{url}app", f"{url}folder/", "--yes").lines == ["create    app", "create    app/port"]
    moved = run("move", f"{url}app", f"{url}renamed", "--yes")
    assert moved.lines == ["create    renamed", "create    renamed/port", "delete    app/port", "delete    app"]
    kept = {"app2": "x", "copy": "1", "copy/port": "8080", "folder/app": "1", "folder/app/port": "8080"}
    assert values(run, url) == kept | {"renamed": "1", "renamed/port": "8080"}
    assert run("diff", f"{url}copy", f"{url}renamed").code == 0
    assert run("diff", f"{url}copy", f"{url}app2").lines[0] == "~ copy"
    assert run("undo", "--yes")
    assert values(run, url) == kept | {"app": "1", "app/port": "8080"}


def test_named_key_with_a_lease_is_copied_without_it(shared_etcd: EtcdServer, url: str, run: Run) -> None:
    """A leased key is left out of a folder's copy and listed; named, it is copied, and the loss is said."""
    assert run("put", url, "leased", "--value", "1", "--ttl", "60")
    fill(run, url, kept="2")
    folder = run("copy", url, f"etcd://{shared_etcd.address}/copied-{token_hex(4)}/", "--dry-run")
    assert folder.lines == ["create    kept"]
    assert "leased: it belongs to a lease" in folder.error
    named = run("copy", f"{url}leased", f"{url}copy", "--yes")
    assert named.lines == ["create    copy"]
    assert "is not copied: the copy stays" in named.error
    assert run("get", url, "copy", "--json").record["lease"] is None


def test_files_are_sides(url: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export and a plan are compared with a store, and an export is copied to it."""
    monkeypatch.chdir(tmp_path)
    fill(run, f"{url}a/", x="1", y="2")
    (tmp_path / "before.jsonl").write_bytes(run("export", f"{url}a/").output)
    (tmp_path / "key.yaml").write_bytes(run("export", f"{url}a/x", "--format", "yaml").output)
    assert (tmp_path / "key.yaml").read_text() == "x: '1'\n"
    assert run("diff", "before.jsonl", f"{url}a/").code == 0
    assert run("put", f"{url}a/", "y", "--value", "3", "--force")
    assert run("diff", "before.jsonl", f"{url}a/", "--json").records == [{"key": "y", "change": "changed"}]
    assert run("diff", "before.jsonl", "key.yaml").lines == ["< y"]
    assert run("copy", "before.jsonl", f"{url}b/", "--plan", "plan.json")
    assert run("diff", "plan.json", f"{url}a/").lines[0] == "~ y"
    assert run("copy", "before.jsonl", f"{url}b/", "--yes").lines == ["create    x", "create    y"]
    assert run("export", "before.jsonl", "--format", "json").output == b'{\n  "x": "1",\n  "y": "2"\n}\n'
    for words, error in (
        (("copy", f"{url}a/", "before.jsonl"), "before.jsonl is a file"),
        (("move", "before.jsonl", f"{url}a/"), "from which nothing is moved"),
        (("diff", "missing.jsonl", f"{url}a/"), "'missing.jsonl': No such file"),
    ):
        refused = run(*words)
        assert (refused.code, error in refused.error) == (1 if "missing" in error else 2, True), refused.error
    then = run("get", f"{url}a/", "y", "--json").record["revision"]
    assert run("put", f"{url}a/", "y", "--value", "4", "--force")
    assert run("copy", f"{url}a/@{then}", f"{url}c/", "--yes")
    assert values(run, f"{url}c/") == {"x": "1", "y": "3"}


def test_separators_of_two_stores_are_no_difference(url: str, run: Run, shared_redis: RedisServer) -> None:
    """A copy in Redis, whose names are separated by colons, is the same in both directions."""
    fill(run, f"{url}app/", port="8080")
    redis = f"redis://{shared_redis.address}/0/copied-{token_hex(4)}:"
    assert run("copy", url, redis, "--yes").lines == ["create    app:port"]
    assert (run("diff", url, redis).lines, run("diff", redis, url).lines) == ([], [])
    assert run("put", redis, "app:port", "--value", "8081", "--force")
    assert run("diff", url, redis, "--json").records == [{"key": "app/port", "change": "changed"}]
    assert run("diff", redis, url, "--json").records == [{"key": "app:port", "change": "changed"}]
    fill(run, url, **{"a:b": "1"})
    ambiguous = run("diff", redis, url)
    assert (ambiguous.code, "?separator=" in ambiguous.error) == (2, True)


def test_read_only_target_says_why(url: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is compared; a masked value that is not searched is said, too."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "keyscope").mkdir()
    (tmp_path / "keyscope/config.toml").write_text(f'[profiles.ro]\nurl = "{url}b/"\nread_only = true\nmask = ["x"]\n')
    fill(run, f"{url}b/", x="1")
    fill(run, f"{url}a/", x="2")
    for words in (("copy", f"{url}a/", "@ro"), ("replace", "@ro", "1", "2")):
        refused = run(*words, "--yes")
        assert refused.code != 0
        assert "read-only: its profile says so" in refused.error, refused.error
    assert "not searched: 1 value (masked)" in run("find", "@ro", "--value", "1").error


def test_copy_of_a_masked_value_is_masked(url: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal does not have it, also of the undo, although nothing masks the key that it is copied to."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "keyscope").mkdir()
    (tmp_path / "keyscope/config.toml").write_text(f'[profiles.p]\nurl = "{url}a/"\nmask = ["token"]\n')
    assert run("put", "@p", "token", "--value", "s3cret")
    assert run("put", "@p", "port", "--value", "8080")
    assert run("copy", "@p", f"{url}b/", "--yes").lines == ["create    port", "create    token"]
    assert run("undo", "--yes").lines == ["delete    token", "delete    port"]
    journal = b"".join(file.read_bytes() for file in (tmp_path / "state/keyscope/journal").iterdir())
    assert b"8080" in journal
    assert b"s3cret" not in journal


def test_field_of_messages_is_replaced(url: str, run: Run, tmp_path: Path) -> None:
    """Only the field is patched: fields that the schema does not have stay, and other values are listed."""
    old = 'syntax = "proto3"; message Order { string id = 1; int32 amount = 2; repeated string tags = 3; }'
    new = old.replace("}", "string newer = 9; }")
    (tmp_path / "new.proto").write_text(new)
    text = 'id: "old" amount: 5 tags: "old" tags: "x" newer: "old"'
    assert run("put", url, "order", "--type", "Order", "--proto", str(tmp_path / "new.proto"), "--value", text)
    fill(run, url, plain="old")
    (tmp_path / "old.proto").write_text(old)
    (tmp_path / "codecs.toml").write_text('version = 1\n[[map]]\nkey = "**/order"\ntype = "Order"\n')
    schema = ("--proto", str(tmp_path / "old.proto"), "--codecs", str(tmp_path / "codecs.toml"))
    before = run("get", url, "order", "--as", "raw").output
    replaced = run("replace", url, "old", "new", "--field", "tags[*]", "--yes", *schema)
    assert replaced.lines[0] == "update    order"
    assert "plain: its value is not known to be a message, JSON or YAML" in replaced.error
    assert run("get", url, "order", "--as", "raw").output == before.replace(b"\x1a\x03old", b"\x1a\x03new")
    assert run("replace", url, "5", "7", "--field", "amount", "--yes", *schema)
    shown = run("get", url, "order", "--type", "Order", "--proto", str(tmp_path / "new.proto")).lines
    assert shown == ['id: "old"', "amount: 7", 'tags: "new"', 'tags: "x"', 'newer: "old"']
    assert "is no path" in run("replace", url, "5", "7", "--field", "a..b", "--yes", *schema).error


def test_time_is_restored_as_far_as_the_journal_knows(url: str, run: Run, shared_etcd: EtcdServer) -> None:
    """Changes of this person are taken back; what others changed is listed as unknown, and stays."""
    fill(run, url, mine="1", both="1", other="1", gone="1")
    then = datetime.now(UTC).isoformat()
    fill(run, url, made="x")
    for key in ("mine", "both"):
        assert run("put", url, key, "--value", "2", "--force")
    assert run("rm", url, "gone", "--yes")
    path = url.removeprefix(f"etcd://{shared_etcd.address}/")
    shared_etcd.ctl("put", f"{path}both", "theirs")
    shared_etcd.ctl("put", f"{path}other", "theirs")
    shared_etcd.ctl("put", f"{path}foreign", "theirs")
    restored = run("restore", url, "", "--to", then, "--yes")
    assert restored.code == 0, restored.error
    assert [line for line in restored.lines if "  " in line[:8] or line[8:10] == "  "][:3] == [
        "create    gone",
        "update    mine",
        "    @@ -1 +1 @@",
    ]
    assert values(run, url) == {"mine": "1", "gone": "1", "both": "theirs", "other": "theirs", "foreign": "theirs"}
    for line in (
        "both: unknown: others changed it",
        "other: unknown: others changed it",
        "1 key is not in the journal",
        "all keys as of revision ",
    ):
        assert line in restored.error
    (revision,) = re.findall(r"come back with --to (\d+); what was written between", restored.error)
    assert run("restore", url, "", "--to", revision, "--yes")
    assert values(run, url) == {"mine": "1", "both": "1", "other": "1", "gone": "1"}
    again = run("restore", url, "mine", "--to", "1 hour ago", "--yes", "--json")
    assert again.records[0] == {"key": "mine", "change": "delete"}
    assert run("restore", url, "mine", "--to", "tomorrow").code == 2
    assert "in the past" in run("restore", url, "mine", "--to", "2999-01-01").error


def test_undo_leaves_what_others_changed(url: str, run: Run, shared_etcd: EtcdServer) -> None:
    """The rest is taken back; the keys that stay are named, with the exit code of a conflict."""
    fill(run, f"{url}a/", x="1", y="2", z="3")
    moved = run("move", f"{url}a/", f"{url}b/", "--yes", "--json")
    path = url.removeprefix(f"etcd://{shared_etcd.address}/")
    shared_etcd.ctl("put", f"{path}b/y", "theirs")
    shared_etcd.ctl("put", f"{path}a/z", "theirs")
    undone = run("undo", moved.records[-1]["undo"], "--yes")
    assert undone.code == 4
    assert "y: the key was changed" in undone.error
    assert "z: its value could not be put back" in undone.error
    assert values(run, url) == {"a/x": "1", "a/y": "2", "b/y": "theirs", "a/z": "theirs", "b/z": "3"}
    assert "taken back already" in run("undo", moved.records[-1]["undo"], "--yes").error
    assert run("undo", "--yes").code == 2


def test_move_deletes_only_what_the_target_still_has(url: str, run: Run, tmp_path: Path) -> None:
    """A key that the target had already, and has no longer, is not deleted in the source."""
    fill(run, f"{url}a/", x="1", y="2")
    fill(run, f"{url}b/", x="1")
    plan = str(tmp_path / "plan.json")
    assert run("move", f"{url}a/", f"{url}b/", "--plan", plan)
    assert json.loads(Path(plan).read_text())["parts"][0]["required"][0]["key"] == "x"
    assert run("rm", f"{url}b/", "x", "--yes")
    refused = run("apply", plan, "--yes")
    assert (refused.code, "the key is gone" in refused.error) == (4, True)
    assert values(run, url) == {"a/x": "1", "a/y": "2"}


def test_directories_go_with_the_keys(shared_zookeeper: ZooKeeperServer, prefix: str, run: Run, tmp_path: Path) -> None:
    """Directories that a copy made are gone after undo, and those that a move emptied; others stay."""
    (tmp_path / "folder").mkdir()
    for root in (f"zk://{shared_zookeeper.address}/{prefix}", f"file://{tmp_path}/folder/?layout=folder"):
        base, _, query = root.partition("?")
        at = {name: f"{base}{name}/" + (f"?{query}" if query else "") for name in ("a", "b")}
        assert run("put", root, "a/x/deep/key", "--value", "1")
        assert run("put", root, "b/stays/key", "--value", "1")
        before = run("ls", root, "-r").lines
        copied = run("copy", at["a"], at["b"], "--yes")
        assert copied, copied.error
        assert run("undo", "--yes")
        assert run("ls", root, "-r").lines == before
        assert run("move", at["a"], at["b"], "--yes")
        assert not [line for line in run("ls", root, "-r").lines if line.startswith("a/")]
        assert run("undo", "--yes")
        assert run("ls", root, "-r").lines == before
