"""A search runs in the background, says how far it is, and keeps what it found."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from explorer.codecs.codecs import Codecs
from explorer.codecs.load import codecs_for
from explorer.codecs.options import CodecOptions
from explorer.drivers.memory import MemoryStore
from explorer.drivers.memory.demo.store import DemoStore
from explorer.model.address import parse
from explorer.model.entries import Entry, Page
from explorer.model.errors import Forbidden, InvalidText
from explorer.plans.search import NO_RIGHT, SearchHit, left_out_texts
from explorer.session.internal_errors import InternalErrors
from explorer.session.results.finder import FindRequest
from explorer.session.results.plan_makers import plan_copy
from explorer.session.results.plan_review import PlanPhase, PlanStores
from explorer.session.results.result_list import ResultList, ResultState
from explorer.session.results.result_text import (
    find_title,
    hit_position,
    match_parts,
    no_further_hit,
    progress_text,
)
from explorer.session.session import Session
from tests.session.fixtures import Place, live, opened, wait_for_value

MATCH = ("match", "matches")


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """Return a session of 2,500 keys, which are read in three pages."""
    place = Place()
    async with place.other() as other:
        for number in range(2500):
            await other.put(f"app/{number:04}", b"port: 8080" if number % 1000 == 7 else b"x")
        await other.put("top", b"Port: 1")
    async with opened(place) as session:
        yield session


async def found(session: Session, request: FindRequest) -> list[str]:
    session.results.finder.find(request)
    await session.idle()
    return [hit.key for hit in session.results.finder.items]


async def test_find_searches_all_keys_of_the_store(session: Session) -> None:
    """Keys that are not loaded are found, and the result says how much was looked at."""
    assert await found(session, FindRequest(value="port")) == ["app/0007", "app/1007", "app/2007", "top"]
    assert session.tree.rows.loaded == 2
    finder = session.results.finder
    assert (finder.state, finder.looked_at, finder.total) == (ResultState.COMPLETE, 2501, 2501)
    assert progress_text(finder, 0.0, MATCH)[0].startswith("4 matches; looked at all 2,501 keys at ")


@pytest.mark.parametrize(
    ("request_", "keys"),
    [
        (FindRequest(value="Port"), ["top"]),
        (FindRequest(value="Port", prefix="app"), []),
        (FindRequest(key="app/*7", value="8080"), ["app/0007", "app/1007", "app/2007"]),
        (FindRequest(key="^t.P$", regex=True), []),
        (FindRequest(key="^t.p$", regex=True), ["top"]),
        (FindRequest(key="app/000", prefix="nowhere"), []),
    ],
)
async def test_find_by_pattern_case_and_folder(session: Session, request_: FindRequest, keys: list[str]) -> None:
    """A capital letter makes the case count; a folder limits the search."""
    assert await found(session, request_) == keys


@pytest.mark.parametrize("request_", [FindRequest(), FindRequest(key="(", regex=True)])
async def test_find_refuses_what_is_no_pattern(session: Session, request_: FindRequest) -> None:
    with pytest.raises(InvalidText):
        session.results.finder.find(request_)
    assert not session.results.finder.was_started


async def test_find_that_is_stopped_keeps_hits(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result of a stopped search says that it did not look at the rest."""
    reached = asyncio.Event()
    list_page = MemoryStore.list

    async def slow(store: MemoryStore, prefix: str, **options: Any) -> Page[Entry]:  # noqa: ANN401 - passed on
        if options.get("after") is not None:
            reached.set()
            await asyncio.Event().wait()
        return await list_page(store, prefix, **options)

    monkeypatch.setattr(MemoryStore, "list", slow)
    finder = session.results.finder
    finder.find(FindRequest(value="8080"))
    await reached.wait()
    assert progress_text(finder, finder.began + 2, MATCH)[0] == (
        "1 match so far, looked at 1,000 of about 2,501 keys, 500/s, 3.0s left"
    )
    finder.stop()
    await session.idle()
    assert [hit.key for hit in finder.items] == ["app/0007"]
    text, _ = progress_text(finder, 0.0, MATCH)
    assert "looked at 1,000 of about 2,501 keys, not at the rest" in text


