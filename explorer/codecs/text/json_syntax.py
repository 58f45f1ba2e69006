"""Strict JSON (RFC 8259): check, tokens, and an indented layout that changes no token."""

import json
import re
from typing import Final, NoReturn

from explorer.codecs.text.escapes import json_escape
from explorer.codecs.text.token_layout import VALUE, Tokens, indented_gaps
from explorer.model.errors import InvalidText

JSON_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_PUNCTUATION: Final = frozenset("[]{},:")
_NOT_PRINTABLE_ASCII: Final = re.compile(r"[^\x00-\x7e]")


def check_json(text: str) -> None:
    """Raise if a text is not strict JSON; numbers may have any digits, and names may repeat.

    Raises:
        InvalidText: The text is not JSON; the error has line and column.
    """
    try:
        json.loads(
            text,
            parse_int=_discard_number,
            parse_float=_discard_number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_discard_members,
        )
    except json.JSONDecodeError as error:
        message = f"not valid JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise InvalidText(message, error.lineno, error.colno) from error
    except RecursionError as error:
        raise InvalidText("not valid JSON: nested too deeply") from error


def json_tokens(text: str) -> Tokens:
    """Return the tokens of a JSON text.

    Raises:
        InvalidText: The text is not JSON.
    """
    check_json(text)
    texts: list[str] = []
    gaps: list[str] = []
    end = 0
    for match in JSON_TOKEN.finditer(text):
        gaps.append(text[end : match.start()])
        texts.append(match[0])
        end = match.end()
    gaps.append(text[end:])
    return Tokens(texts, [text if text in _PUNCTUATION else VALUE for text in texts], gaps)


def indent_json(text: str) -> str:
    r"""Return the same JSON with one value a line, in ASCII: other characters become JSON's own escapes.

    Numbers, the order of names and repeated names stay as they are.

    >>> print(indent_json('{"a":1.10,"a":[]}'))
    {
      "a": 1.10,
      "a": []
    }

    Raises:
        InvalidText: The text is not JSON.
    """
    tokens = json_tokens(text)
    return _NOT_PRINTABLE_ASCII.sub(lambda match: json_escape(match[0]), tokens.joined(indented_gaps(tokens)))


def _discard_number(digits: str) -> None:
    """Discard a number. As a Python function it lets other threads run while a large text is checked."""


def _discard_members(pairs: list[tuple[str, object]]) -> None:
    """Discard an object."""


def _refuse_constant(constant: str) -> NoReturn:
    raise InvalidText(f"not valid JSON: {constant} is not a number")
