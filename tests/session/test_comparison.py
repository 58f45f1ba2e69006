"""A folder is compared with another one, another store, an earlier revision, or a file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.model.errors import CallNotSupported
from explorer.opener import open as open_store
from explorer.plans.plan import PlanAction
from explorer.session.editing.comparison_text import visible_parts
from explorer.session.results.comparison import ComparisonRequest
from explorer.session.results.difference_text import difference_progress, difference_title, plan_options
from explorer.session.results.result_list import ResultState
from explorer.session.session import Session
from tests.session.fixtures import Place, live


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
async def filled(place: Place) -> None:
    async with place.other() as other:
        for key, value in {
            "a/same": b"1",
            "a/left": b"1",
            "a/changed": b"one\nline",
            "a/sub/ttl": b"3",
            "b/same": b"1",
            "b/right": b"1",
            "b/changed": b"two\nline",
            "b/sub/ttl": b"4",
        }.items():
            await other.put(key, value)


@pytest.fixture
async def session(place: Place, filled: None, tmp_path: Path) -> AsyncIterator[Session]:
    """Return a session that can open a folder of files, too."""
    del filled
    (tmp_path / "store/a").mkdir(parents=True)
    (tmp_path / "store/a/same").write_bytes(b"1")

    def connect() -> MemoryStore:
        return MemoryStore(parse("memory:"), database=place.keyspace)

    async with Session(connect, Codecs(), connect=open_store, is_masked=lambda key: key.endswith("ttl")) as opened:
        await live(opened)
        yield opened


async def compared(session: Session, request: ComparisonRequest) -> list[tuple[str, str]]:
    session.results.comparison.compare(request)
    await session.idle()
    return [(item.kind.value, item.key) for item in session.results.comparison.items]


async def diff(session: Session, index: int) -> list[str]:
    lines = await session.results.comparison.diff(session.results.comparison.items[index])
    return [line.sign + "".join(text for text, _ in visible_parts(line)) for line in lines]


async def test_two_folders_of_a_store(session: Session) -> None:
    """The result names what differs, and says how much was the same or left out."""
    request = ComparisonRequest("a/", "b", ("sub/*",))
    assert await compared(session, request) == [("changed", "changed"), ("only-left", "left"), ("only-right", "right")]
    comparison = session.results.comparison
    texts = [text for text, _ in difference_progress(comparison, 0.0)]
    assert texts[0].startswith("3 differences; looked at all 5 keys at ")
    assert texts[1] == "1 key the same, 1 left out"
    assert difference_title(request) == "a/ (here, -) and b (there, +), without sub/*"
    assert [comparison.key_here(item) for item in comparison.items] == ["a/changed", "a/left", None]
    await compared(session, ComparisonRequest("a/", "mistyped"))
    assert "there is nothing at mistyped" in [text for text, _ in difference_progress(comparison, 0.0)]


async def test_values_are_compared_as_they_are_now(session: Session, place: Place) -> None:
    """From here to there; masked values are not shown."""
    await compared(session, ComparisonRequest("a/", "b/"))
    assert [line for line in await diff(session, 0) if line[0] in "+-"] == ["-one", "+two"]
    assert (await diff(session, 1))[-1] == "-1"
    assert await diff(session, 3) == ["\\the values are masked"]
    async with place.other() as other:
        await other.put("b/changed", b"one\nline")
    assert await diff(session, 0) == ["\\the values are the same by now"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file://{folder}/store/a/", [("only-left", "changed"), ("only-left", "left"), ("only-left", "sub/ttl")]),
        ("~/../{folder}/export.jsonl", [("only-left", "changed"), ("only-left", "sub/ttl")]),
        ("@4", [("only-left", "sub/ttl")]),
    ],
)
async def test_other_sides(
    session: Session, tmp_path: Path, text: str, expected: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another store by its URL, an export by its path, and the same folder at an earlier revision."""
    monkeypatch.setenv("HOME", "/")
    (tmp_path / "export.jsonl").write_text('{"key": "left", "text": "1"}\n{"key": "same", "text": "1"}\n')
    assert await compared(session, ComparisonRequest("a/", text.format(folder=tmp_path))) == expected


async def test_marked_keys_are_compared_alone(session: Session, place: Place, tmp_path: Path) -> None:
    """A marked folder stands for all below it; the plan has no other key; a file is compared likewise."""
    async with place.other() as other:
        await other.put("a/changed-too", b"1")
        await other.put("a/changed/below", b"1")
    keys = ("changed", "sub/ttl", "sub")
    request = ComparisonRequest("a/", "b/", keys=keys)
    expected = [("changed", "changed"), ("only-left", "changed/below"), ("changed", "sub/ttl")]
    assert await compared(session, request) == expected
    assert difference_title(request) == "3 marked keys of a/ (here, -) and b/ (there, +)"
    plan = await session.results.comparison.plan(prune=True)
    assert [change.key for change in plan] == ["b/changed", "b/changed/below", "b/sub/ttl"]
    (tmp_path / "export.jsonl").write_text('{"key": "changed", "text": "1"}\n{"key": "other", "text": "1"}\n')
    file = ComparisonRequest("a/", f"~/../{tmp_path}/export.jsonl", keys=keys)
    assert [key for _, key in await compared(session, file)] == ["changed", "changed/below", "sub/ttl"]


async def test_other_side_with_another_separator(place: Place, filled: None, tmp_path: Path) -> None:
    """Names of the same levels are the same key, whichever way the other store separates them."""
    del filled
    (tmp_path / "a/sub").mkdir(parents=True)
    (tmp_path / "a/sub/ttl").write_bytes(b"3")

    def connect() -> MemoryStore:
        return MemoryStore(parse("memory:?separator=:"), database=place.keyspace)

    async with place.other() as other:
        await other.put("x:sub:ttl", b"3")
        await other.put("x:one", b"1")
    async with Session(connect, Codecs(), connect=open_store) as opened:
        await live(opened)
        assert await compared(opened, ComparisonRequest("x:", f"file://{tmp_path}/a/")) == [("only-left", "one")]
        assert opened.results.comparison.same == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("./no-such-file", "No such file"),
        ("nowhere://x/", "no driver for 'nowhere'"),
        ("@nobody", "profiles"),
    ],
)
async def test_other_side_that_cannot_be_opened_is_named(session: Session, text: str, reason: str) -> None:
    await compared(session, ComparisonRequest("a/", text))
    assert session.results.comparison.state is ResultState.FAILED
    assert reason in session.results.comparison.error.message if session.results.comparison.error else False


async def test_plan_makes_the_other_side_the_same(session: Session) -> None:
    """Ignored keys stay as they are; a key that is only there is deleted only on request."""
    await compared(session, ComparisonRequest("a/", "b/", ("sub/*",)))
    options = plan_options(session.results.comparison)
    assert [option.details for option in options] == [
        "2 keys that differ or are only here",
        "also 1 that are only there",
    ]
    plan = await session.results.comparison.plan(prune=True)
    assert {change.key: change.action for change in plan} == {
        "b/changed": PlanAction.UPDATE,
        "b/left": PlanAction.CREATE,
        "b/right": PlanAction.DELETE,
    }
    assert len(await session.results.comparison.plan(prune=False)) == 2


async def test_no_plan_writes_a_file(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "export.jsonl").write_text('{"key": "left", "text": "1"}\n')
    await compared(session, ComparisonRequest("a/", "./export.jsonl"))
    with pytest.raises(CallNotSupported, match="is a file"):
        await session.results.comparison.plan(prune=False)
