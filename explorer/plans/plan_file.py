"""Plans as JSON files that a person can review and another person can apply.

::

    {
      "keyscope plan": 1,
      "id": "20260102-030405-678901-a1b2", "title": "copy ...", "created": "2026-01-02T03:04:05+00:00",
      "parts": [
        {"store": "etcd://127.0.0.1:2379/config/", "identity": "...",
         "changes": [
           {"key": "app", "revision": 57, "old": {"text": "a"}, "new": {"text": "b"}, "kept": {"lease": "..."}},
           {"key": "new", "absent": true, "new": {"base64": "/w=="}, "ttl": 60.0, "meta": {"flags": 42}},
           {"key": "gone", "revision": 58, "old": {"text": "c"}, "delete": true}
         ]}
      ],
      "guards": "8a4f..."
    }

Every change says what the key must be: at a revision, with its old value beside it, or absent. A file in which one does
not, or with a field that is not known here, is refused: a typing error must not remove a guard. `guards` is a digest of
what the plan requires: the stores, the keys that must be as they were, which keys it changes, and what else they are
created with. New values may be edited.
"""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final, TypeVar

from explorer.drivers.common.created_meta import chosen_meta
from explorer.model.entries import NO_META, Meta, Revision
from explorer.model.errors import InvalidPlan, InvalidText
from explorer.plans.json_values import Json, from_base64, from_text, load_json, to_text_or_base64
from explorer.plans.plan import Change, OmittedKey, Plan, PlanPart, RequiredKey

FORMAT: Final = "keyscope plan"
"""Field that has the version of the format."""
VERSION: Final = 1

Parsed = TypeVar("Parsed")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_PLAN_FIELDS: Final = (
    FORMAT,
    "id",
    "title",
    "created",
    "parts",
    "same",
    "conflicts",
    "omitted",
    "undoes",
    "overrides",
    "guards",
)
_PART_FIELDS: Final = ("store", "identity", "profile", "changes", "required", "directories")
_CHANGE_FIELDS: Final = ("key", "revision", "absent", "old", "new", "delete", "kept", "masked", "ttl", "meta")
_CHANGE_DEPTH: Final = 4
"""Depth of a change in its plan."""
_START: Final = re.compile(rf'\s*\{{\s*"{FORMAT}"\s*:')
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}\Z")


def is_plan(text: str) -> bool:
    """Return whether a text is that of a plan's file, valid or not."""
    return _START.match(text) is not None


def write_plan(plan: Plan) -> str:
    """Return the text of a plan's file."""
    document = {
        FORMAT: VERSION,
        "id": plan.id,
        "title": plan.title,
        "created": plan.created.isoformat(),
        **({"undoes": plan.undoes} if plan.undoes else {}),
        **({"overrides": list(plan.overrides)} if plan.overrides else {}),
        "parts": [_part_to_json(part) for part in plan.parts],
        **({"same": list(plan.same)} if plan.same else {}),
        **{name: [{"key": key.key, "reason": key.reason} for key in keys] for name, keys in _listed(plan) if keys},
        "guards": _guards(plan),
    }
    text = _indented(document)
    return _SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def _indented(value: Json, depth: int = 0) -> str:
    """Return JSON with one change a line, which json itself writes in one go; an iterator is a list."""
    if depth == _CHANGE_DEPTH or not value or not isinstance(value, dict | list | Iterator):
        return json.dumps(value, ensure_ascii=False)
    outer, inner = "\n" + "  " * depth, "\n" + "  " * (depth + 1)
    if isinstance(value, dict):
        members = [f"{json.dumps(name)}: {_indented(member, depth + 1)}" for name, member in value.items()]
        return f"{{{inner}{f',{inner}'.join(members)}{outer}}}"
    items = [_indented(member, depth + 1) for member in value]
    return f"[{inner}{f',{inner}'.join(items)}{outer}]" if items else "[]"