async def test_find_that_fails_names_what_is_missing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> Page[Entry]:
        raise Forbidden("permission denied: this user may not read app/")

    monkeypatch.setattr(MemoryStore, "list", refuse)
    assert await found(session, FindRequest(key="app")) == []
    text, _ = progress_text(session.results.finder, 0.0, MATCH)
    assert text.startswith("0 matches so far; not looked at the rest")
    assert text.endswith("permission denied: this user may not read app/")


async def test_defect_ends_a_plan_and_a_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception is reported, and neither is said to run on."""
    errors = InternalErrors(tmp_path / "errors")

    async def fail(*_: object, **__: object) -> NoReturn:
        raise ZeroDivisionError

    place = Place()
    async with place.other() as store:
        await store.put("app/a", b"1")
    async with Session(place.connect, Codecs(), writable=True, plans=tmp_path / "plans", errors=errors) as session:
        await live(session)
        review, finder = session.results.plan_review, session.results.finder
        plan_copy(session, ["app"], "copy")
        await session.idle()
        monkeypatch.setattr(PlanStores, "of_plan", fail)
        monkeypatch.setattr(MemoryStore, "list", fail)
        review.apply()
        finder.find(FindRequest(value="1"))
        await session.idle()
        assert review.phase is PlanPhase.STOPPED
        assert finder.state is ResultState.FAILED
        assert [type(error) for error in errors.recent] == [ZeroDivisionError, ZeroDivisionError]


async def test_find_names_values_that_may_not_be_read(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that lists a key without the right to read its value has not shown that nothing matches."""
    list_page = MemoryStore.list

    async def hidden(store: MemoryStore, prefix: str, **options: Any) -> Page[Entry]:  # noqa: ANN401 - passed on
        page = await list_page(store, prefix, **options)
        return Page(tuple(entry._replace(value=None) for entry in page.items), page.next, page.revision)

    monkeypatch.setattr(MemoryStore, "list", hidden)
    assert await found(session, FindRequest(value="x")) == []
    assert list(left_out_texts(session.results.finder.left_out)) == [f"not searched: 2,501 values ({NO_RIGHT})"]


async def test_find_keeps_a_bounded_number_of_hits(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ResultList, "max_items", 10)
    assert len(await found(session, FindRequest(key="app"))) == 10
    assert "the first 10 matches" in progress_text(session.results.finder, 0.0, MATCH)[0]


async def test_find_again_looks_at_the_store_as_it_is_now(session: Session) -> None:
    await found(session, FindRequest(key="new"))
    await session.connection.store.put("new", b"")
    session.results.finder.refresh()
    await session.idle()
    assert [hit.key for hit in session.results.finder.items] == ["new"]


async def test_steps_go_through_hits_and_say_where_they_end(session: Session) -> None:
    """The first step is to the first hit; behind the last one there is none."""
    finder = session.results.finder
    await found(session, FindRequest(value="8080"))
    steps = [finder.step(by) for by in (1, 1, 1, 1, -1)]
    assert [hit and hit.key for hit in steps] == ["app/0007", "app/1007", "app/2007", None, "app/1007"]
    assert hit_position(finder).startswith("2 of 3, as of ")
    assert no_further_hit(finder, 1).startswith("this is the last one: 2 of 3")


async def test_messages_are_searched_by_their_fields() -> None:
    """The bytes of a message hold no names of fields; its text does."""
    store = DemoStore(parse("demo:"))
    codecs = codecs_for(store, CodecOptions())
    async with Session(lambda: store, codecs) as session:
        await live(session)
        await wait_for_value(lambda: bool(session.tree.rows.loaded), wanted=True)
        keys = await found(session, FindRequest(value='vendor: "', prefix="service/access/devices"))
        assert keys
        assert all(hit.match[slice(*hit.span)] == 'vendor: "' for hit in session.results.finder.items)


def test_match_is_in_sight_of_a_narrow_row() -> None:
    hit = SearchHit("key", "value", "a" * 100 + "needle" + "b" * 100, (100, 106), 3)
    before, match, after = match_parts(hit, 40)
    assert (match, len(before)) == ("needle", 17)
    assert before.startswith("…")
    assert after.startswith("b")


def test_title_says_what_is_searched_where() -> None:
    assert find_title(FindRequest("a\x1b", "b", prefix="c/")) == "keys with a\\x1b and values with b, below c/"
