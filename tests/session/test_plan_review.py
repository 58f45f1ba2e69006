"""A plan is made, shown, applied and taken back by the session; what is done is said at any time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import explorer
from explorer.codecs.codecs import Codecs
from explorer.codecs.settings import read
from explorer.config import Profile
from explorer.drivers.base import Store
from explorer.model.errors import CallNotSupported, KeyModified
from explorer.plans.plan import Plan, PlanAction
from explorer.plans.plan_folder import PlanFolder
from explorer.session.editing.edit_states import Conflicted
from explorer.session.results.plan_makers import (
    duplicate_name,
    plan_copy,
    plan_deletion,
    plan_staged,
    stage_deletions,
    unstage,
)
from explorer.session.results.plan_review import PlanPhase, PlanReview, PlanStores
from explorer.session.results.plan_rows import PlanRow
from explorer.session.results.plan_text import apply_question, plan_progress, row_details
from explorer.session.session import Session
from tests.servers.consul import ConsulServer
from tests.servers.fixtures import prefix, shared_consul
from tests.servers.waiting import eventually
from tests.session.fixtures import Place, editing, live, wait_for_value

__all__ = ["prefix", "shared_consul"]

KEYS = ("ctrl+s", "u", "o")


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
async def other(place: Place) -> AsyncIterator[Store]:
    async with place.other() as store:
        for key in ("app/a", "app/b", "old"):
            await store.put(key, key.encode())
        yield store


@pytest.fixture
async def session(place: Place, other: Store, tmp_path: Path) -> AsyncIterator[Session]:
    del other
    async with Session(
        place.connect,
        Codecs(),
        writable=True,
        drafts=tmp_path / "drafts",
        plans=tmp_path / "plans",
        connect=explorer.open,
    ) as opened:
        await live(opened)
        yield opened


async def keys(store: Store) -> dict[str, bytes | None]:
    return {entry.key: entry.value async for entry in store.walk("")}


def rows(review: PlanReview) -> list[tuple[str, PlanAction | None]]:
    return [(row.key, row.action) for row in review.items]


def text(session: Session) -> str:
    return "\n".join(line for line, _ in plan_progress(session.results.plan_review, session.clock.now(), KEYS))


async def test_folder_is_copied_and_taken_back(session: Session, other: Store) -> None:
    """Taking back is a plan, too, and is reviewed as every other."""
    review, before = session.results.plan_review, await keys(other)
    plan_copy(session, ["app"], "new")
    await session.idle()
    assert rows(review) == [("new/a", PlanAction.CREATE), ("new/b", PlanAction.CREATE)]
    assert text(session) == "2 to create"
    assert await keys(other) == before, "nothing is changed before it is applied"
    review.apply()
    await session.idle()
    assert review.phase is PlanPhase.APPLIED
    assert text(session).startswith("all 2 changes done at ")
    assert (await other.get("new/a")).value == b"app/a"
    review.take_back()
    await session.idle()
    assert rows(review) == [("new/b", PlanAction.DELETE), ("new/a", PlanAction.DELETE)]
    review.apply()
    await session.idle()
    assert await keys(other) == before


async def test_applied_plans_are_kept_for_the_command(session: Session, tmp_path: Path) -> None:
    plan_copy(session, ["old"], "new")
    await session.idle()
    session.results.plan_review.apply()
    await session.idle()
    assert PlanFolder(tmp_path / "plans").plan_to_undo().title == "copy old to new"


async def test_keys_that_others_changed_are_not_taken_back(session: Session, other: Store) -> None:
    """The others are, and what was left is said."""
    review = session.results.plan_review
    plan_copy(session, ["app"], "new")
    await session.idle()
    review.apply()
    await session.idle()
    await other.put("new/a", b"theirs")
    review.take_back()
    await session.idle()
    review.apply()
    await session.idle()
    assert "1 of 2 changes done" in text(session)
    assert "left as they are: 1, such as new/a: the key was changed" in text(session)
    assert {key for key in await keys(other) if key.startswith("new")} == {"new/a"}


async def test_conflicts_are_overwritten_only_if_asked(session: Session, other: Store) -> None:
    review = session.results.plan_review
    await other.put("new/a", b"theirs")
    plan_copy(session, ["app"], "new")
    await session.idle()
    assert rows(review)[0] == ("new/a", PlanAction.CONFLICT)
    assert "o plans to overwrite them" in text(session)
    with pytest.raises(CallNotSupported, match="1 conflicts"):
        review.apply()
    assert [str(line) for line in await review.diff(review.items[0])][1:] == ["-theirs", "+app/a"]
    review.toggle_overwrite()
    await session.idle()
    assert ("new/a", PlanAction.UPDATE) in rows(review)
    assert [str(line) for line in await review.diff(review.items[0])][1:] == ["-theirs", "+app/a"]


async def test_key_that_moved_stops_the_plan(session: Session, other: Store) -> None:
    """The other changes are not done, and the status says how many were."""
    review = session.results.plan_review
    plan_deletion(session, ["app", "old"])
    await session.idle()
    await other.put("app/a", b"theirs")
    review.apply()
    await session.idle()
    assert review.phase is PlanPhase.STOPPED
    assert isinstance(review.stop_error, KeyModified)
    assert "0 of 3 changes done" in text(session)
    assert ": app/a: the key was changed" in text(session)
    assert "nothing was changed: make the plan again" in text(session)
    assert (await other.get("app/a")).value == b"theirs"


async def test_several_keys_go_into_a_folder(session: Session) -> None:
    plan_copy(session, ["app", "old"], "to", move=True)
    await session.idle()
    assert {key for key, action in rows(session.results.plan_review) if action is PlanAction.CREATE} == {
        *("to/app/a", "to/app/b", "to/old")
    }


async def stage(session: Session, key: str) -> None:
    edit = await editing(session, key)
    edit.set_text("mine")
    await edit.save()
    await session.editor.stage()


async def test_staged_changes_are_saved_together(session: Session, other: Store) -> None:
    """A draft that is not staged is left alone."""
    review = session.results.plan_review
    (await editing(session, "app/b")).set_text("half a")
    await session.editor.leave(keep=True)
    for key in ("app/a", "old"):
        await stage(session, key)
    plan_staged(session)
    await session.idle()
    assert [(row.key, row.change.new) for row in review.items if row.change] == [("app/a", b"mine"), ("old", b"mine")]
    review.apply()
    await session.idle()
    assert (await other.get("app/a")).value == (await other.get("old")).value == b"mine"
    assert session.editor.draft_keys == {"app/b"}
    with pytest.raises(CallNotSupported, match="no change is staged"):
        plan_staged(session)


async def test_staged_deletions_are_saved_with_the_texts(session: Session, other: Store) -> None:
    """All below a folder is staged; a key that changed since is a conflict that shows what is there now."""
    review = session.results.plan_review
    await stage(session, "old")
    await stage_deletions(session, ["app"])
    plan_staged(session)
    await session.idle()
    assert rows(review) == [
        *(("old", PlanAction.UPDATE), ("app/b", PlanAction.DELETE), ("app/a", PlanAction.DELETE)),
    ]
    await other.put("app/a", b"theirs")
    await other.delete("app/b")
    review.refresh()
    await session.idle()
    assert rows(review) == [
        *(("app/a", PlanAction.CONFLICT), ("old", PlanAction.UPDATE), ("app/b", PlanAction.SAME)),
    ]
    assert "deletion was staged" in row_details(review.items[0])
    assert [str(line) for line in await review.diff(review.items[0])][1:] == ["-theirs"]
    await unstage(session, ["app"])
    plan_staged(session)
    await session.idle()
    review.apply()
    await session.idle()
    assert await keys(other) == {"app/a": b"theirs", "old": b"mine"}
    assert session.editor.staged == ()


@pytest.mark.parametrize(
    ("key", "name"),
    [
        *(("old", "old-copy"), ("app", "app-copy"), ("app/a", "app/a-copy"), ("x.json", "x-copy.json")),
        *(("10.0.0.1", "10.0.0.1-copy"), (".env", ".env-copy"), ("taken", "taken-copy-2")),
    ],
)
async def test_duplicate_has_a_name_beside_it(session: Session, other: Store, key: str, name: str) -> None:
    await other.put("taken-copy", b"")
    await eventually(lambda: session.tree.node("taken-copy") is not None, "the tree has the event")
    assert duplicate_name(session, key) == name


async def test_staged_change_of_a_key_that_moved_is_a_conflict(session: Session, other: Store) -> None:
    """It goes to the usual merge: its draft is continued. A key that has the staged value already is the same."""
    await stage(session, "old")
    await stage(session, "app/a")
    await other.put("old", b"theirs")
    await other.put("app/a", b"mine")
    plan_staged(session)
    await session.idle()
    row, same = session.results.plan_review.items
    assert (same.key, same.action) == ("app/a", PlanAction.SAME)
    assert (row.action, row_details(row)) == (
        PlanAction.CONFLICT,
        "changed since it was edited: edit it again to merge",
    )
    (draft,) = [draft for draft in session.editor.staged if draft.key == "old"]
    edit = await session.editor.resume_draft(draft)
    await edit.save()
    assert isinstance(edit.state, Conflicted)


async def test_plan_that_cannot_be_made_says_why(session: Session) -> None:
    plan_copy(session, ["app"], "app/x")
    await session.idle()
    assert "overlap" in text(session)
    assert session.results.plan_review.unready_reason() == "there is no plan"


async def test_plan_is_stopped_and_replaced(session: Session) -> None:
    """While it is being made; then another one is made."""
    review, begun = session.results.plan_review, asyncio.Event()

    async def never(stores: PlanStores) -> Plan:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError(stores)

    review.make("slow", never)
    await begun.wait()
    review.stop()
    assert text(session) == "stopped: there is no plan"
    plan_copy(session, ["old"], "new")
    await session.idle()
    assert text(session) == "1 to create"


async def test_plan_stopped_before_it_began_is_stopped(session: Session, other: Store) -> None:
    """Nothing of it was done, and it can be applied again."""
    review = session.results.plan_review
    plan_copy(session, ["app"], "copy")
    await session.idle()
    review.apply()
    review.stop()
    await eventually(lambda: review.phase is PlanPhase.STOPPED, "it is stopped")
    assert "copy/a" not in await keys(other)
    review.apply()
    await session.idle()
    assert review.phase is PlanPhase.APPLIED
    assert "copy/a" in await keys(other)


async def test_locked_session_makes_plans_and_applies_none(session: Session) -> None:
    await session.toggle_writable()
    assert session.disabled_reason("copy-to") == "no key is selected"
    session.select("old")
    assert session.disabled_reason("copy-to") is None
    assert "unlocks writing" in (session.disabled_reason("apply") or "")


async def test_question_names_keys_and_store(session: Session) -> None:
    plan_copy(session, ["app"], "new", move=True)
    await session.idle()
    plan = session.results.plan_review.plan
    assert plan is not None
    assert apply_question(plan) == (
        "Apply 4 changes?",
        (
            "move app to new",
            "2 to create, 2 to delete",
            "in memory:",
            "each key only as it is shown here; what is done can be taken back",
        ),
    )


@pytest.mark.servers
async def test_keys_are_copied_to_another_store(
    session: Session, other: Store, shared_consul: ConsulServer, prefix: str
) -> None:
    """Opened for the plan, and again to apply it."""
    url = f"consul://{shared_consul.address}/{prefix}"
    plan_copy(session, ["app", "old"], url)
    await session.idle()
    review = session.results.plan_review
    assert {row.store for row in review.items} == {url}
    assert review.plan is not None
    assert f"in {url}" in apply_question(review.plan)[1]
    assert isinstance(review.items[0], PlanRow)
    review.apply()
    await wait_for_value(lambda: review.phase, PlanPhase.APPLIED)
    async with explorer.open(url) as target:
        assert await keys(target) == {"app/a": b"app/a", "app/b": b"app/b", "old": b"old"}
    assert await keys(other) == {"app/a": b"app/a", "app/b": b"app/b", "old": b"old"}


async def test_broken_rule_is_listed_at_its_key_without_masked_values(place: Place, tmp_path: Path) -> None:
    (tmp_path / "codecs.toml").write_text("version = 1\n[[constraint]]\nname = 'r'\nkey = '**/*'\nenum = ['x']\n")
    codecs = Codecs(constraints=read(tmp_path / "codecs.toml").constraints)
    async with (
        place.other() as store,
        Session(place.connect, codecs, plans=tmp_path, is_masked=lambda key: key == "new/b") as session,
    ):
        for name in ("a", "b"):
            await store.put(f"app/{name}", name.encode())
        await live(session)
        plan_copy(session, ["app"], "new")
        await wait_for_value(lambda: session.results.plan_review.phase, PlanPhase.READY)
        assert [row_details(row) for row in session.results.plan_review.items] == [
            "✗ r: 'a' is none of 'x'",
            "✗ r: the values are masked",
        ]


async def test_values_of_masked_keys_are_not_in_the_diff_of_a_plan(place: Place, other: Store, tmp_path: Path) -> None:
    """Nor is a copy of one under a name that is not masked, also when it is taken back."""
    del other
    profile = Profile("memory:", masked=("app/b",))

    def connect() -> Store:
        store = place.connect()
        store.profile = profile
        return store

    async with Session(connect, Codecs(), writable=True, plans=tmp_path, is_masked=profile.masks) as session:
        await live(session)
        plan_copy(session, ["app"], "new", move=True)
        review = session.results.plan_review
        await wait_for_value(lambda: review.phase, PlanPhase.READY)
        assert await diffs(review) == {
            "new/a": ["+app/a"],
            "new/b": ["\\the values are masked"],
            "app/b": ["\\the values are masked"],
            "app/a": ["-app/a"],
        }
        review.apply()
        await wait_for_value(lambda: review.phase, PlanPhase.APPLIED)
        review.take_back()
        await wait_for_value(lambda: review.phase, PlanPhase.READY)
        assert (await diffs(review))["new/b"] == ["\\the values are masked"]


async def diffs(review: PlanReview) -> dict[str, list[str]]:
    """Return the lines with a value in the diff of each key."""
    return {row.key: [str(line) for line in await review.diff(row) if line.sign in "+-\\"] for row in review.items}
