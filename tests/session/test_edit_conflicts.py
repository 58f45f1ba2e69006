"""A conflict shows base, theirs and mine, and overwrites nothing that was not seen."""

import asyncio
from contextlib import AsyncExitStack
from math import inf

import pytest

from explorer.drivers.base import Store
from explorer.session.editing.edit_states import Conflicted, Reviewing, Saved
from explorer.session.session import Session
from tests.session.fixtures import Place, edit_state, editing, opened, save


async def conflicted(session: Session, other: Store) -> Conflicted:
    """Bring about a conflict: both changed a line of three, different ones."""
    await other.put("key", b"one\ntwo\nthree\n")
    edit = await editing(session, "key")
    await other.put("key", b"ONE\ntwo\nthree\n")
    edit.set_text("one\ntwo\nTHREE\n")
    await save(edit)
    assert isinstance(edit.state, Conflicted)
    return edit.state


async def test_conflict_has_base_mine_theirs_and_merge() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        met = await conflicted(session, other)
        assert met.base is not None
        assert met.theirs is not None
        assert met.merge is not None
        assert (met.base.value, met.mine, met.theirs.value, met.merge.text) == (
            b"one\ntwo\nthree\n",
            "one\ntwo\nTHREE\n",
            b"ONE\ntwo\nthree\n",
            "ONE\ntwo\nTHREE\n",
        )
        assert met.merge.conflicts == ()
        assert (await other.get("key")).value == b"ONE\ntwo\nthree\n"


async def test_use_merged_saves_the_merge_on_theirs() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await conflicted(session, other)
        await session.run("use-merged")
        assert session.disabled_reason("keep-mine") == "there is no conflict"
        await session.run("save")
        assert isinstance(edit_state(session), Reviewing)
        await session.run("save")
        assert isinstance(edit_state(session), Saved)
        assert (await other.get("key")).value == b"ONE\ntwo\nTHREE\n"


async def test_keep_mine_replaces_the_shown_value_only() -> None:
    """A later change than the one shown is another conflict."""
    place = Place()
    async with place.other() as other, opened(place) as session:
        await conflicted(session, other)
        await other.put("key", b"later\n")
        await session.run("keep-mine")
        again = edit_state(session)
        assert isinstance(again, Conflicted)
        assert again.theirs is not None
        assert again.theirs.value == b"later\n"
        await session.run("keep-mine")
        assert isinstance(edit_state(session), Saved)
        assert (await other.get("key")).value == b"one\ntwo\nTHREE\n"


async def test_take_theirs_closes_the_edit_and_writes_nothing() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await conflicted(session, other)
        await session.run("take-theirs")
        await session.idle()
        assert session.current_edit is None
        reading = session.detail.loaded
        assert reading is not None
        assert reading.entry.value == b"ONE\ntwo\nthree\n"


async def test_take_theirs_while_frozen_reads_the_value_again() -> None:
    """No event shows the other client's value while the display is frozen; taking theirs does."""
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"one")
        edit = await editing(session, "key")
        edit.set_text("mine")
        await session.run("freeze")
        await other.put("key", b"theirs")
        await save(edit)
        assert isinstance(edit.state, Conflicted)
        await session.run("take-theirs")
        await session.idle()
        assert session.current_edit is None
        assert session.detail.loaded is not None
        assert session.detail.loaded.entry.value == b"theirs"


async def test_keep_mine_recreates_a_deleted_key() -> None:
    """A key that was deleted meanwhile is created again only after that was shown."""
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"text")
        edit = await editing(session, "key")
        await other.delete("key")
        edit.set_text("mine")
        await save(edit)
        assert isinstance(edit.state, Conflicted)
        assert (edit.state.theirs, edit.state.reason) == (None, "the key is gone")
        await edit.keep_mine()
        assert (await other.get("key")).value == b"mine"


async def test_save_on_a_recreated_key_is_a_conflict() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"text")
        edit = await editing(session, "key")
        await other.delete("key")
        await other.put("key", b"text")
        edit.set_text("mine")
        await save(edit)
        assert isinstance(edit.state, Conflicted)


async def test_create_of_an_existing_key_is_a_conflict() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        edit = await session.create("fresh")
        edit.set_text("text")
        await session.run("save")
        assert isinstance(edit.state, Reviewing)
        assert [str(line) for line in edit.state.diff] == ["@@ -0,0 +1 @@", "+text"]
        await other.put("fresh", b"theirs")
        await session.run("save")
        met = edit.state
        assert isinstance(met, Conflicted)
        assert (met.base, met.reason) == (None, "the key was created by another client")
        assert (await other.get("fresh")).value == b"theirs"


@pytest.mark.heavy
async def test_eight_sessions_editing_one_key_lose_nothing() -> None:
    """Each counts up a line of its own; whoever meets a conflict goes on with both changes."""
    editors, rounds = 8, 8
    place = Place()
    async with place.other() as other, AsyncExitStack() as stack:
        await other.put("key", _counts([0] * editors), ttl=inf)
        sessions = [await stack.enter_async_context(opened(place)) for _ in range(editors)]
        async with asyncio.TaskGroup() as group:
            counting = [
                group.create_task(_count_up(session, f"editor-{number}", rounds))
                for number, session in enumerate(sessions)
            ]
        found = await other.get("key")
        assert found.value == _counts([rounds] * editors)
        assert found.version == 1 + editors * rounds
        assert sum(task.result() for task in counting) > rounds


def _counts(counts: list[int]) -> bytes:
    return "".join(f"editor-{number}: {count}\n\n----\n\n" for number, count in enumerate(counts)).encode()


async def _count_up(session: Session, name: str, rounds: int) -> int:
    """Save so many times, and give how many conflicts that met."""
    conflicts = 0
    for number in range(rounds):
        session.select(None)
        edit = await editing(session, "key")
        edit.set_text(edit.text.replace(f"{name}: {number}", f"{name}: {number + 1}"))
        await save(edit)
        while isinstance(edit.state, Conflicted):
            conflicts += 1
            assert edit.state.merge is not None
            assert edit.state.merge.conflicts == ()
            await edit.use_merged()
            await save(edit)
        assert isinstance(edit.state, Saved)
        await session.editor.leave()
    return conflicts
