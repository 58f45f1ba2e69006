"""The command with real etcds of every version: results, and each failure as one line with its exit code."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.cli.run_command import Result, Run, Running, run_process
from tests.servers.certificates import Certificates, KeyPair
from tests.servers.etcd import VERSIONS, EtcdServer, Grant, Tls
from tests.servers.fixtures import certificates, etcd_version, own_etcd

__all__ = ["certificates", "etcd_version", "own_etcd"]

pytestmark = pytest.mark.servers

SECRET = "hunter2-and-more"  # noqa: S105 - of a server that lives for a test


@pytest.fixture
def url(shared_etcd: EtcdServer, prefix: str) -> str:
    return f"etcd://{shared_etcd.address}/{prefix}"


@pytest.fixture
def run(etcd_version: str, run_here: Run) -> Run:
    """Return the command: a process with the newest etcd, in this process, which is cheaper, with the older ones."""
    return run_process if etcd_version == VERSIONS[-1] else run_here


def assert_failure(result: Result, code: int, *, message: str = "") -> None:
    """Check for one error line with the exit code, without traceback, secret and output."""
    assert (result.code, result.output) == (code, b""), result.error
    assert result.error.startswith("keyscope: ")
    assert result.error.count("\n") == 1
    assert message in result.error
    assert SECRET not in result.error


class TestKeys:
    def test_get_and_put_agree_with_etcdctl(self, shared_etcd: EtcdServer, url: str, prefix: str, run: Run) -> None:
        shared_etcd.ctl("put", f"{prefix}a", "from etcdctl")
        assert run("get", url, "a", "--as", "raw").output == b"from etcdctl"
        assert run("put", url, "b", stdin=b"\x00from keyscope\xff")
        assert (
            shared_etcd.ctl("get", "--print-value-only", f"{prefix}b").removesuffix("\n") == "\x00from keyscope\udcff"
        )

    def test_put_is_guarded_by_the_revision(self, url: str, run: Run) -> None:
        first = run("put", url, "k", "--value", "one").output.decode().strip()
        assert run("put", url, "k", "--value", "two", "--if-revision", first)
        assert_failure(run("put", url, "k", "--value", "x", "--if-revision", first), 4, message="--if-revision")
        assert_failure(run("put", url, "k", "--value", "x"), 4, message="--force")
        assert [entry["text"] for entry in run("history", url, "k", "--json").records] == ["two", "one"]

    def test_escaped_keys_are_printed_as_they_are_read(self, shared_etcd: EtcdServer, url: str, run: Run) -> None:
        """A backslash is no escape of the output: what `ls`, `watch` and `locks` print names the same key again."""
        spelled = {r"\\x41": r"\x41", "A": "A", r"\u{85}\xff": "\x85\udcff"}
        since = shared_etcd.revision()  # a test of compaction may drop what is older on the shared server
        for key, given in spelled.items():
            assert run("put", url, given, "--value", given)
            assert run("get", url, key, "--escaped", "--as", "raw").output.decode(errors="surrogateescape") == given
        assert set(run("ls", url, "--escaped").lines) == set(spelled)
        assert set(run("ls", url, "--escaped", "-r").lines) == set(spelled)
        result = run("watch", url, "", "--escaped", "--since", str(since), "--count", "3").lines
        assert {line.split()[1] for line in result} == set(spelled)

    def test_ls_lists_every_page(self, shared_etcd: EtcdServer, url: str, prefix: str, run: Run) -> None:
        keys = [f"n/{number:04}" for number in range(2100)]
        shared_etcd.put_keys(f"{prefix}{key}" for key in keys)
        assert run("ls", url, "-r").lines == keys
        assert run("ls", url, "n").lines == [key.removeprefix("n/") for key in keys]
        assert run("rm", url, "n", "-r", "--yes").output == b"deleted 2100 below 'n/'\n"

    def test_watch_prints_events_as_they_happen(self, shared_etcd: EtcdServer, url: str, prefix: str) -> None:
        with Running("watch", url, "a", "--json", "--count", "3") as running:
            assert running.note().startswith("watching from revision ")
            shared_etcd.ctl("put", f"{prefix}a", "one")
            assert '"text": "one"' in running.line()
            shared_etcd.ctl("put", f"{prefix}a/b", "two")
            assert '"text": "two"' in running.line()
            shared_etcd.ctl("del", f"{prefix}a")
            assert running.end().record["previous_text"] == "one"

    def test_watch_survives_a_server_restart(self, own_etcd: EtcdServer) -> None:
        with Running("watch", f"etcd://{own_etcd.address}/", "", "--json", "--count", "1") as running:
            assert running.note().startswith("watching from revision ")
            own_etcd.kill()
            assert '"lost"' in running.line()
            own_etcd.start()
            own_etcd.ctl("put", "a", "after")
            result = running.end()
        assert [event["type"] for event in result.records] == ["restored", "put"]

    def test_variables_of_etcdctl_are_used(self, shared_etcd: EtcdServer, prefix: str) -> None:
        shared_etcd.ctl("put", f"{prefix}k", "v")
        result = run_process("get", f"etcd:///{prefix}", "k", ETCDCTL_ENDPOINTS=shared_etcd.url)
        assert result.output == b"v\n", result.error

    def test_doctor_finds_status_and_contents(self, shared_etcd: EtcdServer, url: str, prefix: str, run: Run) -> None:
        shared_etcd.ctl("put", f"{prefix}k", "v")
        result = run("doctor", url, "--json").record
        assert result["healthy"]
        assert result["status"]["version"].startswith(shared_etcd.version)
        assert result["contents"] is True
        missing = run("doctor", url.replace(f"{shared_etcd.address}//", f"{shared_etcd.address}/"))
        assert missing.lines[-1].endswith(f"but there is below {url}")

    @pytest.mark.parametrize("etcd_version", VERSIONS[-1:])
    def test_rule_that_matches_no_key_is_reported(self, url: str, prefix: str, tmp_path: Path) -> None:
        """Patterns match whole keys, also below the path of the URL: a rule without it would do nothing in silence."""
        rules = tmp_path / "keyscope" / "codecs.toml"
        rules.parent.mkdir()
        rules.write_text(
            "version = 1\n" + "".join(f'[[map]]\nkey = "{key}"\ncodec = "json"\n' for key in ("a/{b}", "**"))
        )
        line = f"rule 1 of codecs.toml: a/{{b}} matches no key here: each begins with {prefix}"
        assert line in run_process("codecs", "list", url, "--codecs", str(rules)).error
        findings = run_process("doctor", url, XDG_CONFIG_HOME=str(tmp_path)).lines
        assert [finding for finding in findings if "codecs" in finding] == [f"note codecs       {line}"]


class TestFailures:
    def test_connection_refused_exits_5(self) -> None:
        assert_failure(run_process("ls", "etcd://127.0.0.1:1/", "--timeout", "1"), 5)

    def test_silent_server_exits_5(self, own_etcd: EtcdServer, run: Run) -> None:
        own_etcd.pause()
        assert_failure(run("ls", f"etcd://{own_etcd.address}/", "--timeout", "1"), 5)
        own_etcd.resume()

    @pytest.mark.parametrize("etcd_version", ["3.5"])  # waits for the client's keepalive, which takes seconds
    def test_watch_of_a_paused_server_is_lost_and_restored(self, own_etcd: EtcdServer) -> None:
        with Running("watch", f"etcd://{own_etcd.address}/", "", "--json") as running:
            running.note()
            own_etcd.pause()
            assert '"lost"' in running.line()
            own_etcd.resume()
            assert '"restored"' in running.line()

    def test_history_after_compaction_is_the_current_entry(
        self, shared_etcd: EtcdServer, url: str, prefix: str, run: Run
    ) -> None:
        shared_etcd.ctl("put", f"{prefix}k", "one")
        shared_etcd.ctl("put", f"{prefix}k", "two")
        shared_etcd.compact()
        assert [entry["text"] for entry in run("history", url, "k", "--json").records] == ["two"]

    def test_put_without_space_exits_1(self, etcd_version: str, run: Run) -> None:
        with EtcdServer(etcd_version, quota_bytes=2_000_000) as server:
            server.fill_up()
            url = f"etcd://{server.address}/"
            assert_failure(run("put", url, "k", "--value", "x" * 10_000), 1)
            assert run("get", url, "/full/0", "--as", "raw").output == b"x" * 500_000
            findings = run("doctor", url)
            assert any(line.startswith("bad  complaint") for line in findings.lines), findings.lines
            assert findings.code == 1

    def test_put_of_a_too_large_value_exits_1(self, url: str, run: Run) -> None:
        assert_failure(run("put", url, "k", stdin=b"x" * 3_000_000), 1)


class TestAuthentication:
    @pytest.fixture(scope="class", params=VERSIONS)
    def etcd_version(self, request: pytest.FixtureRequest) -> str:
        """Each etcd version, on one server with users."""
        version: str = request.param
        return version

    @pytest.fixture(scope="class")
    def guarded(self, etcd_version: str) -> Iterator[EtcdServer]:
        with EtcdServer(etcd_version) as server:
            server.put_keys(["/mine/a", "/other/a"])
            server.add_user("reader", SECRET, [Grant("read", "/mine/")])
            server.enable_auth("root")
            yield server

    @pytest.fixture
    def password_file(self, tmp_path: Path) -> Callable[[str], str]:
        def write(text: str) -> str:
            file = tmp_path / "password"
            file.write_text(text)
            file.chmod(0o600)
            return str(file)

        return write

    def test_user_of_one_prefix_is_denied_elsewhere(
        self, guarded: EtcdServer, password_file: Callable[[str], str], run: Run
    ) -> None:
        options = ("--user", "reader", "--password-file", password_file(SECRET))
        url = f"etcd://{guarded.address}/"
        assert run("get", url, "/mine/a", *options).output == b"v\n"
        assert run("ls", url, "/mine", *options).lines == ["a"]
        assert_failure(run("get", url, "/other/a", *options), 6)
        assert_failure(run("ls", url, *options), 6)
        assert_failure(run("put", url, "/mine/a", "--value", "x", "--force", *options), 6)
        assert run("ls", f"{url}/mine", *options).lines == ["a"]

    def test_no_user_and_wrong_password_are_denied(
        self, guarded: EtcdServer, password_file: Callable[[str], str], run: Run
    ) -> None:
        url = f"etcd://{guarded.address}/"
        assert_failure(run("get", url, "/mine/a"), 6)
        wrong = ("--user", "reader", "--password-file", password_file(f"{SECRET}-not"))
        assert_failure(run("get", url, "/mine/a", *wrong), 6)

    def test_password_in_the_url_is_used_with_a_warning(self, guarded: EtcdServer, run: Run) -> None:
        result = run("get", f"etcd://reader:{SECRET}@{guarded.address}/", "/mine/a")
        assert result.output == b"v\n"
        assert result.error.startswith("keyscope: a password in a URL")
        assert SECRET not in result.error

    def test_profile_has_url_and_credentials(
        self, guarded: EtcdServer, password_file: Callable[[str], str], tmp_path: Path
    ) -> None:
        config = tmp_path / "keyscope" / "config.toml"
        config.parent.mkdir()
        config.write_text(
            f'[profiles.here]\nurl = "etcd://{guarded.address}//mine/"\nuser = "reader"\n'
            f'password_file = "{password_file(SECRET)}"\n'
        )
        assert run_process("ls", "@here", XDG_CONFIG_HOME=str(tmp_path)).lines == ["a"]


class TestTls:
    """One version is enough: the driver is tested with all of them."""

    @pytest.fixture(scope="class")
    def start(self, certificates: Certificates) -> Iterator[Callable[[KeyPair], str]]:
        with ExitStack() as servers:

            @cache
            def start(shows: KeyPair) -> str:
                server = servers.enter_context(EtcdServer("3.5", tls=Tls(certificates.ca_file, shows)))
                return f"etcd+tls://{server.address}/"

            yield start

    def test_tls_with_the_right_ca(self, start: Callable[[KeyPair], str], certificates: Certificates) -> None:
        url = start(certificates.server)
        assert run_process("put", url, "k", "--value", "v", "--cacert", str(certificates.ca_file))

    def test_tls_with_the_wrong_ca_exits_5(self, start: Callable[[KeyPair], str], certificates: Certificates) -> None:
        url = start(certificates.server)
        wrong = ("--cacert", str(certificates.other_authority), "--timeout", "3")
        assert_failure(run_process("ls", url, *wrong), 5)

    @pytest.mark.parametrize("shown", ["wrong_name", "expired"])
    def test_tls_with_a_bad_certificate_exits_5(
        self, start: Callable[[KeyPair], str], certificates: Certificates, shown: str
    ) -> None:
        url = start(getattr(certificates, shown))
        assert_failure(run_process("ls", url, "--cacert", str(certificates.ca_file), "--timeout", "3"), 5)

    def test_tls_with_a_missing_ca_file_names_it(
        self, start: Callable[[KeyPair], str], certificates: Certificates
    ) -> None:
        result = run_process("ls", start(certificates.server), "--cacert", "/nowhere/ca.pem")
        assert result.code != 0
        assert_failure(result, result.code, message="/nowhere/ca.pem")
