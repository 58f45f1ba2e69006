"""Output of a widget: what is saved with a notebook and shown where no kernel runs."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from explorer.config import Profile
from explorer.model.address import Access
from explorer.model.errors import InvalidAddress
from tests.widgets.conftest import SharedMemory
from widgets import Explorer, KeyTree, passwords
from widgets.passwords import with_password

Make = Callable[..., Any]
_URL = "etcd://reader@host:2379/config/"


def html_of(widget: Any) -> str:
    """Return the output for a page without a kernel, once everything was read."""
    widget._live.wait_first_rows(10)  # noqa: SLF001 - a display waits for less
    bundle, _ = widget._repr_mimebundle_()
    return str(bundle["text/html"])


def test_output_has_names_of_the_top_level_only(make: Make, memory: SharedMemory) -> None:
    """Names are escaped, and what is below a folder and the values are left out."""
    memory.put("folder/secret-key", b"secret-value")
    memory.put("<script>alert(1)</script>", b"secret-value")
    memory.put("\u202eevil", b"secret-value")
    html = html_of(make(Explorer, "memory:"))
    assert "<code>folder/</code>" in html
    assert "&lt;script&gt;alert(1)&lt;" in html
    assert "<script" not in html
    assert "\u202e" not in html
    assert "secret" not in html


def test_values_are_in_the_output_only_when_asked_for(make: Make, memory: SharedMemory) -> None:
    memory.put("a", b"<b>value</b>" + b"x" * 100)
    html = html_of(make(KeyTree, "memory:", save_values=True))
    assert "<code>&lt;b&gt;value&lt;/b&gt;xxx" in html
    assert "x…</code>" in html
    assert "value" not in html_of(make(KeyTree, "memory:"))


def test_output_counts_what_it_leaves_out(make: Make, memory: SharedMemory) -> None:
    for number in range(25):
        memory.put(f"k{number:02}")
    html = html_of(make(KeyTree, "memory:"))
    assert "25 keys or folders loaded" in html
    assert "and 5 more" in html


def test_closed_widget_shows_that_it_is_closed(make: Make, memory: SharedMemory) -> None:
    memory.put("a")
    widget = make(Explorer, "memory:")
    widget.close()
    assert repr(widget).endswith("(closed)>")


def test_password_is_asked_for_in_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "hunter2"

    monkeypatch.setattr(passwords, "getpass", answer)
    profile = with_password(Profile(_URL), "prompt")
    assert asked == ["Password of reader@etcd://host:2379/config/: "]
    assert profile.access.user == "reader"
    assert profile.access.password is not None
    assert profile.access.password.reveal() == "hunter2"
    assert "hunter2" not in repr(profile)


def test_password_comes_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake keyring, because a machine of tests has none."""
    keyring = ModuleType("keyring")
    kept = {("keyscope", "writer@etcd://host:2379/config/"): "hunter2"}
    monkeypatch.setattr(keyring, "get_password", lambda service, name: kept.get((service, name)), raising=False)
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    profile = with_password(Profile("etcd://host:2379/config/", Access(user="writer")), "keyring")
    assert profile.access.password is not None
    assert profile.access.password.reveal() == "hunter2"
    with pytest.raises(InvalidAddress, match="no password of reader@etcd"):
        with_password(Profile(_URL), "keyring")


def test_missing_keyring_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ModuleNotFoundError, match="pip install keyring"):
        with_password(Profile(_URL), "keyring")


def test_password_without_a_user_is_refused() -> None:
    with pytest.raises(InvalidAddress, match="no user"):
        with_password(Profile("etcd://host:2379/"), "prompt")
