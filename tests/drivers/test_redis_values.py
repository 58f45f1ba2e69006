"""Values of every type of Redis: documents, revisions, and saves by the smallest commands, on a real server."""

import json
import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explorer.drivers.redis import RedisStore
from explorer.drivers.redis.collection_diff import changes
from explorer.drivers.redis.document import parse_document, to_document
from explorer.drivers.redis.values import COLLECTIONS, HASH, LIST, SET, STREAM, ZSET, RedisValue, Row
from explorer.model.errors import CallNotSupported, InvalidText, KeyModified, TooLarge
from tests.drivers.redis_fixtures import path, store
from tests.scale import examples
from tests.servers.redis import RedisServer

__all__ = ["path", "store"]

_WORDS = st.sampled_from([b"", b"a", b"b", "é".encode(), b'"\\', b"\xff\x00", b"\n", b"\xed\xb3\xbf", b"x" * 70])
_SCORES = st.sampled_from([b"0", b"1", b"-1.5", b"3.0000000000000004", b"1e+300", b"inf", b"-inf"])
_ROWS = {
    HASH: st.dictionaries(_WORDS, _WORDS, min_size=1, max_size=6).map(lambda found: tuple(found.items())),
    LIST: st.lists(_WORDS, min_size=1, max_size=8).map(lambda found: tuple((item,) for item in found)),
    SET: st.sets(_WORDS, min_size=1, max_size=6).map(lambda found: tuple((item,) for item in sorted(found))),
    ZSET: st.dictionaries(_WORDS, _SCORES, min_size=1, max_size=6).map(lambda found: tuple(found.items())),
}
_EXAMPLES = settings(
    max_examples=examples(25, 500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_COMMANDS = {HASH: "HSET", LIST: "RPUSH", SET: "SADD", ZSET: "ZADD"}


def contents(kind: str, rows: tuple[Row, ...]) -> object:
    """Return what two equal collections have in common, however they are written."""
    if kind == ZSET:
        return {member: float(score) for member, score in rows}
    return list(rows) if kind == LIST else sorted(rows)


async def make(store: RedisStore, key: str, kind: str, rows: tuple[Row, ...]) -> None:
    """Make a collection by Redis's own command."""
    store_key = f"{store.address.path}:{key}".encode()
    parts = [part for row in rows for part in (row[::-1] if kind == ZSET else row)]
    await store.connection.call("DEL", store_key)
    await store.connection.call(_COMMANDS[kind], store_key, *parts)


@pytest.mark.parametrize("kind", _ROWS)
@_EXAMPLES
@given(data=st.data())
def test_document_has_every_byte_of_a_collection(kind: str, data: st.DataObject) -> None:
    """The way to the document and back changes nothing, and the document is JSON with one element in a line."""
    rows = data.draw(_ROWS[kind])
    document = to_document(RedisValue(kind, rows))
    assert contents(kind, parse_document(kind, document).rows) == contents(kind, rows)
    assert len(json.loads(document)) == len(rows)
    assert len(document.splitlines()) == len(rows) + 2
    assert to_document(parse_document(kind, document)).splitlines().sort() == document.splitlines().sort()


@pytest.mark.parametrize("kind", _ROWS)
@_EXAMPLES
@given(data=st.data())
async def test_saved_collection_is_the_document(store: RedisStore, kind: str, data: st.DataObject) -> None:
    """Any collection becomes any other one of its type; its TTL stays, and the revision is the server's."""
    before, after = data.draw(_ROWS[kind]), data.draw(_ROWS[kind])
    await make(store, "key", kind, before)
    await store.connection.call("PEXPIRE", f"{store.address.path}:key", 60_000)
    seen = await store.get("key")
    assert seen.value is not None
    assert contents(kind, parse_document(kind, seen.value).rows) == contents(kind, before)
    saved = await store.atomic_put("key", to_document(RedisValue(kind, after)), seen)
    found = await store.get("key")
    assert found.value is not None
    assert contents(kind, parse_document(kind, found.value).rows) == contents(kind, after)
    assert (found.revision, found.meta["type"], found.meta["length"]) == (saved.revision, kind, len(after))
    assert found.ttl is not None
    if contents(kind, before) != contents(kind, after):
        with pytest.raises(KeyModified):
            await store.atomic_put("key", seen.value, seen)


@pytest.mark.parametrize(
    ("kind", "before", "after", "commands"),
    [
        (HASH, ((b"a", b"1"), (b"b", b"2")), ((b"a", b"1"), (b"c", b"3")), [("HSET", b"c", b"3"), ("HDEL", b"b")]),
        (SET, ((b"a",), (b"b",)), ((b"b",), (b"c",)), [("SADD", b"c"), ("SREM", b"a")]),
        (ZSET, ((b"a", b"1"), (b"b", b"2")), ((b"a", b"1.0"), (b"b", b"3")), [("ZADD", b"3", b"b")]),
        (LIST, ((b"a",), (b"b",)), ((b"a",), (b"c",)), [("LSET", 1, b"c")]),
        (LIST, ((b"a",), (b"b",)), ((b"a",), (b"b",), (b"c",)), [("RPUSH", b"c")]),
        (LIST, ((b"a",), (b"b",)), ((b"c",), (b"a",), (b"b",)), [("LPUSH", b"c")]),
        (LIST, ((b"a",), (b"b",), (b"c",)), ((b"a",), (b"b",)), [("LTRIM", 0, 1)]),
        (STREAM, ((b"1-1", b"f", b"v"),), ((b"*", b"f", b"w"),), [("XADD", b"*", b"f", b"w"), ("XDEL", b"1-1")]),
        (HASH, ((b"a", b"1"),), ((b"a", b"1"),), []),
    ],
)
def test_changes_are_the_smallest_commands(
    kind: str, before: tuple[Row, ...], after: tuple[Row, ...], commands: list[tuple[object, ...]]
) -> None:
    assert changes(RedisValue(kind, before), RedisValue(kind, after)) == commands


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (HASH, "[]", r"\$: a hash is a JSON object"),
        (HASH, '{"a": 1}', r'\$\["a"\]: Redis stores text here'),
        (HASH, '{"a": "1", "a": "2"}', r'\$\["a"\]: the name is there twice'),
        (HASH, '{"a": "1"', "line 1, column 10: no JSON"),
        (HASH, "{}", "Redis has no empty hash"),
        (HASH, '{"\\ud800": ""}', "a lone surrogate is no text"),
        (HASH, "[" * 100_000, "nested too deeply"),
        (LIST, '["a", null]', r"\$\[1\]: Redis stores text here"),
        (SET, '["a", "a"]', r"\$\[1\]: the member is there twice"),
        (ZSET, '{"a": "high"}', r'\$\["a"\]: a score is a number'),
        (ZSET, '{"a": NaN}', "NaN is no JSON"),
        (ZSET, '{"a": 1e999}', "the score is too large"),
        (STREAM, '[{"id": "*"}]', r"\$\[0\]: an entry has id and fields"),
        (STREAM, '[{"id": "x", "fields": {"a": "b"}}]', r"\$\[0\]: no ID of a stream"),
        (STREAM, '[{"id": "*", "fields": {}}]', "an entry has fields"),
    ],
)
def test_text_that_is_no_document_is_refused_with_its_place(kind: str, text: str, message: str) -> None:
    with pytest.raises(InvalidText, match=message) as raised:
        parse_document(kind, text.encode())
    assert raised.value.hint or "line" in str(raised.value) or "deeply" in str(raised.value)


