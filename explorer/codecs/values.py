"""Values as Python data, by the codecs that make their documents."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import NoReturn

import yaml

from explorer.codecs.base import KUBERNETES_MAGIC, Choice, Fields
from explorer.codecs.codecs import Codecs
from explorer.codecs.detect import detect
from explorer.codecs.protobuf.field_values import read_fields
from explorer.codecs.protobuf.kubernetes import KubernetesEnvelope
from explorer.codecs.text.content import truncate_utf8
from explorer.codecs.text.yaml_syntax import check_yaml
from explorer.model.errors import InvalidText


def decode_value(codecs: Codecs, key: str, value: bytes) -> object:
    """Return a value as Python data; see `EntryDecoder.decode`.

    Args:
        codecs: Schemas and rules.
        key: The key, relative to the root.
        value: Its bytes.
    """
    for choice in _choices(codecs, key, value):
        with suppress(InvalidText):
            return read_value(codecs, value, choice)
    return value


def _choices(codecs: Codecs, key: str, value: bytes) -> Iterator[Choice]:
    """Yield the codec of the rule, then the detected one and those that read more."""
    if (rule := codecs.rule(key)) is not None:
        yield rule.choice
    if value.startswith(KUBERNETES_MAGIC):
        yield Choice("k8s")
    codec = detect(key, truncate_utf8(value, codecs.limits.max_shown))[0]
    yield Choice(codec)
    if codec != "hex":
        yield Choice("text")


def read_value(codecs: Codecs, value: bytes, choice: Choice) -> object:
    """Return a value as Python data by a codec.

    Raises:
        InvalidText: It is no such value, or Python has no data for it.
    """
    match choice.codec:
        case "hex":
            return value
        case "text":
            return _text(value)
        case "json":
            return _json(_text(value))
        case "yaml":
            return _yaml(_text(value), codecs.limits.max_elements)
        case "protobuf":
            return read_fields(value, choice, codecs.schemas_for(choice), codecs.limits)
        case "k8s":
            envelope = KubernetesEnvelope.read(value)
            schemas = codecs.kubernetes_schemas()
            name = choice.type or envelope.type_name(schemas)
            return read_fields(envelope.raw, Choice("protobuf", name), schemas, codecs.limits)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise InvalidText("not UTF-8") from error


def _json(text: str) -> object:
    """Return the data of a JSON text.

    Raises:
        InvalidText: It is not JSON, or Python has no such data: names that repeat, numbers of thousands of digits.
    """
    try:
        return json.loads(text, object_pairs_hook=_members, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidText("not JSON, or JSON that Python has no data for") from error


def _members(pairs: list[tuple[str, object]]) -> Fields:
    members = Fields(pairs)
    if len(members) < len(pairs):
        raise InvalidText("a name repeats")
    return members


def _refuse_constant(constant: str) -> NoReturn:
    raise InvalidText(f"{constant} is not JSON")


def _yaml(text: str, max_elements: int) -> object:
    """Return the data of a YAML text; a list for several documents.

    Raises:
        InvalidText: It is not YAML, has tags of its own, or its aliases stand for too much.
    """
    check_yaml(text)
    try:
        for node in yaml.compose_all(text, Loader=yaml.CSafeLoader):
            _require_small(node, max(max_elements, len(text)))
        documents = [_with_fields(document) for document in yaml.load_all(text, Loader=yaml.CSafeLoader)]
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:  # a date of day 32, a list as a name
        raise InvalidText("YAML that Python has no data for") from error
    return documents[0] if len(documents) == 1 else documents


def _require_small(root: yaml.Node | None, max_elements: int) -> None:
    """Raise InvalidText if a document has more elements than so many where each alias stands for a copy."""
    sizes: dict[int, int] = {}

    def size_of(node: yaml.Node, above: frozenset[int]) -> int:
        if id(node) in above:
            raise InvalidText("an alias within what it stands for")
        if id(node) not in sizes:
            inner = node.value if isinstance(node, yaml.CollectionNode) else ()
            nodes = (part for one in inner for part in (one if isinstance(one, tuple) else (one,)))
            sizes[id(node)] = 1 + sum(size_of(one, above | {id(node)}) for one in nodes)
        return sizes[id(node)]

    if root is not None and size_of(root, frozenset()) > max_elements:
        raise InvalidText("the aliases stand for too much")


def _with_fields(data: object) -> object:
    """Return the data with its mappings as fields; one with other names than strings stays a plain dict."""
    match data:
        case dict():
            members = {name: _with_fields(value) for name, value in data.items()}
            return Fields(members) if all(isinstance(name, str) for name in members) else members
        case list():
            return [_with_fields(value) for value in data]
        case _:
            return data
