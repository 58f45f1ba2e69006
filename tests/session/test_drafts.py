"""Drafts survive a crash: written a moment after typing, complete or not at all, for their owner alone."""

import asyncio
import random
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explorer.codecs.base import Choice
from explorer.model.events import Put
from explorer.session.editing import drafts as module
from explorer.session.editing.drafts import Draft, DraftError, Drafts
from explorer.session.editing.edit_states import Conflicted, Saved
from explorer.session.editing.editor import DRAFT_DELAY
from tests.scale import figure
from tests.servers.waiting import eventually, wait_until
from tests.session.fixtures import PATIENCE, Place, editing, open_edit, opened, save

_ROOT = Path(__file__).parents[2]
KILLS = figure(3, 50)
SLACK = 0.6
"""Seconds that a keystroke may take to reach the disk beside those that are known: the pause and the writing."""


def a_draft(**changes: object) -> Draft:
    draft = Draft("memory:", "key", "typed", b"opened", 3, Choice("text"), datetime(2026, 1, 1, tzinfo=UTC))
    return replace(draft, **changes)  # type: ignore[arg-type]  # the fields are chosen by the test


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_saved_draft_is_listed_unchanged(tmp_path: Path) -> None:
    kept = Drafts(tmp_path / "drafts").save(a_draft())
    assert Drafts(tmp_path / "drafts").list_drafts("memory:") == (kept,)
    assert Drafts(tmp_path / "drafts").list_drafts("etcd://elsewhere/") == ()


_KEYS = st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(key=_KEYS, text=st.text(), base=st.none() | st.binary(), revision=st.none() | st.integers() | st.text())
def test_draft_round_trips_any_key_text_and_value(
    tmp_path: Path, key: str, text: str, base: bytes | None, revision: int | str | None
) -> None:
    drafts = Drafts(tmp_path)
    kept = drafts.save(a_draft(key=key, text=text, base=base, revision=revision))
    assert kept in Drafts(tmp_path).list_drafts("memory:")
    drafts.discard(kept)


