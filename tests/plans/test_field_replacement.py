"""Replacement in one field of JSON and YAML: the field changes, and every other byte stays."""

from collections.abc import AsyncIterator
from textwrap import dedent

import pytest

import explorer
from explorer.codecs.load import codecs_for
from explorer.codecs.options import CodecOptions
from explorer.drivers.base import Store
from explorer.model.errors import InvalidText
from explorer.plans.plan import Plan
from explorer.plans.replacement import Replacement, replace_plan
from explorer.plans.side import PlanSide

JSON = (
    '{ "spec" : {"replicas":1, "image": "a/\\u00e9:1","on": true ,"none":null},\r\n'
    '\t"n": [1.0,1e400, 1,"1",\t12345678901234567890]}\n'
)
YAML = dedent(
    """\
    # how many
    spec:
      replicas: 1   # at least one
      image: 'reg/web:1'
      "on": yes
      note: |
        first
        second
    list: [1, "1",  {name: a}]
    items:
    - name: a    # first
      port: 80
    - name: b
      port: 80
    """
)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with explorer.open("memory:") as opened:
        yield opened


async def planned(store: Store, value: str, field: str, replacement: Replacement) -> Plan:
    await store.put("a", value.encode())
    return await replace_plan(PlanSide(store), replacement, field=field, codecs=codecs_for(store, CodecOptions()))


@pytest.mark.parametrize(
    ("value", "field", "replacement", "change"),
    [
        pytest.param(JSON, "spec.replicas", Replacement("1", "2"), ('"replicas":1', '"replicas":2'), id="number"),
        pytest.param(JSON, "spec.on", Replacement("true", "false"), ("true", "false"), id="boolean"),
        pytest.param(JSON, "spec.none", Replacement("null", "[]"), ("null", "[]"), id="null becomes a list"),
        pytest.param(JSON, "spec.image", Replacement("a/é:1", "b"), ('"a/\\u00e9:1"', '"b"'), id="whole string"),
        pytest.param(JSON, "spec.image", Replacement('"a/é:1"', "5"), ('"a/\\u00e9:1"', "5"), id="string as JSON"),
        pytest.param(JSON, "spec.image", Replacement(":1", ":2", regex=True), ("\\u00e9:1", "\\u00e9:2"), id="part"),
        pytest.param(
            JSON, "spec.image", Replacement("1", '"\x01', regex=True), ("e9:1", 'e9:\\"\\u0001'), id="escapes"
        ),
        pytest.param(JSON, "n[0]", Replacement("1.0", "1.00"), ("1.0", "1.00"), id="digits"),
        pytest.param(JSON, "n[1]", Replacement("1e400", "0"), ("1e400", "0"), id="no float"),
        pytest.param(JSON, "n[*]", Replacement("1", "2"), (' 1,"1"', ' 2,"2"'), id="number and string"),
        pytest.param(JSON, "n[*]", Replacement('"1"', '"2"'), ('"1"', '"2"'), id="string only"),
        pytest.param(JSON, 'spec["replicas"]', Replacement(r"\d", "7", regex=True), ('s":1', 's":7'), id="quoted name"),
        pytest.param(YAML, "spec.replicas", Replacement("1", "2"), ("replicas: 1", "replicas: 2"), id="YAML number"),
        pytest.param(YAML, "spec.on", Replacement("true", "false"), ("yes", "false"), id="YAML boolean"),
        pytest.param(YAML, "spec.image", Replacement("reg/web:1", "x"), ("'reg/web:1'", "'x'"), id="YAML quotes"),
        pytest.param(YAML, "spec.image", Replacement(":1", ":2", regex=True), ("web:1", "web:2"), id="YAML part"),
        pytest.param(
            YAML, "items[1].port", Replacement("80", "81"), ("b\n  port: 80", "b\n  port: 81"), id="YAML item"
        ),
        pytest.param(YAML, "items[*].name", Replacement("a", "c"), ("name: a    #", "name: c    #"), id="YAML items"),
        pytest.param(YAML, "list[2].name", Replacement("a", "1"), ("{name: a}", '{name: "1"}'), id="YAML flow"),
        pytest.param(YAML, "list[*]", Replacement('"1"', "2"), ('"1"', "2"), id="YAML string becomes a number"),
    ],
)
async def test_only_the_field_changes(
    store: Store, value: str, field: str, replacement: Replacement, change: tuple[str, str]
) -> None:
    plan = await planned(store, value, field, replacement)
    assert value.count(change[0]) == 1
    assert [(one.new or b"").decode() for one in plan] == [value.replace(*change)]
    assert plan.omitted == ()


@pytest.mark.parametrize(
    ("value", "field", "replacement", "reason"),
    [
        (JSON, "spec.replicas", Replacement("10", "2"), ""),
        (JSON, "spec.image", Replacement("a", "b"), ""),
        (JSON, "spec", Replacement("1", "2"), ""),
        (JSON, "n[*]", Replacement("01", "2"), ""),
        (JSON, "spec.nothing", Replacement("1", "2"), "there is nothing at spec.nothing"),
        (JSON, "spec.replicas", Replacement("1", "two"), "'two' cannot take the place of 1: it is no JSON"),
        (JSON, "spec.replicas", Replacement("1", "01"), "'01' cannot take the place of 1: it is no JSON"),
        ('{"a":1,"b":{"c":1,"c":2}}', "a", Replacement("1", "2"), "an object has the name 'c' twice"),
        ('{"a":1,"\\u0061":1}', "a", Replacement("1", "2"), "an object has the name 'a' twice"),
        ("plain: 1", "plain", Replacement("1", "2"), "its value is not known to be a message, JSON or YAML"),
        ('\ufeff{"a":1}', "a", Replacement("1", "2"), "its value is not known to be a message, JSON or YAML"),
        ("a: &x 1\nb: *x\n", "a", Replacement("1", "2"), "an alias stands for what is at a"),
        ("a: &x {c: 1}\nb: *x\n", "b.c", Replacement("1", "2"), "an alias stands for what is at b.c"),
        (
            "a: 1\nb: 2\n---\na: 1\n",
            "a",
            Replacement("1", "2"),
            "line 3, column 1: not valid YAML: but found another document",
        ),
    ],
)
async def test_value_is_left_as_it_is(
    store: Store, value: str, field: str, replacement: Replacement, reason: str
) -> None:
    """A text of which OLD is only a part is not changed, and what cannot be changed says why."""
    plan = await planned(store, value, field, replacement)
    assert list(plan) == []
    assert [one.reason[: len(reason)] for one in plan.omitted] == ([reason] if reason else [])


async def test_expression_without_the_group_is_refused(store: Store) -> None:
    with pytest.raises(InvalidText, match="does not fit"):
        await planned(store, JSON, "spec.nothing", Replacement("1", r"\1", regex=True))
