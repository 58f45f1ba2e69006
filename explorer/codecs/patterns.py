"""Patterns of keys.

`**` stands for any number of levels, `*` for anything within one, `{name}` for a whole level or the rest of one,
`{name:digits}` for figures alone; everything else for itself. A key is matched as the store spells it, from its first
character to its last.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from explorer.model.errors import SchemaFailed

_WORD: Final = re.compile(r"(?P<levels>\*\*)|(?P<some>\*)|\{(?P<name>[^{}:]*)(?::(?P<kind>[^{}]*))?\}|(?P<brace>[{}])")
_KINDS: Final = {"digits": "[0-9]+"}
_SPECIAL: Final = re.compile(r"[*{}]")
_IDENTIFIER: Final = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"  # a UUID
    r"|(?=.*[0-9])[0-9a-fA-F]{8,}"  # a digest or a hexadecimal number
    r"|.*[0-9]+"  # something that is counted
)
_DIGITS: Final = re.compile(r"[0-9]+")
_ENDING: Final = re.compile(r"(?<=.)\.[A-Za-z]{1,10}\Z")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern, ready to be matched."""

    text: str
    expression: re.Pattern[str]
    literal: int
    """How many characters stand for themselves."""
    exact: bool = False
    """Whether one key alone matches."""

    @classmethod
    def make(cls, text: str, separator: str = "/") -> Self:
        """Read a pattern for a store that splits its keys at a separator.

        Raises:
            SchemaFailed: It has a brace without its partner, or an unknown kind.
        """
        level = f"[^{re.escape(separator)}]"
        parts: list[str] = []
        literal = end = 0
        for word in _WORD.finditer(text):
            plain = text[end : word.start()]
            literal += len(plain)
            parts.append(re.escape(plain))
            end = word.end()
            whole = word.start() == 0 or text.endswith(separator, 0, word.start())
            if word["levels"] and whole and text.startswith(separator, end):
                parts.append(f"(?:.*{re.escape(separator)})?")
                end += len(separator)
            else:
                parts.append(_expression(word, level, text))
        literal += len(text) - end
        parts.append(re.escape(text[end:]))
        expression = re.compile(rf"\A{''.join(parts)}\Z", re.DOTALL)
        return cls(text, expression, literal, exact=not _WORD.search(text))

    @classmethod
    def regex(cls, text: str) -> Self:
        """Take a regular expression, which may match anywhere in a key.

        Raises:
            SchemaFailed: It is none.
        """
        try:
            expression = re.compile(text)
        except re.error as error:
            raise SchemaFailed(f"not a regular expression: {error}: {text}") from error
        return cls(text, expression, literal=0)

    def matches(self, key: str) -> bool:
        """Tell whether a key is meant."""
        return self.expression.search(key) is not None

    def __str__(self) -> str:
        return self.text


def _expression(word: re.Match[str], level: str, text: str) -> str:
    if word["levels"]:
        return ".*"
    if word["some"]:
        return f"{level}*"
    if word["brace"]:
        raise SchemaFailed(f"a brace without its partner in {text!r}", hint="write {name} for one level of the key")
    kind = word["kind"]
    if kind is None:
        return f"{level}+"
    if kind not in _KINDS:
        raise SchemaFailed(f"unknown kind {kind!r} in {text!r}", hint=f"known are {', '.join(_KINDS)}")
    return _KINDS[kind]


# Patterns for a key


def similar_keys(key: str, separator: str) -> tuple[str, ...]:
    """Return patterns that match a key and others like it, the likeliest first.

    >>> similar_keys("orders/4711", "/")
    ('orders/{id:digits}', 'orders/*', 'orders/**')
    """
    levels = key.split(separator)
    above = [_above(level) for level in levels[:-1]]
    last = levels[-1]
    ending = _ENDING.search(last)
    names = [f"*{ending[0]}"] if ending and not _SPECIAL.search(ending[0]) else []
    if _DIGITS.fullmatch(last):
        names.append("{id:digits}")
    names.append("*")
    found = [separator.join((*above, name)) for name in names]
    if above:
        found.append(separator.join((*above, "**")))
    return tuple(dict.fromkeys(found))


def _above(level: str) -> str:
    """Return what stands for a level above the last: itself, unless it is an identifier or cannot be spelled."""
    if _DIGITS.fullmatch(level):
        return "{number:digits}"
    return "*" if _SPECIAL.search(level) or _IDENTIFIER.fullmatch(level) else level
