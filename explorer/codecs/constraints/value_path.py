"""Paths to a part of a decoded value: `spec.replicas`, `ports[0].number`, `labels["a.b"]`; `*` is any member."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

from explorer.model.errors import SchemaFailed

Parts: TypeAlias = tuple[str | int, ...]
"""Names and indexes that lead to a part of a value."""

_NAME: Final = re.compile(r"[A-Za-z_][\w-]*")
_STEP: Final = re.compile(
    r"(?P<dot>^|\.)(?P<name>[A-Za-z_][\w-]*|\*)|\[(?:(?P<index>\d{1,9}|\*)|(?P<quoted>\"(?:[^\"\\]|\\.)*\"))\]"
)


class _AnyMember:
    """Step to every member of a list, a map or a message."""


_ANY: Final = _AnyMember()


@dataclass(frozen=True, slots=True)
class ValuePath:
    """Compiled path."""

    text: str
    steps: tuple[str | int | _AnyMember, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the path of a text.

        Raises:
            SchemaFailed: The text is no path.
        """
        steps: list[str | int | _AnyMember] = []
        end = 0
        while end < len(text):
            step = _STEP.match(text, end)
            if step is None:
                raise SchemaFailed(f"{text!r} is no path", hint='write path = "spec.ports[0].name" or "ports[*].name"')
            if "*" in (step["name"], step["index"]):
                steps.append(_ANY)
            elif step["quoted"] is not None:
                steps.append(_unquoted(step["quoted"], text))
            else:
                steps.append(step["name"] if step["index"] is None else int(step["index"]))
            end = step.end()
        return cls(text, tuple(steps))

    def find(self, data: object) -> Iterator[tuple[Parts, object]]:
        """Yield the parts of a value that the path leads to, with the names that lead to each."""
        found: list[tuple[Parts, object]] = [((), data)]
        for step in self.steps:
            found = [
                ((*parts, name), member)
                for parts, part in found
                for name, member in _members(part)
                if step is _ANY or step == name or (isinstance(part, dict) and str(step) == str(name))
            ]
        yield from found

    def __str__(self) -> str:
        return self.text


def format_path(parts: Sequence[str | int]) -> str:
    """Return the text of a path.

    >>> format_path(["spec", "ports", 0, "a.b"])
    'spec.ports[0]["a.b"]'
    """
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _NAME.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return text


def _members(part: object) -> Iterator[tuple[str | int, object]]:
    match part:
        case dict():
            yield from ((name if isinstance(name, str | int) else str(name), member) for name, member in part.items())
        case list():
            yield from enumerate(part)
        case _:
            pass


def _unquoted(quoted: str, text: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError as error:
        raise SchemaFailed(f"{text!r} is no path: {quoted} is not a string of JSON") from error