async def test_stream_is_appended_to_and_never_changed(store: RedisStore, shared_redis: RedisServer) -> None:
    """Entries are removed and appended; one that is changed or comes before the last is refused."""
    shared_redis.cli("XADD", f"{store.address.path}:log", "5-1", "a", "1", "a", "2")
    shared_redis.cli("XADD", f"{store.address.path}:log", "6-1", "b", "1")
    seen = await store.get("log")
    assert seen.value is not None
    first, second = json.loads(seen.value)
    assert first == {"id": "5-1", "fields": [["a", "1"], ["a", "2"]]}
    for changed in ([{"id": "5-1", "fields": {"a": "3"}}, second], [{"id": "5-2", "fields": {"a": "1"}}, second]):
        with pytest.raises(InvalidText):
            await store.atomic_put("log", json.dumps(changed).encode(), seen)
    assert await store.get("log") == seen
    added = [second, {"id": "7-1", "fields": {"c": "1"}}, {"id": "*", "fields": {"d": "1"}}]
    saved = await store.atomic_put("log", json.dumps(added).encode(), seen)
    assert saved.value is not None
    assert [entry["fields"] for entry in json.loads(saved.value)] == [{"b": "1"}, {"c": "1"}, {"d": "1"}]
    assert await store.get("log") == saved


