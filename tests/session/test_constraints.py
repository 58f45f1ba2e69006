"""An edit whose value breaks constraints is saved only after each was overridden by its name."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from explorer.codecs.settings import read
from explorer.drivers.base import Store
from explorer.model.write_reason import current_write_reason
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Conflicted, Drafting, Reviewing, Saved
from explorer.session.session import Session
from tests.servers.waiting import eventually
from tests.session.fixtures import PATIENCE, Place, edit_state, editing, opened

RULES = """\
version = 1
[[constraint]]
name = "replicas"
key = "**"
path = "replicas"
maximum = 5
[[constraint]]
name = "small"
key = "**"
max_size = 20
"""


@asynccontextmanager
async def constrained(folder: Path, value: bytes, text: str) -> AsyncGenerator[tuple[Edit, Session, Store], None]:
    """Open an edit with a text, of a key with constraints."""
    file = folder / "codecs.toml"
    file.write_text(RULES)
    place = Place()
    async with place.other() as other, opened(place, codecs=Codecs(constraints=read(file).constraints)) as session:
        await other.put("key", value)
        edit = await editing(session, "key")
        edit.set_text(text)
        yield edit, session, other


async def test_violations_are_shown_while_typing(tmp_path: Path) -> None:
    async with constrained(tmp_path, b'{"replicas": 1}', '{"replicas": 7}') as (edit, session, _):
        await session.idle()
        assert isinstance(edit.state, Drafting)
        assert [str(one) for one in edit.state.violations] == ["replicas: replicas: 7 is greater than 5"]
        edit.set_text('{"replicas": 5}')
        await session.idle()
        assert edit_state(session) == Drafting(changed=True, checked=True)


async def test_save_is_blocked_until_each_is_overridden(tmp_path: Path) -> None:
    """Each by its name; the reviewed bytes are saved, and the reason is given to the journal."""
    async with constrained(tmp_path, b"{}", '{"replicas":      7}\n\n\n\n') as (edit, session, other):
        await session.run("save")
        state = edit.state
        assert isinstance(state, Reviewing)
        assert state.blocking(frozenset()) == ("replicas", "small")
        for name in ("", "other", "replicas"):
            edit.override([name])
            await session.run("save")
            assert edit_state(session) is state
        assert (await other.get("key")).value == b"{}"
        edit.override(["small"])
        await session.run("save")
        assert isinstance(edit_state(session), Saved)
        assert (await other.get("key")).value == state.encoded.value
    assert current_write_reason() == ""


async def test_change_of_the_text_takes_overrides_back(tmp_path: Path) -> None:
    async with constrained(tmp_path, b"{}", '{"replicas": 7}') as (edit, session, other):
        edit.override(["replicas"])
        edit.set_text('{"replicas": 70}')
        await session.run("save")
        await session.run("save")
        assert isinstance(edit_state(session), Reviewing)
        assert (await other.get("key")).value == b"{}"


async def test_conflict_is_shown_before_an_override_is_asked_for(tmp_path: Path) -> None:
    """After a merge, another text is saved."""
    async with constrained(tmp_path, b'{"replicas": 1}', '{"replicas": 7}') as (edit, session, other):
        await session.run("save")
        assert list(edit.blocking) == ["replicas"]
        await other.put("key", b'{"replicas": 2}')
        await eventually(lambda: edit.theirs is not None, "their change is noted", PATIENCE)
        assert not edit.blocking
        await session.run("save")
        assert isinstance(edit_state(session), Conflicted)


@pytest.mark.parametrize("is_overridden", [False, True])
async def test_keep_mine_is_reviewed_if_it_breaks_one(tmp_path: Path, *, is_overridden: bool) -> None:
    """A conflict is no way around: mine is shown for review, and then replaces theirs."""
    async with constrained(tmp_path, b'{"replicas": 1}', '{"replicas": 7}') as (edit, session, other):
        await session.run("save")
        await other.put("key", b'{"replicas": 2}')
        edit.override(["replicas"])
        await session.run("save")
        assert isinstance(edit_state(session), Conflicted)
        if not is_overridden:
            edit.overridden = frozenset()
        await edit.keep_mine()
        if not is_overridden:
            assert isinstance(edit_state(session), Reviewing)
            assert (await other.get("key")).value == b'{"replicas": 2}'
            edit.override(["replicas"])
            await session.run("save")
        assert isinstance(edit_state(session), Saved)
        assert (await other.get("key")).value == b'{"replicas": 7}'
