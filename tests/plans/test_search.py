"""Search in keys and values, and the replacement of texts."""

from collections.abc import AsyncIterator

import pytest

import explorer
from explorer.drivers.base import Store
from explorer.model.errors import InvalidText
from explorer.plans.plan import PlanAction
from explorer.plans.replacement import Replacement, replace_plan
from explorer.plans.search import Search, SearchQuery
from explorer.plans.side import PlanSide

VALUES = {
    "app/web/port": b"8080",
    "app/web/host": b"db.example\nsecond line",
    "app/db/port": b"5432",
    "bin": b"\xff8080\x00",
    "empty": b"",
}


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with explorer.open("memory:") as opened:
        for key, value in VALUES.items():
            await opened.put(key, value)
        yield opened


async def found(store: Store, query: SearchQuery, prefix: str = "") -> list[str]:
    return [hit.key async for hit in Search(PlanSide(store, prefix), query).hits()]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        (SearchQuery(key="port"), ["app/db/port", "app/web/port"]),
        (SearchQuery(key="app/*/port"), ["app/db/port", "app/web/port"]),
        (SearchQuery(key="*port?"), []),
        (SearchQuery(key="PORT"), []),
        (SearchQuery(key="PORT", ignore_case=True), ["app/db/port", "app/web/port"]),
        (SearchQuery(key="^app/.*st$", regex=True), ["app/web/host"]),
        (SearchQuery(value="8080"), ["app/web/port", "bin"]),
        (SearchQuery(value="8.8"), []),
        (SearchQuery(value="8.8", regex=True), ["app/web/port", "bin"]),
        (SearchQuery(key="web", value="8080"), ["app/web/port"]),
        (SearchQuery(value="example.second", regex=True), ["app/web/host"]),
    ],
)
async def test_query_finds_keys(store: Store, query: SearchQuery, keys: list[str]) -> None:
    """Substrings, globs and regular expressions; a key and a value pattern must both match."""
    assert await found(store, query) == keys


async def test_search_is_below_a_prefix(store: Store) -> None:
    assert await found(store, SearchQuery(value="80"), "app/") == ["app/web/port"]


async def test_hit_in_a_value_has_its_line(store: Store) -> None:
    """A reader sees the line with the match, not the whole value."""
    (hit,) = [hit async for hit in Search(PlanSide(store), SearchQuery(value="ond")).hits()]
    assert (hit.where, hit.match) == ("value", "second line")


async def test_search_that_is_left_was_not_complete(store: Store) -> None:
    """Nobody is told that a key does not exist before all keys were looked at."""
    search = Search(PlanSide(store), SearchQuery(key="app"))
    hits = search.hits()
    await anext(hits)
    assert (search.is_complete, search.looked_at) == (False, 5)
    await hits.aclose()
    assert [hit async for hit in search.hits()]
    assert search.is_complete


@pytest.mark.parametrize("query", [SearchQuery(key="(", regex=True), SearchQuery(value="[", regex=True)])
async def test_bad_expression_is_refused(store: Store, query: SearchQuery) -> None:
    with pytest.raises(InvalidText, match="no regular expression"):
        await found(store, query)


async def test_replacement_keeps_all_other_bytes(store: Store) -> None:
    """Bytes that are no text stay as they are."""
    plan = await replace_plan(PlanSide(store), Replacement("8080", "9090"))
    assert {change.key: change.new for change in plan} == {"app/web/port": b"9090", "bin": b"\xff9090\x00"}
    assert {change.action for change in plan} == {PlanAction.UPDATE}


async def test_replacement_by_expression_uses_groups(store: Store) -> None:
    plan = await replace_plan(PlanSide(store, "app/"), Replacement(r"(\d\d)(\d\d)", r"\2\1", regex=True))
    assert {change.key: change.new for change in plan} == {"app/db/port": b"3254"}  # 8080 stays what it is


async def test_replacement_with_a_missing_group_is_refused(store: Store) -> None:
    with pytest.raises(InvalidText, match="does not fit"):
        await replace_plan(PlanSide(store), Replacement("80", r"\3", regex=True))


async def test_literal_replacement_has_no_escapes(store: Store) -> None:
    """Without regex, a backslash is a backslash."""
    plan = await replace_plan(PlanSide(store, "app/"), Replacement("5432", r"\1\n"))
    assert [change.new for change in plan] == [rb"\1\n"]
