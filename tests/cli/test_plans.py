"""The verbs `diff`, `copy`, `move`, `apply` and `undo` on real stores."""

import json
from pathlib import Path

import pytest

from tests.cli.plan_fixtures import etcd_version, fill, run, url, values
from tests.cli.run_command import Run
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import shared_consul

__all__ = ["etcd_version", "run", "shared_consul", "url"]

pytestmark = pytest.mark.servers


def test_diff_prints_what_differs(url: str, run: Run) -> None:
    """Exit code 1 and one line for each key that differs; 0 when all is the same."""
    fill(run, f"{url}a/", same="1", left="1", changed="1")
    fill(run, f"{url}b/", same="1", right="1", changed="2")
    result = run("diff", f"{url}a/", f"{url}b/")
    assert (result.code, result.lines) == (1, ["~ changed", "    @@ -1 +1 @@", "    -1", "    +2", "< left", "> right"])
    assert run("diff", f"{url}a/", f"{url}b/", "--json", "--keys-only").records == [
        {"key": "left", "change": "only-left"},
        {"key": "right", "change": "only-right"},
    ]
    assert run("diff", f"{url}a/", f"{url}b/", "--ignore", "*t", "--ignore", "changed").code == 0
    nothing = run("diff", f"{url}a/", f"{url}mistyped/")
    assert (nothing.code, nothing.error) == (1, f"keyscope: there is nothing at {url}mistyped/\n")


def test_changed_messages_are_compared_by_their_fields(url: str, run: Run, tmp_path: Path) -> None:
    """As in the review of a save; in a diff, and before a plan is applied."""
    (tmp_path / "shop.proto").write_text('syntax = "proto3"; message Order { string id = 1; int32 amount = 2; }')
    rules = tmp_path / "codecs.toml"
    rules.write_text('version = 1\n[[map]]\nkey = "**"\ntype = "Order"\n')
    schema = ("--proto", str(tmp_path / "shop.proto"))
    for side, amount in (("a", 1), ("b", 2)):
        order = f'id: "x" amount: {amount}'
        assert run("put", f"{url}{side}/", "order", "--type", "Order", *schema, "--value", order)
    changed = ['     id: "x"', "    -amount: 1", "    +amount: 2"]
    decoded = (*schema, "--codecs", str(rules))
    assert run("diff", f"{url}a/", f"{url}b/", *decoded).lines == ["~ order", "    @@ -1,2 +1,2 @@", *changed]
    plan = run("copy", f"{url}b/", f"{url}a/", "--overwrite", "--dry-run", *decoded)
    assert plan.lines == ["update    order", "    @@ -1,2 +1,2 @@", *changed]


def test_copy_to_another_store_is_undone(url: str, run: Run, shared_consul: ConsulServer, prefix: str) -> None:
    """Every key is printed with what is done with it, and undo brings back what was there."""
    target = f"consul://{shared_consul.address}/{prefix}"
    fill(run, url, new="1", same="2", changed="3")
    fill(run, target, same="2", changed="theirs", other="x")
    before = values(run, target)
    refused = run("copy", url, target, "--yes", "--json")
    assert refused.code == 4
    assert {record["key"]: record["change"] for record in refused.records} == {
        "new": "create",
        "same": "same",
        "changed": "conflict",
    }
    assert values(run, target) == before
    *_, last = run("copy", url, target, "--yes", "--overwrite", "--json").records
    assert values(run, target) == before | {"new": "1", "changed": "3"}
    assert run("undo", last["undo"], "--yes")
    assert values(run, target) == before
    assert run("undo", "--yes").code == 2  # what is taken back is not done again


def test_move_asks_and_moves(url: str, run: Run) -> None:
    """Without a terminal and --yes nothing is done; a dry run changes nothing either."""
    fill(run, f"{url}a/", x="1", y="2")
    refused = run("move", f"{url}a/", f"{url}b/")
    assert refused.code == 2
    assert "add --yes" in refused.error
    assert run("move", f"{url}a/", f"{url}b/", "--dry-run").lines == [
        "create    x",
        "create    y",
        "delete    y",
        "delete    x",
    ]
    assert run("move", f"{url}a/", f"{url}b/", "--yes")
    assert values(run, url) == {"b/x": "1", "b/y": "2"}


