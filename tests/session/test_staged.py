"""Staged changes: reviewed, and kept as drafts that are saved together."""

from pathlib import Path

import pytest

from explorer.model.errors import CallNotSupported
from explorer.session.editing.draft_text import continuable_drafts
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Reviewing
from explorer.session.results.plan_makers import stage_deletions, unstage
from explorer.session.session import Session
from tests.session.fixtures import Place, editing, opened


@pytest.fixture
async def place() -> Place:
    place = Place()
    async with place.other() as other:
        for key in ("app", "other"):
            await other.put(key, b"stored")
    return place


async def reviewed(session: Session, key: str, text: str) -> Edit:
    edit = await editing(session, key)
    edit.set_text(text)
    await edit.save()
    assert isinstance(edit.state, Reviewing)
    return edit


def staged(session: Session) -> list[tuple[str, str]]:
    return sorted((draft.key, draft.text) for draft in session.editor.staged)


async def test_reviewed_change_is_staged_as_a_draft(place: Place, tmp_path: Path) -> None:
    """It is a draft like others in the next session, and is not staged any more once its text is changed."""
    async with opened(place, drafts=tmp_path) as session:
        await reviewed(session, "app", "mine")
        await session.editor.stage()
        assert (session.current_edit, staged(session)) == (None, [("app", "mine")])
        edit = await editing(session, "other")
        edit.set_text("only typed")
        await session.editor.leave(keep=True)
        assert staged(session) == [("app", "mine")]
        assert session.editor.draft_keys == {"app", "other"}
    async with opened(place, drafts=tmp_path) as session:
        (draft,) = session.editor.staged
        edit = await session.editor.resume_draft(draft)
        await session.editor.leave(keep=True)
        (draft,) = session.editor.staged
        edit = await session.editor.resume_draft(draft)
        edit.set_text("other words")
        await session.editor.leave(keep=True)
        assert staged(session) == []
        assert session.editor.draft_keys == {"app", "other"}


async def test_staging_a_key_again_replaces_its_change(place: Place, tmp_path: Path) -> None:
    """The text that was staged before is still a draft."""
    async with opened(place, drafts=tmp_path) as session:
        for text in ("first", "second"):
            await reviewed(session, "app", text)
            await session.editor.stage()
        assert staged(session) == [("app", "second")]
        assert {draft.text for draft in session.editor.drafts} == {"first", "second"}


async def test_staged_deletion_is_forgotten_when_unstaged(place: Place, tmp_path: Path) -> None:
    """It takes the place of a staged text, which stays a draft, and is there in the next session."""
    async with opened(place, drafts=tmp_path) as session:
        await reviewed(session, "app", "mine")
        await session.editor.stage()
        assert await stage_deletions(session, ["app", "other"]) == "2 deletions staged"
        assert {(one.key, one.deletes) for one in session.editor.staged} == {("other", True), ("app", True)}
    async with opened(place, drafts=tmp_path) as session:
        assert staged(session) == [("app", ""), ("other", "")]
        assert [one.text for one in continuable_drafts(session.editor.drafts, "app")] == ["mine"]
        assert await unstage(session, ["other"]) == "1 change unstaged"
        assert await unstage(session, ["other"]) == "no change of it is staged"
        await reviewed(session, "app", "again")
        await session.editor.stage()
        assert staged(session) == [("app", "again")]
        assert await unstage(session, ["app"]) == "1 change unstaged"
        assert {draft.text for draft in session.editor.drafts} == {"mine", "again"}


async def test_change_that_cannot_be_kept_is_not_staged(place: Place, tmp_path: Path) -> None:
    async with opened(place) as session:
        with pytest.raises(CallNotSupported, match="no drafts are kept"):
            await stage_deletions(session, ["app"])
        edit = await reviewed(session, "app", "mine")
        with pytest.raises(CallNotSupported, match="no drafts are kept"):
            await session.editor.stage()
        assert session.current_edit is edit
    (tmp_path / "file").write_text("")
    async with opened(place, drafts=tmp_path / "file") as session:
        edit = await reviewed(session, "app", "mine")
        with pytest.raises(CallNotSupported, match="no draft can be kept in"):
            await session.editor.stage()
        assert (session.current_edit, edit.is_staged) == (edit, False)
    async with opened(place, drafts=tmp_path) as session:
        edit = await session.create("empty")
        await edit.save()
        with pytest.raises(CallNotSupported, match="an empty new key has no draft"):
            await session.editor.stage()
