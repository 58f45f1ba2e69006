"""A conflict shows base, theirs and mine, and overwrites nothing that was not seen."""

import asyncio
from contextlib import AsyncExitStack
from math import inf

import pytest

from explorer.codecs.base import MergeResult
from explorer.codecs.text.text import TextDocument
from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import NotReachable
from explorer.model.events import Put
from explorer.session.editing.edit_states import Conflicted, Refused, Reviewing, Saved
from explorer.session.session import Session
from tests.servers.waiting import eventually
from tests.session.failing_store import FailingPlace
from tests.session.fixtures import PATIENCE, Place, edit_state, editing, open_edit, opened, save, wait_for_value


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
    async with open_edit(Place(), b"one", "mine") as (edit, session, other):
        await session.run("freeze")
        await other.put("key", b"theirs")
        assert isinstance(await save(edit), Conflicted)
        await session.run("take-theirs")
        await session.idle()
        assert session.current_edit is None
        assert session.detail.loaded is not None
        assert session.detail.loaded.entry.value == b"theirs"


@pytest.mark.parametrize("is_outdated", [False, True])
async def test_text_typed_while_a_review_reads_is_saved(*, is_outdated: bool) -> None:
    """A review that has to ask the store first is of the text as it is when the answer comes, in a conflict as well."""
    place = FailingPlace()
    async with open_edit(place, b"one", "early") as (edit, _session, other):
        if is_outdated:
            await other.put("key", b"theirs")
        else:
            edit.on_event(Put(Entry("key", b"zero", 1)))  # an older event that comes late
        await wait_for_value(lambda: edit.theirs is not None, wanted=True)
        place.main.unread = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(edit.save())
            await eventually(lambda: place.main.readers == 1, "the review reads the key", PATIENCE)
            edit.set_text("late")
            place.main.unread.set()
        met = edit.state
        if is_outdated:
            assert isinstance(met, Conflicted)
            assert (met.mine, met.value) == ("late", b"late")
            await edit.keep_mine()
        else:
            assert isinstance(met, Reviewing)
            assert met.encoded.value == b"late"
            await edit.save()
        assert isinstance(edit.state, Saved)
        assert (await other.get("key")).value == b"late"


async def test_text_typed_while_a_conflict_is_compared_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison takes its time in a thread; what is typed meanwhile is in the conflict that is shown."""
    async with open_edit(Place(), b"one", "early") as (edit, _session, other):
        await other.put("key", b"theirs")
        await wait_for_value(lambda: edit.theirs is not None, wanted=True)
        merge = TextDocument.merge

        def merged(document: TextDocument, mine: str, theirs: bytes) -> MergeResult:
            edit.text = "late"
            return merge(document, mine, theirs)

        monkeypatch.setattr(TextDocument, "merge", merged)
        await edit.save()
        assert isinstance(edit.state, Conflicted)
        assert (edit.state.mine, edit.state.value) == ("late", b"late")


async def test_value_of_earlier_save_is_not_taken_for_later_text() -> None:
    """Another client wrote what could not be saved here; the text that was typed since is in conflict with it."""
    place = FailingPlace()
    async with open_edit(place, b"one", "early") as (edit, _session, other):
        place.main.failure = NotReachable("nothing was sent")
        assert isinstance(await save(edit), Refused)
        edit.set_text("late")
        await other.put("key", b"early")
        await wait_for_value(lambda: edit.theirs is not None, wanted=True)
        await save(edit)
        assert isinstance(edit.state, Conflicted)
        assert (edit.state.mine, edit.state.value) == ("late", b"late")


async def test_keep_mine_recreates_a_deleted_key() -> None:
    """A key that was deleted meanwhile is created again only after that was shown."""
    async with open_edit(Place(), b"text") as (edit, _session, other):
        await other.delete("key")
        edit.set_text("mine")
        await save(edit)
        assert isinstance(edit.state, Conflicted)
        assert (edit.state.theirs, edit.state.reason) == (None, "the key is gone")
        await edit.keep_mine()
        assert (await other.get("key")).value == b"mine"


async def test_save_on_a_recreated_key_is_a_conflict() -> None:
    async with open_edit(Place(), b"text") as (edit, _session, other):
        await other.delete("key")
        await other.put("key", b"text")
        edit.set_text("mine")
        assert isinstance(await save(edit), Conflicted)


async def test_create_of_an_existing_key_is_a_conflict() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        edit = await session.create("fresh")
        edit.set_text("text")
        await session.run("save")
        review = edit.state
        assert isinstance(review, Reviewing)
        assert [str(line) for line in review.diff] == ["@@ -0,0 +1 @@", "+text"]
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
        state = await save(edit)
        while isinstance(state, Conflicted):
            conflicts += 1
            assert state.merge is not None
            assert state.merge.conflicts == ()
            await edit.use_merged()
            state = await save(edit)
        assert isinstance(state, Saved)
        await session.editor.leave()
    return conflicts
