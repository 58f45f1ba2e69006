"""JSON made readable without changing what it says: numbers, the order of names and repeated names stay as they are."""

import json
import re
from typing import Final

_WORD: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_NOT_PLAIN: Final = re.compile(r"[^\x00-\x7e]")


def indent_json(text: str) -> str:
    r"""Give JSON with one value a line. What is not ASCII is escaped, which is the same JSON and harmless everywhere.

    >>> print(indented('{"a":1.10,"a":[]}'))
    {
      "a": 1.10,
      "a": []
    }

    Raises:
        ValueError: It is not JSON, or nested too deeply to tell.
    """
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    lines: list[str] = [""]
    depth = 0
    for word in _WORD.findall(text):
        if word in "]}":
            depth -= 1
            if lines[-1].strip():
                lines.append("  " * depth + word)
            else:  # nothing in it
                lines[-2:] = [lines[-2] + word]
            continue
        lines[-1] += word
        if word in "[{":
            depth += 1
        if word in "[{,":
            lines.append("  " * depth)
        if word == ":":
            lines[-1] += " "
    return _ascii("\n".join(lines))


def _refuse(constant: str) -> None:
    message = f"{constant} is no JSON number"
    raise ValueError(message)


def _ascii(text: str) -> str:
    return _NOT_PLAIN.sub(lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