def test_draft_files_are_closed_to_other_users(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "drafts"
    kept = Drafts(folder).save(a_draft())
    assert mode(folder) == 0o700
    assert mode(folder / kept.file) == 0o600
    folder.chmod(0o755)
    Drafts(folder).save(a_draft())
    assert mode(folder) == 0o700


def test_save_into_a_linked_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "drafts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DraftError):
        Drafts(tmp_path / "drafts").save(a_draft())
    assert Drafts(tmp_path / "drafts").list_drafts("memory:") == ()
    assert not files(tmp_path / "elsewhere")


def test_save_replaces_a_link_without_following_it(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    folder = tmp_path / "drafts"
    drafts = Drafts(folder)
    kept = drafts.save(a_draft())
    (folder / kept.file).unlink()
    (folder / kept.file).symlink_to(victim)
    assert Drafts(folder).list_drafts("memory:") == ()
    drafts.save(a_draft(text="more"))
    assert victim.read_text() == "untouched"


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "number", "list", "nested", "readable", "huge"])
def test_list_drafts_ignores_damaged_files(tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that cannot be trusted are neither listed nor removed."""
    path = tmp_path / Drafts(tmp_path).save(a_draft()).file
    data = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "changed":
            path.write_bytes(data.replace(b"typed", b"tyqed"))
        case "empty":
            path.write_bytes(b"")
        case "number":
            path.write_bytes(b"1")
        case "list":
            path.write_bytes(b"[]")
        case "nested":
            path.write_bytes(b"[" * 100_000)
        case "readable":
            path.chmod(0o644)
        case "huge":
            monkeypatch.setattr(module, "MAX_DRAFT_SIZE", 10)
    assert Drafts(tmp_path).list_drafts("memory:") == ()
    assert path.exists()


def test_save_of_a_large_draft_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DraftError, match="too large"):
        Drafts(tmp_path).save(a_draft(text="x" * module.MAX_DRAFT_SIZE))
    assert not files(tmp_path)


def test_save_keeps_the_draft_of_another_session(tmp_path: Path) -> None:
    first = Drafts(tmp_path).save(a_draft(text="first"))
    second = Drafts(tmp_path).save(a_draft(text="second"))
    assert first.file != second.file
    assert {draft.text for draft in Drafts(tmp_path).list_drafts("memory:")} == {"first", "second"}
    third = Drafts(tmp_path)
    third.adopt(first)
    third.save(a_draft(text="first and more"))
    assert {draft.text for draft in Drafts(tmp_path).list_drafts("memory:")} == {"first and more", "second"}


async def test_draft_is_written_and_removed_by_a_save(tmp_path: Path) -> None:
    async with open_edit(Place(), b"text", "typed", drafts=tmp_path) as (edit, session, _other):
        await session.idle()
        (kept,) = Drafts(tmp_path).list_drafts("memory:")
        assert (kept.key, kept.text, kept.base, kept.revision) == ("key", "typed", b"text", 2)
        assert isinstance(await save(edit), Saved)
        await session.idle()
        assert not files(tmp_path)


async def test_leave_removes_the_draft(tmp_path: Path) -> None:
    place = Place()
    async with place.other() as other, opened(place, drafts=tmp_path) as session:
        await other.put("key", b"text")
        (await editing(session, "key")).set_text("typed")
        await session.idle()
        await session.editor.leave()
        assert not files(tmp_path)


async def test_leave_with_keep_offers_the_draft_again(tmp_path: Path) -> None:
    """Leaving in the middle of typing keeps the text."""
    place = Place()
    async with place.other() as other:
        await other.put("key", b"one\ntwo\nthree\n")
        async with opened(place, drafts=tmp_path) as session:
            (await editing(session, "key")).set_text("ONE\ntwo\nthree\n")
        await other.put("key", b"one\ntwo\nTHREE\n")
        async with opened(place, drafts=tmp_path) as session:
            (found,) = session.editor.drafts
            edit = await session.editor.resume_draft(found)
            assert edit.text == "ONE\ntwo\nthree\n"
            assert isinstance(edit.theirs, Put)
            assert session.editor.drafts == ()
            assert isinstance(await save(edit), Conflicted)
            await edit.use_merged()
            await save(edit)
            assert (await other.get("key")).value == b"ONE\ntwo\nTHREE\n"
            await session.idle()
        assert not files(tmp_path)


async def test_discard_removes_a_draft(tmp_path: Path) -> None:
    Drafts(tmp_path).save(a_draft())
    async with opened(Place(), drafts=tmp_path) as session:
        (found,) = session.editor.drafts
        await session.editor.discard(found)
        assert not files(tmp_path)
        assert session.editor.drafts == ()


async def test_discarded_draft_stays_out_of_the_list(tmp_path: Path) -> None:
    """Also out of one that was being read when the draft was discarded."""
    Drafts(tmp_path).save(a_draft())
    async with opened(Place(), drafts=tmp_path) as session:
        (found,) = session.editor.drafts
        async with asyncio.TaskGroup() as group:
            group.create_task(session.editor.find_drafts())
            group.create_task(session.editor.discard(found))
        assert session.editor.drafts == ()


async def test_resumed_draft_stays_out_of_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also out of one that was being read when it was resumed; and out of all lists until the edit is left."""
    Drafts(tmp_path).save(a_draft())
    gate, list_drafts = Event(), Drafts.list_drafts

    def list_and_wait(drafts: Drafts, store: str) -> tuple[Draft, ...]:
        found = list_drafts(drafts, store)
        gate.wait(PATIENCE)
        return found

    async with opened(Place(), drafts=tmp_path) as session:
        (found,) = session.editor.drafts
        monkeypatch.setattr(Drafts, "list_drafts", list_and_wait)
        async with asyncio.TaskGroup() as group:
            group.create_task(session.editor.find_drafts())
            await asyncio.sleep(0)
            await session.editor.resume_draft(found)
            gate.set()
        await session.idle()
        assert not session.editor.drafts
        await session.editor.find_drafts()
        assert not session.editor.drafts
        assert session.editor.draft_keys == {"key"}
        await session.editor.leave(keep=True)
        assert session.editor.draft_keys == {"key"}


async def test_edit_without_a_draft_folder_shows_the_error(tmp_path: Path) -> None:
    folder = tmp_path / "drafts"
    folder.write_text("a file")
    async with open_edit(Place(), b"text", "typed", drafts=folder) as (edit, _, _):
        await eventually(lambda: edit.draft_error is not None, "it is said", PATIENCE)
        assert isinstance(await save(edit), Saved)


def due(log: Path, now: float) -> list[int]:
    """Return the keystrokes that must be on disk by now.

    Since then there was time for two writings, the pause between them, and the longest time without a keystroke.
    """
    lines = [line.split() for line in log.read_text().rpartition("\n")[0].splitlines()]
    if not lines:
        return []
    moments = [float(moment) for _, moment, _ in lines]
    gap = max(after - before for before, after in pairwise([*moments, now]))
    writing = float(lines[-1][2])
    return [number for number, moment in enumerate(moments) if moment < now - DRAFT_DELAY - SLACK - 2 * writing - gap]


def _typed(log: Path, keystrokes: int) -> bool:
    return log.read_bytes().count(b"\n") > keystrokes and bool(due(log, time.monotonic()))


@pytest.mark.heavy
def test_kill_9_loses_at_most_one_second_of_typing(tmp_path: Path) -> None:
    chance = random.Random(4)
    for number in range(KILLS):
        folder, log = tmp_path / f"drafts-{number}", tmp_path / f"typed-{number}"
        line = [sys.executable, "-m", "tests.session.typing_process", str(folder), f"key-{number}"]
        with log.open("wb") as output, subprocess.Popen(line, cwd=_ROOT, stdout=output) as typist:
            enough = 120 + chance.randrange(80)  # any moment will do, between two writes or in one
            wait_until(partial(_typed, log, enough), "somebody types", PATIENCE)
            killed = time.monotonic()
            typist.send_signal(signal.SIGKILL)
        (kept,) = Drafts(folder).list_drafts("memory:")
        assert kept.key == f"key-{number}"
        assert int(kept.text.split()[-1]) >= due(log, killed)[-1]
        assert kept.text == "begun: " + "".join(f"{typed} " for typed in range(int(kept.text.split()[-1]) + 1))


async def test_many_keystrokes_write_few_drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, written = Drafts.save, list[str]()

    def counted(drafts: Drafts, draft: Draft) -> Draft:
        written.append(draft.text)
        return keep(drafts, draft)

    monkeypatch.setattr(Drafts, "save", counted)
    async with open_edit(Place(), b"text", drafts=tmp_path) as (edit, session, _other):
        begun = time.monotonic()
        for number in range(300):
            edit.set_text(f"typed {number}")
            await asyncio.sleep(0.005)  # as a person types, for long enough that several drafts are written
        await session.idle()
        assert 1 <= len(written) <= (time.monotonic() - begun) / DRAFT_DELAY + 2
        assert Drafts(tmp_path).list_drafts("memory:")[0].text == "typed 299"


async def test_second_draft_of_a_key_keeps_the_first(tmp_path: Path) -> None:
    """Whoever edits what is stored while a draft is kept gets a draft beside it; each is deleted by itself."""
    place = Place()
    async with place.other() as other:
        await other.put("app", b"stored")
    async with opened(place, drafts=tmp_path) as session:
        for text in ("first", "second", "third"):
            edit = await editing(session, "app")
            edit.set_text(text)
            await session.editor.leave(keep=text != "third")
            assert session.editor.draft_keys == {"app"}
        assert [draft.text for draft in session.editor.drafts] == ["second", "first"]
        edit = await session.editor.resume_draft(session.editor.drafts[1])
        edit.set_text("first and more")
        await session.editor.leave(keep=True)
        assert {draft.text for draft in session.editor.drafts} == {"second", "first and more"}
        await session.editor.discard(session.editor.drafts[0])
    async with opened(place, drafts=tmp_path) as session:
        (left,) = session.editor.drafts
        assert left.text == "second"
        await session.editor.discard(left)
        assert session.editor.draft_keys == frozenset()


async def test_left_edit_writes_no_draft_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even one that waited for its file: it would bring back a text that was discarded."""
    gate, release = Event(), Drafts.release

    def wait_and_release(drafts: Drafts, store: str, key: str) -> str | None:
        gate.wait(PATIENCE)
        return release(drafts, store, key)

    monkeypatch.setattr(Drafts, "release", wait_and_release)
    async with open_edit(Place(), b"text", "typed", drafts=tmp_path) as (_edit, session, _other):
        async with asyncio.TaskGroup() as group:
            group.create_task(session.editor.flush())
            group.create_task(session.editor.leave())
            await asyncio.sleep(0)
            gate.set()
        await session.idle()
    assert not files(tmp_path)