def test_plan_is_reviewed_and_applied(url: str, run: Run, tmp_path: Path) -> None:
    """A plan file is applied once: when it has done something, it needs --resume; a moved base refuses it."""
    file = tmp_path / "change.json"
    fill(run, f"{url}a/", x="1", y="2")
    assert run("copy", f"{url}a/", f"{url}b/", "--plan", str(file))
    assert values(run, url) == {"a/x": "1", "a/y": "2"}
    assert json.loads(file.read_text())["parts"][0]["changes"][0] == {"key": "x", "absent": True, "new": {"text": "1"}}
    assert run("put", f"{url}b/", "y", "--value", "theirs")
    refused = run("apply", str(file), "--yes")
    assert (refused.code, values(run, f"{url}b/")) == (4, {"y": "theirs"})
    assert "the key exists now" in refused.error
    assert run("apply", str(file), "--dry-run").code == 4
    assert run("undo", "--yes").code == 2  # it has done nothing
    assert run("rm", f"{url}b/", "y", "--yes")
    assert run("apply", str(file), "--yes")
    assert values(run, f"{url}b/") == {"x": "1", "y": "2"}
    again = run("apply", str(file), "--yes")
    assert again.code == 2
    assert "begun before" in again.error


def test_stopped_plan_says_how_it_goes_on(url: str, run: Run, tmp_path: Path) -> None:
    """The second change is too large for the server: what is done is no conflict of a dry run, and is taken back."""
    file = tmp_path / "change.json"
    fill(run, f"{url}a/", x="1", y="2")
    assert run("copy", f"{url}a/", f"{url}b/", "--plan", str(file))
    plan = json.loads(file.read_text())
    plan["parts"][0]["changes"][1]["new"] = {"text": "y" * 2**21}
    file.write_text(json.dumps(plan))
    stopped = run("apply", str(file), "--yes")
    assert stopped.code == 1
    assert f"1 of 2 changes done: keyscope apply {plan['id']} --resume goes on" in stopped.error
    again = run("apply", plan["id"], "--dry-run")
    assert again.code == 0
    assert "1 of 2 changes done before" in again.error
    assert run("undo", "--yes")
    assert run("undo", "--yes").code == 2


def test_undo_after_a_plan_that_did_nothing(url: str, run: Run, tmp_path: Path) -> None:
    """The plan before it is named, and not taken back in its place."""
    file = tmp_path / "change.json"
    fill(run, f"{url}a/", x="1")
    *_, applied = run("copy", f"{url}a/", f"{url}b/", "--yes", "--json").records
    assert run("copy", f"{url}a/", f"{url}c/", "--plan", str(file))
    assert run("put", f"{url}c/", "x", "--value", "theirs")
    assert run("apply", str(file), "--yes").code == 4
    refused = run("undo", "--yes")
    assert refused.code == 2
    assert f"keyscope undo {applied['undo']} takes back the one before" in refused.error
    assert values(run, f"{url}b/") == {"x": "1"}


def test_edited_plan_is_refused(url: str, run: Run, tmp_path: Path) -> None:
    """A guard that was taken out of the file is noticed before anything is written."""
    file = tmp_path / "change.json"
    fill(run, f"{url}a/", x="1")
    assert run("copy", f"{url}a/", f"{url}b/", "--plan", str(file))
    file.write_text(file.read_text().replace('"absent": true,', ""))
    refused = run("apply", str(file), "--yes")
    assert refused.code == 2
    assert "a change is not guarded" in refused.error
    assert run("copy", f"{url}a/", f"{url}b/", "--plan", str(file))
    file.write_bytes(file.read_bytes().replace(b'{"text": "1"}', b'{"text": "\xfc"}'))
    assert "not UTF-8" in run("apply", str(file), "--yes").error
    assert values(run, f"{url}a/") == {"x": "1"}


