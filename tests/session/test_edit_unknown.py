"""A save whose answer is lost is in doubt, never failed, until it is known what became of it; a refusal says why."""

import asyncio
from pathlib import Path

import pytest

from explorer.model.errors import CallNotSupported, ExplorerError, NoSpace, NotReachable, OutcomeUnknown, Timeout
from explorer.session.editing.drafts import Drafts
from explorer.session.editing.edit_states import Conflicted, Refused, Saved, Saving, Unknown
from tests.servers.waiting import eventually
from tests.session.failing_store import FailingPlace
from tests.session.fixtures import PATIENCE, edit_state, open_edit, save


@pytest.mark.parametrize("failure", [OutcomeUnknown("the answer was lost"), Timeout("no answer in time")])
async def test_lost_answer_is_unknown_then_saved(failure: ExplorerError) -> None:
    place = FailingPlace()
    async with open_edit(place, b"text", "mine") as (edit, session, _other):
        place.main.failure, place.main.commits = failure, True
        await save(edit)
        assert edit.state == Unknown(failure.message)
        assert session.disabled_reason("look-again") is None
        await eventually(lambda: isinstance(edit_state(session), Saved), "it is found out", PATIENCE)
        assert edit.theirs is None


async def test_lost_request_is_unknown_and_can_be_resent() -> None:
    place = FailingPlace()
    async with open_edit(place, b"text", "mine") as (edit, session, other):
        place.main.failure = OutcomeUnknown("the answer was lost")
        await save(edit)
        await session.run("look-again")
        assert edit.state == Unknown("not stored so far; saving again is safe")
        await session.run("save")
        assert isinstance(edit_state(session), Saved)
        assert (await other.get("key")).value == b"mine"


async def test_unknown_save_overtaken_is_a_conflict() -> None:
    place = FailingPlace()
    async with open_edit(place, b"text", "mine") as (edit, _session, other):
        place.main.failure = OutcomeUnknown("the answer was lost")
        await save(edit)
        await other.put("key", b"theirs")
        await edit.check_outcome()
        assert isinstance(edit.state, Conflicted)


async def test_unknown_save_is_resolved_after_reconnecting() -> None:
    place = FailingPlace()
    async with open_edit(place, b"text", "mine") as (edit, session, _other):
        place.main.failure, place.main.commits = OutcomeUnknown("the answer was lost"), True
        await save(edit)
        place.cut()
        await edit.check_outcome()
        assert edit.state == Unknown("the key cannot be read: the connection was cut")
        place.mend()
        await eventually(lambda: isinstance(edit_state(session), Saved), "it is found out", PATIENCE)


async def test_left_unknown_save_removes_its_draft_if_saved(tmp_path: Path) -> None:
    """The draft of an edit that was left goes only once it is known to be saved."""
    place = FailingPlace()
    async with open_edit(place, b"text", "mine", drafts=tmp_path) as (edit, session, _other):
        await session.idle()
        place.main.failure, place.main.commits = OutcomeUnknown("the answer was lost"), True
        place.main.unread = asyncio.Event()
        await save(edit)
        await session.editor.leave()
        assert session.current_edit is None
        assert Drafts(tmp_path).list_drafts("memory:")
        place.main.unread.set()
        await eventually(lambda: not Drafts(tmp_path).list_drafts("memory:"), "its draft is gone", PATIENCE)


@pytest.mark.parametrize("failure", [None, NotReachable("connection refused"), OutcomeUnknown("the answer was lost")])
async def test_left_save_goes_on_and_keeps_its_draft(tmp_path: Path, failure: Exception | None) -> None:
    """An edit left while it is being saved is saved, and its draft goes only when that is known."""
    place = FailingPlace()
    async with open_edit(place, b"text", "mine", drafts=tmp_path) as (edit, session, other):
        place.main.failure, place.main.commits = failure, isinstance(failure, OutcomeUnknown)
        place.main.hold = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(save(edit))
            await eventually(lambda: isinstance(edit.state, Saving), "it is sent", PATIENCE)
            assert await session.editor.leave()
            assert session.current_edit is None
            assert [draft.text for draft in Drafts(tmp_path).list_drafts("memory:")] == ["mine"]
            with pytest.raises(CallNotSupported, match="still being saved"):
                session.edit()
            place.main.hold.set()
        if isinstance(failure, NotReachable):
            assert isinstance(edit.state, Refused)
            await session.idle()
            assert [draft.text for draft in session.editor.drafts] == ["mine"]
        else:
            await eventually(lambda: isinstance(edit.state, Saved), "it is known to be saved", PATIENCE)
            await eventually(lambda: not Drafts(tmp_path).list_drafts("memory:"), "its draft is gone", PATIENCE)
            assert (await other.get("key")).value == b"mine"
        session.edit()


async def test_leave_during_a_save_without_a_draft_is_refused() -> None:
    """Where no draft can be kept the text would be lost with a save that fails: the edit stays open."""
    place = FailingPlace()
    async with open_edit(place, b"text", "mine") as (edit, session, _other):
        place.main.failure = NotReachable("connection refused")
        place.main.hold = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(save(edit))
            await eventually(lambda: isinstance(edit.state, Saving), "it is sent", PATIENCE)
            assert not await session.editor.leave()
            assert session.current_edit is edit
            place.main.hold.set()
        assert isinstance(edit.state, Refused)
        assert session.current_edit is edit


async def test_resumed_draft_of_an_unknown_save_stays(tmp_path: Path) -> None:
    """The draft that an edit goes on with is not removed when the save that it was left by is found out."""
    place = FailingPlace()
    async with open_edit(place, b"text", "mine", drafts=tmp_path) as (edit, session, _other):
        place.main.failure, place.main.commits = OutcomeUnknown("the answer was lost"), True
        await save(edit)
        assert await session.editor.leave()
        again = await session.editor.resume_draft(session.editor.drafts[0])
        await edit.check_outcome()
        assert isinstance(edit.state, Saved)
        await session.idle()
        assert again.text == "mine"
        assert [draft.text for draft in Drafts(tmp_path).list_drafts("memory:")] == ["mine"]


@pytest.mark.parametrize("failure", [NoSpace("the quota is used up"), NotReachable("connection refused")])
async def test_refused_save_shows_the_error_and_keeps_the_text(failure: Exception) -> None:
    place = FailingPlace()
    async with open_edit(place, b"text", "mine") as (edit, session, _other):
        place.main.failure = failure
        await save(edit)
        assert isinstance(edit.state, Refused)
        assert edit.state.error is failure
        assert edit.text == "mine"
        await save(edit)
        assert isinstance(edit_state(session), Saved)
