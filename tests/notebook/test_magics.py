"""The magic `%kv` in a real kernel: verbs with their safety, errors as one line, completion, interrupts."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio

import explorer
from explorer.blocking import BlockingStore
from explorer.cli.key_completion import KEYS_TIMEOUT
from tests.notebook.cell_error import CellError
from tests.notebook.kernel import Execution, Kernel
from tests.servers.etcd import EtcdServer
from tests.servers.waiting import eventually

SLACK = 5.0
"""Seconds that a busy machine may add to a limit."""
KEYS = ("app", "app/a", "app/b c", "col:on/x", "it's")


@pytest.fixture
def url(shared_etcd: EtcdServer, prefix: str) -> str:
    return f"etcd://{shared_etcd.address}/{prefix}"


@pytest.fixture
def store(url: str) -> Iterator[BlockingStore]:
    with explorer.connect(url) as opened:
        for key in KEYS:
            opened.put(key, json.dumps({"key": key}).encode())
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def used(shared_kernel: Kernel, store: BlockingStore, url: str) -> Kernel:
    """The kernel with the store in use."""
    assert (await shared_kernel.execute(f"%kv use {url}")).text == f"using {store.address.redacted}\n"
    return shared_kernel


def streams(execution: Execution, name: str) -> str:
    """Return the text that a cell printed to standard output or standard error."""
    return "".join(output["text"] for output in execution.outputs if output.get("name") == name)


async def failure(kernel: Kernel, code: str) -> str:
    """Run a cell that fails and return all that it shows."""
    with pytest.raises(CellError) as error:
        await kernel.execute(code)
    return str(error.value)


class TestVerbs:
    async def test_ls_and_get_show_the_store(self, used: Kernel) -> None:
        assert (await used.execute("%kv ls -r")).text.splitlines() == sorted(KEYS)
        assert (await used.execute("%kv ls app")).text.splitlines() == ["a", "b c"]
        assert json.loads((await used.execute("%kv get 'app/b c' --as json")).text) == {"key": "app/b c"}
        assert json.loads((await used.execute("%kv get app --json")).text)["key"] == "app"

    async def test_put_is_guarded_as_in_the_command(self, used: Kernel, store: BlockingStore) -> None:
        """A key is only created unless a revision or --force is given; braces and dollars reach the store."""
        shown = await failure(used, "%kv put app --value x")
        assert shown.startswith("keyscope: ")
        assert "--if-revision" in shown
        assert shown.endswith("(exit code 4)")
        revision = store.get("app").revision
        await used.execute(f"""%kv put app --if-revision {revision} --value '{{"a": "$HOME {{x}}"}}'""")
        assert store.get("app").value == b'{"a": "$HOME {x}"}'
        await used.execute("%%kv put new\nline one\n\n  two\n")
        assert store.get("new").value == b"line one\n\n  two"
        assert "no value" in await failure(used, "%kv put newer")
        assert "not used" in await failure(used, "%%kv put newer --value x\ntext\n")
        assert "not used" in await failure(used, "%%kv ls\ntext\n")
        assert not store.exists("newer")

    async def test_codecs_lists_presets_with_and_without_a_store(
        self, shared_kernel: Kernel, store: BlockingStore, url: str
    ) -> None:
        """In the remembered store it looks for keys that a preset is for."""
        store.put("service/batman/leader", b"postgres0")
        await shared_kernel.execute(f"%kv use {url}")
        listed = (await shared_kernel.execute("%kv codecs list")).text
        assert "patroni" in listed
        alone = (await shared_kernel.execute(f"%kv codecs list {url} --json")).text
        assert '"in_use": false' in alone or '"in_use":false' in alone

    async def test_rm_asks_for_a_confirming_option(self, used: Kernel, store: BlockingStore) -> None:
        assert "--yes" in await failure(used, "%kv rm app")
        assert store.exists("app")
        assert (await used.execute("%kv rm app --yes")).text == "deleted app\n"
        assert not store.exists("app")

    async def test_locks_history_and_doctor(self, used: Kernel, store: BlockingStore) -> None:
        store.put("app", b"two")
        assert len((await used.execute("%kv history app")).text.splitlines()) == 2
        with store.lock("jobs"):
            assert "jobs" in (await used.execute("%kv locks")).text
        assert streams(await used.execute("%kv locks"), "stderr") == "no locks\n"
        assert "ok" in (await used.execute("%kv doctor")).text

    async def test_another_store_is_named_in_the_line(self, used: Kernel, store: BlockingStore) -> None:
        assert "service/" in (await used.execute("%kv ls demo:?still")).text
        assert "locks/" in (await used.execute("%kv ls --limit 100 demo:?still")).text
        assert (await used.execute("%kv use")).text == f"using {store.address.redacted}\n"

    async def test_help_is_the_commands(self, shared_kernel: Kernel) -> None:
        assert "--if-revision" in (await shared_kernel.execute("%kv put --help")).text
        assert "%kv use" in (await shared_kernel.execute("%kv")).text
        assert "%kv use" in (await shared_kernel.execute("%kv --help")).text

    async def test_output_of_a_cell_is_sanitized(self, used: Kernel, store: BlockingStore) -> None:
        store.put("app", b"\x1b[31m\xff")
        shown = await used.execute("%kv get app")
        assert streams(shown, "stdout") == "\\x1b[31m\\xff\n"
        assert "not UTF-8" in streams(shown, "stderr")
        assert "no raw bytes" in await failure(used, "%kv get app --as raw")


class TestUse:
    async def test_use_takes_variables_and_schemas(
        self, shared_kernel: Kernel, store: BlockingStore, url: str, tmp_path: Path
    ) -> None:
        """Variables as in IPython's own magics; options about schemas hold for the verbs that have them."""
        schema, rules = tmp_path / "m.proto", tmp_path / "codecs.toml"
        schema.write_text('syntax = "proto3"; message M { string name = 1; }')
        rules.write_text(f'version = 1\n[schemas.m]\npaths = "{schema}"\n[[map]]\nkey = "**/app"\ntype = "M"\n')
        store.put("app", b"\n\x01x")
        await shared_kernel.execute(f"place = {url!r}; files = {{'rules': {str(rules)!r}}}")
        used = await shared_kernel.execute('%kv use --codecs={files["rules"]} $place --timeout 7')
        assert used.text == f"using {store.address.redacted}\n"
        assert (await shared_kernel.execute("%kv ls")).text.splitlines()[0] == "app"
        assert (await shared_kernel.execute("%kv get app --as textproto")).text == 'name: "x"\n'
        assert "'app/b c'" in (await shared_kernel.complete("%kv get app/b"))["matches"]

    @pytest.mark.parametrize(
        ("line", "message"),
        [("use {nothing}", "NameError: name 'nothing' is not defined"), ("use demo: x", "too many")],
    )
    async def test_use_without_such_a_variable_fails(self, used: Kernel, line: str, message: str) -> None:
        shown = await failure(used, f"%kv {line}")
        assert message in shown
        assert shown.endswith("(exit code 2)")