@pytest.mark.parametrize("form", ["jsonl", "yaml", "json"])
def test_export_is_imported_below_another_prefix(url: str, run: Run, tmp_path: Path, form: str) -> None:
    """Import prints what it does with each key first; a second import finds all the same."""
    file = tmp_path / "export"
    fill(run, f"{url}a/", x="1", y="ü\n")
    file.write_bytes(b"\xef\xbb\xbf" + run("export", f"{url}a/", "--format", form).output)  # as editors of Windows do
    assert run("import", url, "b/", str(file), "--yes").lines == ["create    b/x", "create    b/y"]
    assert values(run, f"{url}b/") == {"x": "1", "y": "ü\n"}
    assert run("import", url, "b/", str(file), "--yes").lines == ["same      b/x", "same      b/y"]
    fill(run, f"{url}b/", z="3")
    assert run("import", url, "b/", str(file), "--yes", "--prune").lines[0] == "delete    b/z"
    assert values(run, f"{url}b/") == {"x": "1", "y": "ü\n"}


def test_exports_of_etcdctl_and_consul_are_read(
    url: str, run: Run, tmp_path: Path, shared_etcd: EtcdServer, shared_consul: ConsulServer
) -> None:
    """The output of the stores' own tools is imported."""
    fill(run, url, x="1", y="2")
    prefix = url.removeprefix(f"etcd://{shared_etcd.address}/")
    file = tmp_path / "export"
    file.write_text(shared_etcd.ctl("get", "--prefix", prefix, "-w", "json"))
    target = f"consul://{shared_consul.address}/"
    assert run("import", target, f"{prefix}in/", str(file), "--yes")
    inside = f"{target}{prefix}in/{prefix}"
    assert values(run, inside) == {"x": "1", "y": "2"}
    exported = run("export", inside, "--format", "consul").output
    assert run("rm", inside, "x", "--yes")
    file.write_bytes(exported)
    assert run("import", target, str(file), "--yes").lines[0].startswith("create ")
    assert values(run, inside) == {"x": "1", "y": "2"}


def test_find_prints_matches_and_what_it_looked_at(url: str, run: Run) -> None:
    """Exit code 3 and the number of keys say that nothing was found."""
    fill(run, url, one="port 8080", two="8080", three="x")
    result = run("find", url, "--value", "8080")
    assert (result.code, result.lines) == (0, ["one: port 8080", "two: 8080"])
    assert "2 matches in 3 keys" in result.error
    assert run("find", url, "--key", "t*", "--json").records == [
        {"key": "three", "where": "key", "match": "three"},
        {"key": "two", "where": "key", "match": "two"},
    ]
    assert "there may be more" in run("find", url, "--key", "t", "--limit", "1").error
    nothing = run("find", url, "--value", "absent")
    assert (nothing.code, nothing.lines) == (3, [])
    assert "0 matches in 3 keys" in nothing.error


def test_replace_shows_and_changes_values(url: str, run: Run) -> None:
    fill(run, f"{url}a/", one="host old", two="old old", three="x")
    shown = run("replace", url, "a/", "old", "new", "--dry-run").lines
    assert [line.strip() for line in shown if "@" not in line] == [
        *("update    a/one", "-host old", "+host new"),
        *("update    a/two", "-old old", "+new new"),
    ]
    assert run("replace", url, "a/", "old", "new", "--yes")
    assert values(run, f"{url}a/") == {"one": "host new", "two": "new new", "three": "x"}
    assert run("undo", "--yes")
    assert values(run, f"{url}a/") == {"one": "host old", "two": "old old", "three": "x"}