def read_plan(text: str, name: str = "the plan") -> Plan:
    """Return the plan of a file.

    Args:
        text: The content of the file.
        name: Name of the file, for errors.

    Raises:
        InvalidPlan: The text is no plan, or has a change that is not guarded.
    """
    try:
        return _plan_from_json(load_json(text))
    except (InvalidPlan, InvalidText) as error:
        raise InvalidPlan(f"{name}: {error.message}", hint=error.hint, key=error.key) from error
    except ValueError as error:  # of a date
        raise InvalidPlan(f"{name} is no plan: {error}", hint="make it again, and do not edit it by hand") from error


def _guards(plan: Plan) -> str:
    """Return a digest of what a plan requires, and of the keys that it changes."""
    digest = hashlib.sha256()

    def add(*texts: object) -> None:
        digest.update(json.dumps(texts).encode("ascii") + b"\n")

    add(plan.undoes, *(one.key for one in plan.conflicts))
    for part in plan.parts:
        add(part.store, part.identity, part.profile, part.directories)
        for one in part.required:
            add("required", *one)
        for change in part.changes:
            add(change.key, change.base, change.new is None, change.masked, change.ttl)
            restored = chosen_meta(change.kept) if change.new is None else NO_META  # by an undo
            if meta := {**change.meta, **restored}:
                add("meta", sorted(meta.items()))
            digest.update(b"" if change.old is None else hashlib.sha256(change.old).digest())
    return digest.hexdigest()


def _listed(plan: Plan) -> tuple[tuple[str, tuple[OmittedKey, ...]], ...]:
    return (("conflicts", plan.conflicts), ("omitted", plan.omitted))


def _part_to_json(part: PlanPart) -> Json:
    return {
        "store": part.store,
        "identity": part.identity,
        **({"profile": part.profile} if part.profile else {}),
        "changes": map(_change_to_json, part.changes),  # one by one: together they take more than their text
        **(
            {"required": [{"key": one.key, "revision": one.revision} for one in part.required]} if part.required else {}
        ),
        **({"directories": list(part.directories)} if part.directories else {}),
    }


def _change_to_json(change: Change) -> Json:
    guard = {"absent": True} if change.base is None else {"revision": change.base, "old": to_text_or_base64(change.old)}
    new = {"delete": True} if change.new is None else {"new": to_text_or_base64(change.new)}
    kept: dict[str, Json] = {"kept": dict(change.kept)} if change.kept else {}
    ttl: dict[str, Json] = {} if change.ttl is None else {"ttl": change.ttl}
    meta: dict[str, Json] = {"meta": dict(change.meta)} if change.meta else {}
    return {"key": change.key, **guard, **new, **kept, **({"masked": True} if change.masked else {}), **ttl, **meta}


def _plan_from_json(document: Json) -> Plan:
    fields = _fields(document, _PLAN_FIELDS, "a plan")
    if FORMAT not in fields:
        raise InvalidPlan(f"it has no field {FORMAT!r}", hint="name a file that --plan wrote")
    if fields[FORMAT] != VERSION:
        raise InvalidPlan(f"version {fields[FORMAT]!r} of the format is not known", hint="update Keyscope")
    identity = _text(fields, "id")
    if not _ID.match(identity):
        raise InvalidPlan(f"{identity!r} is no ID of a plan", hint="make the plan again")
    plan = Plan(
        title=_text(fields, "title"),
        parts=tuple(_list(fields, "parts", _part_from_json)),
        same=tuple(_list(fields, "same", _key_from_json)),
        conflicts=tuple(_list(fields, "conflicts", _omitted_from_json)),
        omitted=tuple(_list(fields, "omitted", _omitted_from_json)),
        undoes=_text(fields, "undoes") if "undoes" in fields else None,
        created=datetime.fromisoformat(_text(fields, "created")),
        id=identity,
        overrides=tuple(_list(fields, "overrides", _name_from_json)),
    )
    if fields.get("guards") != _guards(plan):
        raise InvalidPlan(
            "what it requires, or which keys it changes, was edited", hint="only new values may be: make the plan again"
        )
    return plan


def _part_from_json(document: Json) -> PlanPart:
    fields = _fields(document, _PART_FIELDS, "a part")
    changes = tuple(_list(fields, "changes", _change_from_json))
    required = tuple(_list(fields, "required", _required_from_json))
    counts = Counter([*(change.key for change in changes), *(one.key for one in required)])
    for key, count in counts.items():
        if count > 1:
            raise InvalidPlan("a key is changed twice", key=key, hint="make the plan again")
    return PlanPart(
        _text(fields, "store"),
        None if fields.get("identity") is None else _text(fields, "identity"),
        changes,
        _text(fields, "profile") if "profile" in fields else None,
        required,
        tuple(_list(fields, "directories", _key_from_json)),
    )