async def test_put_never_changes_the_type_of_a_key(store: RedisStore, shared_redis: RedisServer) -> None:
    """Another text than a document of the type is refused, and nothing is written."""
    shared_redis.cli("RPUSH", f"{store.address.path}:key", "a")
    seen = await store.get("key")
    for value in (b"text", b'{"a": "b"}'):
        with pytest.raises(InvalidText):
            await store.put("key", value)
    assert await store.get("key") == seen


async def test_large_collection_is_shown_in_part_and_not_saved(store: RedisStore, shared_redis: RedisServer) -> None:
    """The entry says how much it has; single elements are left to redis-cli."""
    script = "for i = 1, 100001 do redis.call('RPUSH', KEYS[1], i) end"
    shared_redis.cli("EVAL", script, "1", f"{store.address.path}:key")
    seen = await store.get("key")
    assert seen.value is not None
    assert len(json.loads(seen.value)) == 1000
    assert (seen.meta["length"], seen.meta["partial"]) == (100_001, "the first 1000 of 100001 elements")
    with pytest.raises(TooLarge, match="only 1000 of 100001"):
        await store.atomic_put("key", b'["a"]', seen)
    with pytest.raises(TooLarge):
        await store.atomic_delete("key", seen)


def test_revision_does_not_depend_on_the_order_of_a_hash() -> None:
    rows = [(b"%d" % number, b"") for number in range(50)]
    revisions: set[str] = set()
    for _ in range(5):
        random.Random(len(revisions)).shuffle(rows)
        revisions.add(RedisValue(HASH, tuple(rows)).revision)
    assert len(revisions) == 1
    assert {RedisValue(kind, ((b"a", b"b"),)).revision for kind in COLLECTIONS} != {None}


async def test_type_of_a_module_is_shown_and_refused(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake: no server here has such a module, so a string is said to be of its type."""
    await store.put("key", b"value")

    async def current(*_: object) -> RedisValue:
        return RedisValue("ReJSON-RL", ((b"dump",),), length=4)

    monkeypatch.setattr("explorer.drivers.redis.writer.RedisWriter.current", current)
    with pytest.raises(CallNotSupported, match="ReJSON-RL"):
        await store.put("key", b"other")
    entry = store._keyspace.to_entry(b"key", RedisValue("ReJSON-RL", ((b"dump",),), length=4))  # noqa: SLF001 - as `get` makes it
    assert (entry.value, entry.meta["type"]) == (b"dump", "ReJSON-RL")
    assert "read only" in entry.meta


async def test_infinite_scores_are_kept(store: RedisStore, shared_redis: RedisServer) -> None:
    shared_redis.cli("ZADD", f"{store.address.path}:key", "inf", "a", "-inf", "b", "0.1", "c")
    seen = await store.get("key")
    assert seen.value is not None
    assert json.loads(seen.value) == {"b": "-inf", "c": 0.1, "a": "inf"}
    saved = await store.atomic_put("key", seen.value.replace(b"0.1", b"-2.50"), seen)
    assert saved.value is not None
    assert math.isclose(json.loads(saved.value)["c"], -2.5)