def test_key_and_prefix_are_restored(url: str, run: Run) -> None:
    """Keys that were changed, deleted and made since come back to what they were, by a plan that can be undone."""
    fill(run, url, x="1", y="1")
    then = run("get", url, "y", "--json").record["revision"]
    assert run("put", url, "x", "--value", "2", "--force")
    assert run("rm", url, "y", "--yes")
    fill(run, url, z="1")
    assert run("diff", f"{url}@{then}", url).lines == ["~ x", "    @@ -1 +1 @@", "    -1", "    +2", "< y", "> z"]
    assert run("restore", url, "x", "--to", str(then), "--yes").lines[0] == "update    x"
    assert run("restore", url, "", "--to", str(then), "--yes").lines == ["create    y", "delete    z", "same      x"]
    hosts, path = url.rsplit("//", 1)  # a URL that ends with its hosts
    whole = run("restore", hosts, f"/{path}", "--to", str(then), "--dry-run")
    assert [line.rsplit("/", 1)[-1] for line in whole.lines] == ["x", "y"], whole.error
    assert values(run, url) == {"x": "1", "y": "1"}
    assert run("undo", "--yes")
    assert values(run, url) == {"x": "1", "z": "1"}


def test_log_has_the_changes_of_this_person(url: str, run: Run, tmp_path: Path) -> None:
    """Saves, deletions and plans, the newest first, with the value that was there; an altered file is named.

    A change by the URL of a folder is one of the store, too.
    """
    fill(run, url, a="1")
    assert run("put", url, "a", "--value", "2", "--force")
    fill(run, f"{url}x/", k="1")
    assert run("copy", f"{url}x/", f"{url}y/", "--yes")
    assert run("rm", url, "a", "--yes")
    records = run("log", url, "--json").records
    assert [(one["action"], one["key"], one.get("old_text")) for one in records] == [
        ("delete", "a", "2"),
        ("create", "k", None),
        ("create", "k", None),
        ("update", "a", "1"),
        ("create", "a", None),
    ]
    assert [one["key"] for one in run("log", f"{url}y/", "--json").records] == ["k"]
    assert len(run("log", "--limit", "2").lines) == 2
    (file,) = (tmp_path / "state/keyscope/journal").iterdir()
    file.write_text(file.read_text().replace('"update"', '"create"'))
    assert "the journal was changed" in run("log").error


def test_write_that_the_journal_lacks_says_so(url: str, run: Run, tmp_path: Path) -> None:
    """The write is done; undo and restore will not know of it."""
    (tmp_path / "state" / "keyscope").mkdir(parents=True)
    (tmp_path / "state" / "keyscope" / "journal").touch()
    written = run("put", url, "a", "--value", "1")
    assert written.code == 0
    assert "not in the journal, which cannot be written: File exists" in written.error
    assert values(run, url) == {"a": "1"}


def test_log_has_reason_and_written_values(url: str, run: Run) -> None:
    """Also of what a plan changes."""
    assert run("put", url, "app", "--value", "80", "--reason", "JIRA-7")
    assert run("replace", url, "80", "8080", "--yes", "--reason", "JIRA-8")
    records = run("log", url, "--json").records
    assert [(one["reason"], one.get("old_text"), one["new_text"]) for one in records] == [
        ("JIRA-8", "80", "8080"),
        ("JIRA-7", None, "80"),
    ]


def test_find_searches_messages_by_their_fields(url: str, run: Run, tmp_path: Path) -> None:
    """A field's name is no part of the bytes."""
    (tmp_path / "shop.proto").write_text('syntax = "proto3"; message Order { string id = 1; int32 amount = 2; }')
    rules = tmp_path / "codecs.toml"
    rules.write_text('version = 1\n[[map]]\nkey = "**"\ntype = "Order"\n')
    schemas = ("--proto", str(tmp_path / "shop.proto"), "--codecs", str(rules))
    text = tmp_path / "order.txt"
    text.write_text('id: "7"\namount: 12\n')
    words = ("put", url, "order", "--type", "Order", "--file", str(text), "--proto", str(tmp_path / "shop.proto"))
    assert run(*words)
    result = run("find", url, "--value", "amount: 12", "--json", *schemas)
    assert result.records == [{"key": "order", "where": "value", "match": "amount: 12"}]