class TestErrors:
    @pytest.mark.parametrize(
        ("line", "message", "code"),
        [
            ("get missing", "missing", 3),
            ("get", "KEY", 2),
            ("get a b c d", "too many arguments", 2),
            ("lock jobs -- make", "no verb 'lock'", 2),
            ("ls etcd://127.0.0.1:1/ --timeout 1", "127.0.0.1:1", 5),
            ("get 'a", "no closing quotation", 2),
            ("use nonsense", "nonsense", 2),
        ],
    )
    async def test_error_is_one_line_with_the_code(self, used: Kernel, line: str, message: str, code: int) -> None:
        shown = await failure(used, f"%kv {line}")
        assert shown.startswith("keyscope: ")
        assert message in shown
        assert shown.endswith(f"(exit code {code})")
        assert "\n" not in shown

    async def test_error_has_its_code_and_cause(self, used: Kernel) -> None:
        code = """
try:
    %kv get missing
except Exception as error:
    print(error.exit_code, type(error.__cause__).__name__)
"""
        assert (await used.execute(code)).text == "3 KeyNotFound\n"

    async def test_secret_of_the_url_is_not_shown(self, shared_kernel: Kernel) -> None:
        shown = await failure(shared_kernel, "%kv ls etcd://user:hunter2@127.0.0.1:1/ --timeout 1")
        assert "hunter2" not in shown


