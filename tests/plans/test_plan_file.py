"""Plans as files: what is written is read again, and nothing unguarded is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.model.errors import InvalidPlan
from explorer.plans.plan import Change, OmittedKey, Plan, PlanPart, RequiredKey
from explorer.plans.plan_file import read_plan, write_plan

KEYS = st.binary(max_size=8).map(lambda data: data.decode("utf-8", "surrogateescape"))
REVISIONS = st.integers(1, 2**63) | st.text(max_size=8)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """Return a guarded change of any kind."""
    key, old, new = draw(KEYS), draw(st.none() | st.binary(max_size=8)), draw(st.none() | st.binary(max_size=8))
    if old == new:
        old, new = None, b"new"
    return Change(key, None if old is None else draw(REVISIONS), old, new, draw(st.just({}) | st.just({"flags": 5})))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Return a plan with any keys and values."""
    parts = draw(st.lists(st.lists(changes(), max_size=5, unique_by=lambda change: change.key), max_size=2))
    listed = draw(st.lists(KEYS, max_size=3))
    return Plan(
        draw(st.text(max_size=8).filter(lambda text: text.isprintable())),
        tuple(PlanPart("memory:", draw(st.none() | st.just("id")), tuple(part)) for part in parts),
        same=tuple(listed),
        conflicts=tuple(OmittedKey(key, "differs") for key in listed),
        omitted=tuple(OmittedKey(key, "expires") for key in listed),
        undoes=draw(st.none() | st.just("20260101-000000-abcdef")),
    )


def plan() -> Plan:
    """Return a plan with a change of each kind."""
    return Plan(
        "a title",
        (
            PlanPart(
                "etcd://h:2379/",
                "identity",
                (
                    Change("new", None, None, b"\xff"),
                    Change("changed", 57, b"a", b"b", {"lease": "1"}),
                    Change("gone", "x-1", b"", None, masked=True),
                ),
            ),
        ),
    )


@given(plans())
def test_written_plan_is_read_again(written: Plan) -> None:
    """Whatever the bytes of keys and values, the plan that is read equals the one that was written."""
    assert read_plan(write_plan(written)) == written


def test_file_is_readable() -> None:
    """A reviewer sees keys, revisions and values as text where they are text."""
    (part,) = json.loads(write_plan(plan()))["parts"]
    assert part["changes"] == [
        {"key": "new", "absent": True, "new": {"base64": "/w=="}},
        {"key": "changed", "revision": 57, "old": {"text": "a"}, "new": {"text": "b"}, "kept": {"lease": "1"}},
        {"key": "gone", "revision": "x-1", "old": {"text": ""}, "delete": True, "masked": True},
    ]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('"revision": 57,', "", "not guarded"),
        ('"absent": true,', "", "not guarded"),
        ('"absent": true,', '"absent": false,', "not guarded"),
        ('"absent": true,', '"absent": true, "old": {"text": "a"},', "not guarded"),
        ('"absent": true,', '"absent": true, "revision": 5,', "not guarded"),
        ('"revision": 57,', '"revision": null,', "None is no revision"),
        ('"revision": 57,', '"revision": true,', "True is no revision"),
        ('"delete": true', '"delete": false', 'needs either "new" or "delete"'),
        (', "delete": true', "", 'needs either "new" or "delete"'),
        ('"old":', '"olds":', "unknown field 'olds'"),
        ('"key": "gone"', '"key": "new"', "a key is changed twice"),
        ('"text": "b"', '"text": "a"', "same old and new value"),
        ('"base64": "/w=="', '"base64": "/w"', "no base64"),
        ('"keyscope plan": 1', '"keyscope plan": 2', "version 2"),
        ('"keyscope plan": 1,', "", "no field 'keyscope plan'"),
        ('"title": "a title",', '"title": "a", "title": "b",', "a field twice"),
        ('"title": "a title",', '"title": NaN,', "NaN is no JSON"),
        ('"id": "', '"id": "../', "no ID of a plan"),
        ("}", "", "no JSON"),
        ('"guards": ', '"title": ', "a field twice"),
        ('"identity": "identity"', '"identity": null', "which keys it changes, was edited"),
        ('"revision": 57', '"revision": 58', "which keys it changes, was edited"),
        ('"old": {"text": "a"}', '"old": {"text": "c"}', "which keys it changes, was edited"),
        ('"key": "gone"', '"key": "other"', "which keys it changes, was edited"),
    ],
)
def test_edited_file_is_refused(before: str, after: str, reason: str) -> None:
    """A file that lost a guard, or was damaged, is refused with the reason and the file's name."""
    text = write_plan(plan())
    edited = text.replace(before, after, 1)
    assert edited != text
    with pytest.raises(InvalidPlan, match=f"edited.json.*{reason}"):
        read_plan(edited, "edited.json")


