"""Formats of exported entries: JSON lines without loss, readable trees, and those of etcdctl and Consul.

- jsonl: one object a line, `{"key": ..., "text" or "base64": ..., "revision": ..., "lease": ..., "meta": {...}}`.
- json, yaml: the tree by names. A name that ends with the separator is a directory, another has a value: a text, or
  `{"base64": ...}` (YAML: `!!binary`).
- etcdctl: what `etcdctl get --prefix -w json` prints; consul: what `consul kv export` prints. Their keys are whole.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from explorer.model.entries import NO_META, Entry, Meta
from explorer.model.errors import InvalidText
from explorer.model.keys import decode, encode
from explorer.plans.json_values import Json, from_base64, from_text, load_json, to_base64, to_text_or_base64
from explorer.plans.key_tree import tree_from_json, tree_from_yaml, tree_to_json, tree_to_yaml

WHOLE_KEY_FORMATS: Final = ("etcdctl", "consul")
"""Formats whose keys are those of the store, and not relative to a prefix."""
FORMATS: Final = ("jsonl", "yaml", "json", *WHOLE_KEY_FORMATS)


def write(form: str, entries: Iterable[Entry], separator: str = "/") -> Iterator[str]:
    """Yield the text of entries in a format, in parts; JSON lines one by one."""
    match form:
        case "jsonl":
            yield from (f"{json.dumps(_to_record(entry))}\n" for entry in entries)
        case "json":
            yield tree_to_json(entries, separator)
        case "yaml":
            yield tree_to_yaml(entries, separator)
        case "etcdctl":
            pairs = [{"key": to_base64(encode(entry.key)), "value": to_base64(entry.value)} for entry in entries]
            yield json.dumps({"kvs": pairs, "count": len(pairs)}) + "\n"
        case "consul":
            yield json.dumps([_to_consul(entry) for entry in entries], indent="\t") + "\n"
        case _:
            raise ValueError(form)


def read(text: str, separator: str = "/", *, form: str | None = None) -> list[Entry]:
    """Return the entries of a text in any of the formats.

    Args:
        text: The text.
        separator: Separator of the names of a tree.
        form: The format; None finds out.

    Raises:
        InvalidText: The text has none of the formats, or a key twice.
    """
    form = form or _detect(text)
    try:
        match form:
            case "jsonl":
                lines = enumerate(text.split("\n"), 1)
                entries = [_from_record(_load_line(line, number), number) for number, line in lines if line.strip()]
            case "json":
                entries = list(tree_from_json(text, separator))
            case "yaml":
                entries = list(tree_from_yaml(text, separator))
            case "etcdctl":
                entries = [_from_etcdctl(pair) for pair in _items(load_json(text), "kvs")]
            case _:
                entries = [_from_consul(pair) for pair in _items({"pairs": load_json(text)}, "pairs")]
    except RecursionError as error:
        raise InvalidText("nested too deeply") from error
    _require_unique(entries)
    return entries


def _detect(text: str) -> str:
    start = text.lstrip()
    if start.startswith("["):
        return "consul"
    if not start.startswith("{"):
        return "yaml"
    first = start.partition("\n")[0]
    try:
        record = json.loads(first)
    except ValueError:
        record = None
    if isinstance(record, dict) and "key" in record and ("text" in record or "base64" in record):
        return "jsonl"
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return "yaml" if not first.endswith("}") else "jsonl"
    return "etcdctl" if isinstance(document, dict) and isinstance(document.get("kvs"), list) else "json"


# JSON lines


def _to_record(entry: Entry) -> Mapping[str, Json]:
    record: dict[str, Json] = {"key": entry.key, **to_text_or_base64(entry.value), "revision": entry.revision}
    for name in ("created", "version", "ttl", "lease"):
        if (value := getattr(entry, name)) is not None:
            record[name] = value
    return {**record, "meta": dict(entry.meta)} if entry.meta else record


def _load_line(text: str, line: int) -> Json:
    try:
        return load_json(text)
    except InvalidText as error:
        raise InvalidText("no JSON, or cut off", line, error.column) from error


def _from_record(record: Json, line: int) -> Entry:
    match record:
        case {"key": str(key), "text": str(text), **rest}:
            value = from_text(text, str(key))
        case {"key": str(key), "base64": str(text), **rest}:
            value = from_base64(text, key)
        case _:
            raise InvalidText('no object with "key" and "text" or "base64"', line)
    lease, ttl = rest.get("lease"), rest.get("ttl")
    return Entry(
        key,
        value,
        "",
        ttl=ttl if isinstance(ttl, int | float) else None,
        lease=lease if isinstance(lease, str) else None,
        meta=_meta_from_record(rest.get("meta"), key),
    )


def _meta_from_record(meta: Json, key: str) -> Meta:
    """Return the metadata of a record, of which a key may be created with some.

    Raises:
        InvalidText: It is no object of texts and numbers.
    """
    if meta is None:
        return NO_META
    if not isinstance(meta, dict) or not all(isinstance(value, str | int) for value in meta.values()):
        raise InvalidText('"meta" is no object of texts and numbers', key=key)
    return meta


# etcdctl and Consul


def _to_consul(entry: Entry) -> Mapping[str, Json]:
    flags = entry.meta.get("flags", 0)
    return {"key": entry.key, "flags": flags, "value": to_base64(entry.value)}


def _from_etcdctl(pair: Json) -> Entry:
    match pair:
        case {"key": str(key), **rest}:
            name = decode(from_base64(key, key))
            lease = rest.get("lease")
            return Entry(name, from_base64(rest.get("value", ""), name), "", lease=f"{lease:x}" if lease else None)
        case _:
            raise InvalidText('a pair has no "key"')


def _from_consul(pair: Json) -> Entry:
    match pair:
        case {"key": str(key), "value": str(value), **rest}:
            flags = rest.get("flags")
            return Entry(
                key, from_base64(value, key), "", meta={"flags": flags} if isinstance(flags, int) and flags else {}
            )
        case _:
            raise InvalidText('a pair has no "key" and "value"')


def _items(document: Json, name: str) -> list[Json]:
    items = document.get(name) if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise InvalidText(f"{name!r} is no list")
    return items


def _require_unique(entries: Iterable[Entry]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.key in seen:
            raise InvalidText("the key is there twice", key=entry.key)
        seen.add(entry.key)