class TestInterrupt:
    async def test_interrupt_ends_a_watch(self, used: Kernel, store: BlockingStore) -> None:
        """The events come while the cell runs, and the kernel goes on after it."""
        watch = used.start("%kv watch app")
        await eventually(lambda: "watching from" in watch.text, "the watch has started")
        store.put("app/a", b"changed")
        await eventually(lambda: "put      app/a" in streams(watch, "stdout"), "the event is shown")
        await used.interrupt()
        await watch.wait()
        assert "error" not in {output["output_type"] for output in watch.outputs}
        assert (await used.execute("1 + 1")).text == "2"
        tasks = "import asyncio; from explorer.blocking.portal import portal\n"
        tasks += "async def names(): return [task.get_name() for task in asyncio.all_tasks()]\n"
        tasks += "print(any('watch' in name for name in portal().run(names())))"
        assert (await used.execute(tasks)).text == "False\n"

    async def test_interrupt_of_another_verb_is_raised(self, used: Kernel) -> None:
        """A server that never answers holds up `ls`: Consul's, as gRPC gives a connection up after a second."""
        silent = "import socket; silent = socket.create_server(('127.0.0.1', 0)); print(silent.getsockname()[1])"
        port = int((await used.execute(silent)).text)
        ls = used.start(f"print('begun', flush=True)\n%kv ls consul://127.0.0.1:{port}/ --timeout 600")
        await eventually(lambda: "begun" in ls.text, "the cell has begun")
        await used.interrupt()
        with pytest.raises(CellError, match="KeyboardInterrupt"):
            await ls.wait()

    async def test_watch_ends_at_its_count(self, used: Kernel, store: BlockingStore) -> None:
        since = store.get("app").revision
        shown = await used.execute(f"%kv watch '' --since {since} --count 2")
        assert [line.split()[1] for line in streams(shown, "stdout").splitlines()] == ["app/a", "app/b"]


class TestCompletion:
    @pytest.mark.parametrize(
        ("line", "matches"),
        [
            ("%kv get app", ["app", "app/"]),
            ("%kv get app/", ["app/a", "'app/b c'"]),
            ("%kv get 'app/b", ["'app/b c'"]),
            ("%%kv put col:", ["col:on/"]),
            ("%kv get col:on/", ["col:on/x"]),
            ("x = %kv get it", ["'it'\"'\"'s'"]),
            ("%kv wat", ["watch"]),
            ("%kv get app --as hex", ["hex"]),
            ("%kv lo", ["locks"]),
        ],
    )
    async def test_words_are_completed_in_place(self, used: Kernel, line: str, matches: list[str]) -> None:
        reply = await used.complete(line)
        assert reply["matches"] == matches
        typed = line[reply["cursor_start"] : reply["cursor_end"]]
        assert not typed or line.endswith(f" {typed}")

    async def test_store_of_the_line_is_completed(self, used: Kernel) -> None:
        assert "demo:" in (await used.complete("%kv use de"))["matches"]
        assert (await used.complete("%kv get demo:?still serv"))["matches"] == ["service/"]

    async def test_store_that_does_not_answer_takes_a_second(self, used: Kernel) -> None:
        silent = "import socket; dumb = socket.create_server(('127.0.0.1', 0)); print(dumb.getsockname()[1])"
        port = int((await used.execute(silent)).text)
        start = time.monotonic()
        assert (await used.complete(f"%kv get etcd://127.0.0.1:{port}/ a"))["matches"] == ["a"]
        assert time.monotonic() - start < KEYS_TIMEOUT + SLACK

    @pytest.mark.parametrize(
        "line", ["%kv get app/nothing", "%kv put missing --value a", "%kv nothing a", "%kv get x "]
    )
    async def test_names_of_python_are_not_offered(self, used: Kernel, line: str) -> None:
        assert (await used.complete(line))["matches"] == [line.rpartition(" ")[2]]


class TestExtension:
    async def test_extension_can_be_reloaded_and_unloaded(self, shared_kernel: Kernel) -> None:
        await shared_kernel.execute("%reload_ext explorer")
        assert (await shared_kernel.execute("%kv use")).text == "using no store\n"
        assert (await shared_kernel.complete("%kv wat"))["matches"] == ["watch"]
        await shared_kernel.execute("%unload_ext explorer")
        with pytest.raises(CellError):
            await shared_kernel.execute("%kv use")
        await shared_kernel.execute("%load_ext explorer")
        assert "%kv use" in (await shared_kernel.execute("%kv")).text
