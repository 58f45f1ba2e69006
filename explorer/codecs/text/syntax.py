"""Whether a text is JSON or YAML, and if not, where it stops being so. Nothing is built from it and nothing changed."""

import json
from collections.abc import Iterator
from typing import Final, NoReturn, Protocol

import yaml

from explorer.model.errors import InvalidText

DEEPEST: Final = 100
"""Levels of lists and mappings within each other; protobuf's own limit."""

_OPENING: Final = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING: Final = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_TOO_DEEP: Final = "nested too deeply"


class _Mark(Protocol):
    """A place in a text, from 0; PyYAML and libyaml have a class each."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


def check_json(text: str) -> None:
    """Accept JSON (RFC 8259): no NaN, any digits, names may be repeated.

    Raises:
        InvalidText: It is none.
    """
    try:
        json.loads(
            text, parse_int=_ignore, parse_float=_ignore, parse_constant=_refuse, object_pairs_hook=_ignore_pairs
        )
    except json.JSONDecodeError as error:
        raise InvalidText(f"not valid JSON: {_lower(error.msg)}", error.lineno, error.colno) from error
    except RecursionError as error:
        raise InvalidText(f"not valid JSON: {_TOO_DEEP}") from error


def check_yaml(text: str) -> None:
    """Accept YAML (1.1, as PyYAML reads it), in one document or several.

    Raises:
        InvalidText: It is none.
    """
    for _ in yaml_events(text):
        pass


def is_structured_yaml(text: str) -> bool:
    """Tell whether a text is YAML that says more than plain text: a list, or a mapping of two names or of a structure.

    Raises:
        InvalidText: It is no YAML.
    """
    block = [
        event
        for event in yaml_events(text)
        if isinstance(event, (*_OPENING, yaml.ScalarEvent)) and not getattr(event, "flow_style", False)
    ]
    match block:
        case [yaml.MappingStartEvent(), _, _, _, *_] | [yaml.SequenceStartEvent(), _, _, *_]:
            return True
        case _:
            return False


def yaml_events(text: str) -> Iterator[yaml.Event]:
    """Return what a YAML text consists of.

    Raises:
        InvalidText: It is no YAML.
    """
    anchors: set[str] = set()
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)
            if depth > DEEPEST:
                raise _invalid(_TOO_DEEP, event.start_mark)
            if isinstance(event, yaml.DocumentStartEvent):
                anchors.clear()
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in anchors:
                    raise _invalid(f"nothing is called {event.anchor!r}", event.start_mark)
            elif anchor := getattr(event, "anchor", None):
                anchors.add(anchor)
            yield event
    except yaml.MarkedYAMLError as error:
        raise _invalid(error.problem or error.context, error.problem_mark or error.context_mark) from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise InvalidText(f"not valid YAML: {_lower(str(error).partition(chr(10))[0])}") from error


def _invalid(what: str | None, mark: _Mark | None) -> InvalidText:
    message = f"not valid YAML: {what}"
    return InvalidText(message) if mark is None else InvalidText(message, mark.line + 1, mark.column + 1)


def _ignore(digits: str) -> None:
    """Take a number for nothing. That this is Python lets other threads go on while a large text is read."""


def _ignore_pairs(pairs: list[tuple[str, object]]) -> None:
    """Take an object for nothing."""


def _refuse(constant: str) -> NoReturn:
    raise InvalidText(f"not valid JSON: {constant} is not a number")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