def _required_from_json(document: Json) -> RequiredKey:
    fields = _fields(document, ("key", "revision"), "a required key")
    key = _text(fields, "key")
    return RequiredKey(key, _revision(fields.get("revision"), key))


def _change_from_json(document: Json) -> Change:
    fields = _fields(document, _CHANGE_FIELDS, "a change")
    key = _text(fields, "key")
    guards = [name for name in ("revision", "absent") if name in fields]
    results = [name for name in ("new", "delete") if name in fields]
    if len(guards) != 1 or fields.get("absent", True) is not True or ("old" in fields) is not ("revision" in fields):
        raise InvalidPlan(
            "a change is not guarded", key=key, hint='it needs "revision" with "old", or "absent": true; make it again'
        )
    if len(results) != 1 or fields.get("delete", True) is not True:
        raise InvalidPlan('a change needs either "new" or "delete": true', key=key, hint="make the plan again")
    return Change(
        key,
        _revision(fields["revision"], key) if "revision" in fields else None,
        _value_from_json(fields["old"], key) if "old" in fields else None,
        _value_from_json(fields["new"], key) if "new" in fields else None,
        _meta_from_json(fields.get("kept", {}), key, "kept"),
        masked=fields.get("masked") is True,
        ttl=_ttl_from_json(fields["ttl"], key) if "ttl" in fields else None,
        meta=_meta_from_json(fields.get("meta", {}), key, "meta"),
    )


def _ttl_from_json(document: Json, key: str) -> float:
    if isinstance(document, bool) or not isinstance(document, int | float) or not 0 < document < math.inf:
        raise InvalidPlan('"ttl" is no number of seconds', key=key)
    return document


def _value_from_json(document: Json, key: str) -> bytes:
    match document:
        case {"text": str(text), **others} if not others:
            return from_text(text, key)
        case {"base64": text, **others} if not others:
            return from_base64(text, key)
        case _:
            raise InvalidPlan('a value is neither {"text": ...} nor {"base64": ...}', key=key)


def _meta_from_json(document: Json, key: str, name: str) -> Meta:
    if not isinstance(document, dict) or not all(isinstance(value, str | int) for value in document.values()):
        raise InvalidPlan(f'"{name}" is no object of texts and numbers', key=key)
    return document


def _omitted_from_json(document: Json) -> OmittedKey:
    fields = _fields(document, ("key", "reason"), "a key")
    return OmittedKey(_text(fields, "key"), _text(fields, "reason"))


def _key_from_json(document: Json) -> str:
    if not isinstance(document, str):
        raise InvalidPlan(f"{document!r} is no key")
    return document


def _name_from_json(document: Json) -> str:
    if not isinstance(document, str):
        raise InvalidPlan(f"{document!r} is no name of a constraint")
    return document


def _revision(document: Json, key: str) -> Revision:
    if isinstance(document, bool) or not isinstance(document, int | str):
        raise InvalidPlan(f"{document!r} is no revision", key=key, hint="make the plan again")
    return document


def _fields(document: Json, known: tuple[str, ...], what: str) -> Mapping[str, Json]:
    if not isinstance(document, dict):
        raise InvalidPlan(f"{what} is no JSON object")
    if unknown := document.keys() - set(known):
        raise InvalidPlan(f"{what} has an unknown field {min(unknown)!r}", hint=f"known are {', '.join(known)}")
    return document


def _text(fields: Mapping[str, Json], name: str) -> str:
    if not isinstance(value := fields.get(name), str):
        raise InvalidPlan(f"{name!r} is missing or no text")
    return value


def _list(fields: Mapping[str, Json], name: str, parse: Callable[[Json], Parsed]) -> list[Parsed]:
    items = fields.get(name, [])
    if not isinstance(items, list):
        raise InvalidPlan(f"{name!r} is no list")
    return [parse(item) for item in items]