def test_new_value_may_be_edited() -> None:
    edited = read_plan(write_plan(plan()).replace('"text": "b"', '"text": "edited"'))
    assert [change.new for change in edited] == [b"\xff", b"edited", None]


@given(st.data())
def test_damaged_file_never_raises_another_error(data: st.DataObject) -> None:
    """Any character replaced by any other gives a plan or InvalidPlan."""
    text = write_plan(plan())
    place = data.draw(st.integers(0, len(text) - 1))
    edited = text[:place] + data.draw(st.sampled_from('{}[]",:0a\\ \n\ud800')) + text[place + 1 :]
    try:
        read_plan(edited)
    except InvalidPlan:
        return


def test_ids_of_plans_sort_by_time() -> None:
    """`undo` takes back the newest of them, also if two were made within a second."""
    times = [Plan("title", ()).id.rpartition("-")[0] for _ in range(100)]
    assert times == sorted(times)
    assert len(set(times)) > 1


def _places(document: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the paths of all parts of a document."""
    found = [path] if path else []
    members = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for name, member in members:
        found += _places(member, (*path, name))
    return found


MUTATED = Plan(
    "a title",
    (
        PlanPart(
            "memory:",
            "identity",
            (
                Change("new", None, None, b"1", ttl=60.5, meta={"flags": 1}),
                Change("changed", 57, b"a", b"b", {"flags": 1}),
                Change("gone", 58, b"c", None, {"acl": "ip:::1:r"}),
            ),
            "name",
            (RequiredKey("kept", 5),),
            ("folder",),
        ),
    ),
    same=("same",),
    conflicts=(OmittedKey("k", "why"),),
    omitted=(OmittedKey("k", "why"),),
    undoes="20260101-000000-abcdef",
    overrides=("rule",),
)
"""A plan with every field."""
WRONG: list[object] = [
    None,
    True,
    -1,
    1.5,
    "",
    "x",
    [],
    {},
    [[]],
    {"text": 1},
    {"base64": "%"},
    {"key": "k", "absent": True},
]
"""Values that take the place of a field."""


def _guard(change: Change) -> tuple[object, ...]:
    kept = {} if change.new is not None else dict(change.kept)
    return (change.key, change.base, change.old, change.new is None, change.masked, change.ttl, dict(change.meta), kept)


@pytest.mark.parametrize("place", _places(json.loads(write_plan(MUTATED))), ids=lambda place: "-".join(map(str, place)))
def test_every_mutated_field_stays_guarded(place: tuple[str | int, ...]) -> None:
    """Removed or of another kind: one line names the file, or what is read is guarded as before."""
    for wrong in (..., *WRONG):
        document = json.loads(write_plan(MUTATED))
        *outer, last = place
        owner = document
        for name in outer:
            owner = owner[name]
        if wrong is ...:
            del owner[last]
        else:
            owner[last] = wrong
        refused = ""
        plan = Plan("", ())
        try:
            plan = read_plan(json.dumps(document), "edited.json")
        except InvalidPlan as error:
            refused = str(error)
        assert refused.startswith("edited.json") or not refused
        assert "\n" not in refused
        assert all((change.base is None) == (change.old is None) for change in plan)
        assert sum(change.base is None for change in plan) <= 1
        assert refused or [part.required for part in plan.parts] == [part.required for part in MUTATED.parts]
        assert refused or (len(plan.conflicts), plan.undoes) == (1, MUTATED.undoes)
        assert refused or [_guard(change) for change in plan] == [_guard(change) for change in MUTATED]
        assert refused or [part.identity for part in plan.parts] == ["identity"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "nested too deeply|no JSON"),
        ('{"keyscope plan": 1, "parts": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"keyscope plan": ' + "9" * 5000 + "}", "version|no plan|no JSON"),
        ('"keyscope plan"', "no JSON object"),
        ("\ud800", "no JSON"),
        (write_plan(MUTATED)[:-40], "no JSON"),
    ],
    ids=["empty", "deep", "deep parts", "long number", "text", "surrogate", "truncated"],
)
def test_hostile_file_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(InvalidPlan, match=f"edited.json.*({reason})") as caught:
        read_plan(text, "edited.json")
    assert len(str(caught.value)) < 300
