r"""Documents of collections: JSON text with one element in each line, and the way back.

A hash is an object, sorted by field; a list is an array; a set is a sorted array; a sorted set is an object of the
scores by member, in the order of the scores; a stream is an array of objects with `id` and `fields`. Bytes that are no
UTF-8 are written as `\udcXX`, as Python's surrogateescape has them, so that every value comes back byte for byte.
"""

import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Final

from explorer.drivers.redis.values import HASH, LIST, SET, STREAM, ZSET, RedisValue, Row
from explorer.model.errors import InvalidText
from explorer.model.keys import decode

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_STREAM_ID: Final = re.compile(r"\*|\d{1,20}(-(\d{1,20}|\*))?")
_INFINITE: Final = ("inf", "-inf")


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def to_document(value: RedisValue) -> bytes:
    """Return the document of a collection."""
    rows = value.rows
    match value.type:
        case "hash":
            return _block("{}", (f"{_text(field)}: {_text(item)}" for field, item in sorted(rows)))
        case "zset":
            return _block("{}", (f"{_text(member)}: {_score(score)}" for member, score in rows))
        case "stream":
            return _block("[]", map(_stream_entry, rows))
        case "set":
            return _block("[]", (_text(member) for (member,) in sorted(rows)))
        case _:
            return _block("[]", (_text(item) for (item,) in rows))


def _block(brackets: str, lines: Iterable[str]) -> bytes:
    body = ",\n".join(f"  {line}" for line in lines)
    return f"{brackets[0]}\n{body}\n{brackets[1]}\n".encode() if body else f"{brackets}\n".encode()


def _text(data: bytes) -> str:
    text = json.dumps(decode(data), ensure_ascii=False)
    return _SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _score(score: bytes) -> str:
    text = score.decode()
    return json.dumps(text) if text in _INFINITE else text


def _stream_entry(row: Row) -> str:
    fields = list(zip(row[1::2], row[2::2], strict=True))
    if len({field for field, _ in fields}) == len(fields):
        body = ", ".join(f"{_text(field)}: {_text(item)}" for field, item in fields)
        shown = f"{{{body}}}"
    else:
        shown = "[" + ", ".join(f"[{_text(field)}, {_text(item)}]" for field, item in fields) + "]"
    return f'{{"id": {_text(row[0])}, "fields": {shown}}}'


# The way back


def parse_document(kind: str, data: bytes) -> RedisValue:
    """Return the collection of a document.

    Raises:
        InvalidText: It is no document of this type; the message has the place.
    """
    found = _parse_json(data)
    rows = _PARSERS[kind](found)
    if not rows and kind != STREAM:
        raise InvalidText(f"Redis has no empty {kind}", hint="delete the key instead")
    return RedisValue(kind, tuple(rows), length=len(rows))


def _parse_json(data: bytes) -> object:
    try:
        text = data.decode()
        return json.loads(
            text, object_pairs_hook=_object, parse_int=_Number, parse_float=_Number, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        raise InvalidText(f"no JSON: {error.msg}", error.lineno, error.colno) from error
    except UnicodeDecodeError as error:
        raise InvalidText(f"no UTF-8 at byte {error.start}", hint=r"write other bytes as \udcXX") from error
    except RecursionError as error:
        raise InvalidText("nested too deeply") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise InvalidText(f"{_path(double)}: the name is there twice", hint="keep one of them")
    return found


def _constant(name: str) -> object:
    raise InvalidText(f"{name} is no JSON", hint='a score may be "inf" or "-inf"')


def _path(*parts: str | int) -> str:
    return "$" + "".join(f"[{json.dumps(part)}]" for part in parts)


def _bytes(found: object, path: str) -> bytes:
    if isinstance(found, _Number) or not isinstance(found, str):
        raise InvalidText(f"{path}: Redis stores text here", hint='write it in quotes: "1"')
    try:
        return found.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InvalidText(
            f"{path}: a lone surrogate is no text", hint=r"only \udc80 to \udcff stand for bytes"
        ) from error


def _members(found: object, what: str, path: str = "$") -> dict[str, object]:
    if not isinstance(found, dict):
        raise InvalidText(f"{path}: {what} is a JSON object", hint='{"name": "value"}')
    return found


def _items(found: object, what: str, path: str = "$") -> list[object]:
    if not isinstance(found, list):
        raise InvalidText(f"{path}: {what} is a JSON array", hint='["item"]')
    return found


def _hash(found: object) -> list[Row]:
    return [(_bytes(name, _path(name)), _bytes(item, _path(name))) for name, item in _members(found, "a hash").items()]


def _list(found: object) -> list[Row]:
    return [(_bytes(item, _path(number)),) for number, item in enumerate(_items(found, "a list"))]


def _set(found: object) -> list[Row]:
    rows: list[Row] = [(_bytes(item, _path(number)),) for number, item in enumerate(_items(found, "a set"))]
    seen: set[Row] = set()
    for number, row in enumerate(rows):
        if row in seen:
            raise InvalidText(f"{_path(number)}: the member is there twice", hint="keep one of them")
        seen.add(row)
    return rows


def _zset(found: object) -> list[Row]:
    return [
        (_bytes(name, _path(name)), _parse_score(score, _path(name)))
        for name, score in _members(found, "a sorted set").items()
    ]


def _parse_score(found: object, path: str) -> bytes:
    if isinstance(found, str) and (isinstance(found, _Number) or found in _INFINITE):
        if not isinstance(found, _Number) or math.isfinite(float(found)):
            return found.encode()
        raise InvalidText(f"{path}: the score is too large", hint='or write "inf"')
    raise InvalidText(f"{path}: a score is a number", hint='1.5, "inf" or "-inf"')


def _stream(found: object) -> list[Row]:
    rows = []
    for number, item in enumerate(_items(found, "a stream")):
        path = _path(number)
        entry = _members(item, "an entry of a stream", path)
        if set(entry) != {"id", "fields"}:
            raise InvalidText(f"{path}: an entry has id and fields", hint='{"id": "*", "fields": {"name": "value"}}')
        name = entry["id"]
        if not isinstance(name, str) or isinstance(name, _Number) or not _STREAM_ID.fullmatch(name):
            raise InvalidText(f"{path}: no ID of a stream", hint='"1700000000000-0", or "*" for a new one')
        rows.append((name.encode(), *_fields(entry["fields"], number)))
    return rows


def _fields(found: object, number: int) -> Iterable[bytes]:
    pairs = list(found.items()) if isinstance(found, dict) else found
    if not isinstance(pairs, list) or not pairs:
        raise InvalidText(f"{_path(number, 'fields')}: an entry has fields", hint='{"name": "value"}')
    flat = []
    for pair in pairs:
        match pair:
            case [name, item] | (name, item):
                flat += [_bytes(name, _path(number, "fields")), _bytes(item, _path(number, "fields", str(name)))]
            case _:
                raise InvalidText(f"{_path(number, 'fields')}: a field is a name and a value", hint='["name", "value"]')
    return flat


_PARSERS: Final[dict[str, Callable[[object], list[Row]]]] = {
    HASH: _hash,
    LIST: _list,
    SET: _set,
    ZSET: _zset,
    STREAM: _stream,
}
