"""Texts about the selected key's value."""

from dataclasses import replace

from explorer.session.session import Session
from explorer.session.value_text import (
    LOADING_NOTICE_DELAY,
    ValueText,
    metadata,
    type_text,
    value_facts,
    value_notes,
    value_text,
)
from tests.servers.waiting import eventually
from tests.session.fixtures import PATIENCE, Place, SteppedClock, opened, shown


def _text(session: Session) -> ValueText | None:
    return value_text(session.detail, session.tree, session.clock.now())


async def test_value_text_without_a_key_is_a_notice() -> None:
    async with opened(Place()) as session:
        assert _text(session) == ValueText(notice="no key is selected")


async def test_value_text_of_a_folder_is_a_notice_with_its_key() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("a\x1b/b", b"")
        await session.lookup.reveal("a\x1b/b")
        session.select("a\x1b")
        await session.idle()
        assert _text(session) == ValueText(notice="a\\x1b\n\na folder without a value of its own")


async def test_value_text_keeps_the_previous_value_for_a_moment() -> None:
    place = Place(SteppedClock())
    async with place.other() as other, opened(place) as session:
        await other.put("a", b"1")
        await shown(session, "a")
        session.select("b")
        assert _text(session) is None
        late = session.clock.now() + LOADING_NOTICE_DELAY
        assert value_text(session.detail, session.tree, late) == ValueText(notice="reading …", is_loading=True)


async def test_value_text_of_a_deleted_key_has_a_warning() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("a", b"1")
        loaded = await shown(session, "a")
        now = session.clock.now()
        assert _text(session) == ValueText(loaded)
        assert value_facts(loaded, now) == [f"rev {loaded.entry.revision}", "v1", "1 B"]
        assert f"revision: {loaded.entry.revision}" in metadata(loaded, now)
        assert type_text(loaded).startswith(f"{loaded.document.title}: ")
        typed = replace(loaded, entry=loaded.entry._replace(meta={"type": "hash"}))
        assert type_text(typed).startswith(f"hash as {loaded.document.title}: ")
        assert value_notes(loaded) == []
        await other.delete("a")
        await eventually(lambda: (text := _text(session)) is not None and bool(text.warning), "it is deleted", PATIENCE)
        text = _text(session)
        assert text is not None
        assert text.warning == "deleted; this is its last value"
        assert text.loaded is not None
