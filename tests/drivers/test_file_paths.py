"""Paths of the stores in files: `bolt:` and `file:` read their URLs alike."""

from pathlib import Path

import pytest

from explorer.drivers.common.settings import absolute_path, bool_option
from explorer.drivers.registry import make
from explorer.model.address import FILE_SCHEMES, parse
from explorer.model.errors import InvalidAddress


@pytest.mark.parametrize("scheme", FILE_SCHEMES)
@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("", "the URL names no file"),
        ("///", "the URL names no file"),
        ("///a%00b", "the URL names no file"),
        ("//host/x", "a file URL names no host"),
        ("+tls:///x", "a file URL names no host"),
        ("+unix:///x.sock", "a file URL names no host"),
    ],
)
def test_url_without_a_path_is_refused(scheme: str, rest: str, message: str) -> None:
    url = f"{scheme}{rest}" if rest.startswith("+") else f"{scheme}:{rest}"
    with pytest.raises(InvalidAddress) as caught:
        make(url)
    assert caught.value.message.startswith(message)
    assert caught.value.hint == f"write it like {scheme}:///path, with three slashes"


def test_relative_paths_begin_at_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    paths = {
        "file:x/y": tmp_path / "x/y",
        "file:./x": tmp_path / "x",
        "file:../x": tmp_path.parent / "x",
        "file:~/x": tmp_path / "home/x",
        "file:/x/../y": Path("/y"),
        "file:///x": Path("/x"),
        "file://localhost/x": Path("/x"),
    }
    assert {url: absolute_path(parse(url).path) for url in paths} == {url: str(path) for url, path in paths.items()}


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", False), ("?copy", True), ("?copy=", True), ("?copy=TRUE", True), ("?copy=1", True), ("?copy=false", False)],
)
def test_option_is_set_by_its_name(query: str, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert bool_option(parse(f"bolt:///x{query}"), "copy") is expected


def test_option_that_is_neither_is_refused() -> None:
    with pytest.raises(InvalidAddress, match="'maybe' is neither true nor false") as caught:
        bool_option(parse("bolt:///x?copy=maybe"), "copy")
    assert caught.value.hint == "?copy=true"
