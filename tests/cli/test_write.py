"""The verbs `put` and `rm`: guards, confirmation and output."""

from pathlib import Path

import pytest

from tests.cli.run_command import Run


class TestPut:
    def test_put_creates_and_prints_the_revision(self, keyscope: Run) -> None:
        assert keyscope("put", "memory:", "k", "--value", "v").output == b"2\n"
        assert keyscope("get", "memory:", "k", "--as", "raw").output == b"v"

    def test_put_existing_key_is_kept_and_its_revision_named(self, keyscope: Run) -> None:
        keyscope("put", "memory:", "k", "--value", "old")
        for words in ((), ("--create",)):
            result = keyscope("put", "memory:", "k", "--value", "new", *words)
            assert (result.code, result.output) == (4, b"")
            assert "--if-revision 2" in result.error
            assert "--force" in result.error
        assert keyscope("get", "memory:", "k", "--as", "raw").output == b"old"

    def test_put_if_revision_is_a_compare_and_swap(self, keyscope: Run) -> None:
        keyscope("put", "memory:", "k", "--value", "one")
        assert keyscope("put", "memory:", "k", "--value", "two", "--if-revision", "2").output == b"3\n"
        stale = keyscope("put", "memory:", "k", "--value", "three", "--if-revision", "2")
        assert stale.code == 4
        assert "--if-revision 3" in stale.error
        assert keyscope("get", "memory:", "k", "--as", "raw").output == b"two"

    def test_put_if_revision_of_a_deleted_key_exits_4(self, keyscope: Run) -> None:
        assert keyscope("put", "memory:", "k", "--value", "x", "--if-revision", "2").code == 4

    def test_put_force_replaces_any_value(self, keyscope: Run) -> None:
        keyscope("put", "memory:", "k", "--value", "old")
        assert keyscope("put", "memory:", "k", "--value", "new", "--force")
        assert keyscope("get", "memory:", "k", "--as", "raw").output == b"new"

    def test_put_json_is_the_entry_without_its_value(self, keyscope: Run) -> None:
        record = keyscope("put", "memory:", "k", "--value", "v", "--json").record
        assert record == {"key": "k", "revision": 2, "created": 2, "version": 1, "lease": None, "ttl": None}

    @pytest.mark.parametrize("value", [b"", b"\x00\xff\n", b"x" * 200_000], ids=["empty", "binary", "large"])
    def test_put_file_and_stdin_are_stored_unchanged(self, keyscope: Run, tmp_path: Path, value: bytes) -> None:
        source = tmp_path / "value"
        source.write_bytes(value)
        assert keyscope("put", "memory:", "file", "--file", str(source))
        assert keyscope("put", "memory:", "input", stdin=value)
        for key in ("file", "input"):
            assert keyscope("get", "memory:", key, "--as", "raw").output == value

    def test_put_empty_value(self, keyscope: Run) -> None:
        assert keyscope("put", "memory:", "k", "--value", "", stdin=b"not this")
        assert keyscope("get", "memory:", "k", "--as", "raw").output == b""

    def test_put_missing_file_is_one_error_line(self, keyscope: Run) -> None:
        result = keyscope("put", "memory:", "k", "--file", "/nowhere/x")
        assert result.code == 1
        assert result.error == "keyscope: '/nowhere/x': No such file or directory\n"

    def test_put_without_ttl_keeps_the_lease(self, keyscope: Run) -> None:
        keyscope("put", "memory:", "k", "--value", "one", "--ttl", "60")
        lease = keyscope("get", "memory:", "k", "--json").record["lease"]
        keyscope("put", "memory:", "k", "--value", "two", "--if-revision", "2")
        assert keyscope("get", "memory:", "k", "--json").record["lease"] == lease


class TestRm:
    @pytest.fixture(autouse=True)
    def _tree(self, keyscope: Run) -> None:
        for key in ("a", "a/b", "a/c/d", "ab"):
            assert keyscope("put", "memory:", key, "--value", "v")

    def left(self, keyscope: Run) -> list[str]:
        return keyscope("ls", "memory:", "-r").lines

    def test_rm_without_yes_and_terminal_deletes_nothing(self, keyscope: Run) -> None:
        for words in (("a",), ("a", "-r"), ("", "-r"), ("", "-r", "--if-revision", "5")):
            result = keyscope("rm", "memory:", *words)
            assert (result.code, result.output) == (2, b"")
            assert "--yes" in result.error
        assert self.left(keyscope) == ["a", "a/b", "a/c/d", "ab"]

    def test_rm_refusal_has_count_and_revision(self, keyscope: Run) -> None:
        refusal = keyscope("rm", "memory:", "a", "-r").error
        assert "2 entries below 'a/' at revision 5" in refusal
        assert "--if-revision 5" in refusal

    def test_rm_deletes_one_key_and_nothing_below_it(self, keyscope: Run) -> None:
        assert keyscope("rm", "memory:", "a", "--yes").output == b"deleted a\n"
        assert self.left(keyscope) == ["a/b", "a/c/d", "ab"]

    def test_rm_recursive_deletes_only_what_is_below(self, keyscope: Run) -> None:
        assert keyscope("rm", "memory:", "a", "-r", "--yes", "--json").record == {"prefix": "a/", "deleted": 2}
        assert self.left(keyscope) == ["a", "ab"]

    def test_rm_if_revision_deletes_without_asking(self, keyscope: Run) -> None:
        assert keyscope("rm", "memory:", "a", "--if-revision", "99").code == 4
        assert keyscope("rm", "memory:", "a", "--if-revision", "2")
        assert keyscope("rm", "memory:", "a", "--if-revision", "2").code == 3

    def test_rm_recursive_if_revision_keeps_a_changed_tree(self, keyscope: Run) -> None:
        keyscope("put", "memory:", "a/new", "--value", "v")
        result = keyscope("rm", "memory:", "a", "-r", "--if-revision", "5")
        assert result.code == 4
        assert "nothing was deleted" in result.error
        assert len(self.left(keyscope)) == 5
        assert keyscope("rm", "memory:", "a", "-r", "--if-revision", "6")

    def test_rm_of_the_whole_store_needs_recursive_and_yes(self, keyscope: Run) -> None:
        assert keyscope("rm", "memory:", "", "-r", "--yes").output == b"deleted 4 below memory:\n"
        assert self.left(keyscope) == []

    @pytest.mark.parametrize("words", [("nope", "--yes"), ("nope", "-r", "--yes"), ("nope", "-r")])
    def test_rm_missing_key_exits_3(self, keyscope: Run, words: tuple[str, ...]) -> None:
        assert keyscope("rm", "memory:", *words).code == 3
