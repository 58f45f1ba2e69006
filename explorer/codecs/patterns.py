"""Key patterns.

`**` matches any number of levels, `*` anything within a level, `{name}` a level or the rest of one, `{name:digits}`
digits only; everything else matches itself. A pattern matches the whole key.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from explorer.model.errors import SchemaFailed

_WILDCARD: Final = re.compile(
    r"(?P<levels>\*\*)|(?P<some>\*)|\{(?P<name>[^{}:]*)(?::(?P<kind>[^{}]*))?\}|(?P<brace>[{}])"
)
_KINDS: Final = {"digits": "[0-9]+"}
_SPECIAL_CHARACTER: Final = re.compile(r"[*{}]")
_IDENTIFIER: Final = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"  # a UUID
    r"|(?=.*[0-9])[0-9a-fA-F]{8,}"  # a digest or a hex number
    r"|.*[0-9]+"  # a name with a number
)
_DIGITS: Final = re.compile(r"[0-9]+")
_FILE_EXTENSION: Final = re.compile(r"(?<=.)\.[A-Za-z]{1,10}\Z")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Compiled pattern."""

    text: str
    expression: re.Pattern[str]
    literal: int
    """Number of literal characters."""
    exact: bool = False
    """True if the pattern has no wildcard."""
    levels: tuple[str, ...] = ()
    """Text of each level; empty for a regular expression."""
    separator: str = "/"

    @classmethod
    def parse(cls, text: str, separator: str = "/") -> Self:
        """Return a pattern for keys with a separator.

        Raises:
            SchemaFailed: The pattern has an unbalanced brace or an unknown kind.
        """
        level = f"[^{re.escape(separator)}]"
        parts: list[str] = []
        literal = end = 0
        for wildcard in _WILDCARD.finditer(text):
            plain = text[end : wildcard.start()]
            literal += len(plain)
            parts.append(re.escape(plain))
            end = wildcard.end()
            whole = wildcard.start() == 0 or text.endswith(separator, 0, wildcard.start())
            if wildcard["levels"] and whole and text.startswith(separator, end):
                parts.append(f"(?:.*{re.escape(separator)})?")
                end += len(separator)
            else:
                parts.append(_expression(wildcard, level, text))
        literal += len(text) - end
        parts.append(re.escape(text[end:]))
        expression = re.compile(rf"\A{''.join(parts)}\Z", re.DOTALL)
        levels = tuple(text.split(separator))
        return cls(text, expression, literal, exact=not _WILDCARD.search(text), levels=levels, separator=separator)

    @classmethod
    def from_regex(cls, text: str) -> Self:
        """Return a pattern of a regular expression, which may match anywhere in a key.

        Raises:
            SchemaFailed: The regular expression is invalid.
        """
        try:
            expression = re.compile(text)
        except re.error as error:
            raise SchemaFailed(f"not a regular expression: {error}: {text}") from error
        return cls(text, expression, literal=0)

    def matches(self, key: str) -> bool:
        """Return whether a key matches."""
        return self.expression.search(key) is not None

    def can_match_below(self, root: str) -> bool:
        """Return whether some key below a root may match.

        Args:
            root: Prefix of whole levels, each of which ends with the separator; "" is everything.
        """
        if not self.levels:
            return True
        above = root.split(self.separator)[:-1]
        for level, name in zip(self.levels, above, strict=False):
            if "**" in level:
                return True
            if not Pattern.parse(level, self.separator).matches(name):
                return False
        return len(self.levels) > len(above)

    def __str__(self) -> str:
        return self.text


def _expression(wildcard: re.Match[str], level: str, text: str) -> str:
    if wildcard["levels"]:
        return ".*"
    if wildcard["some"]:
        return f"{level}*"
    if wildcard["brace"]:
        raise SchemaFailed(f"unbalanced brace in {text!r}", hint="write {name} for one level of a key")
    kind = wildcard["kind"]
    if kind is None:
        return f"{level}+"
    if kind not in _KINDS:
        raise SchemaFailed(f"unknown kind {kind!r} in {text!r}", hint=f"known are {', '.join(_KINDS)}")
    return _KINDS[kind]


# Suggested patterns


def similar_keys(key: str, separator: str) -> tuple[str, ...]:
    """Return patterns that match a key and similar keys, the most likely first.

    >>> similar_keys("orders/4711", "/")
    ('orders/{id:digits}', 'orders/*', 'orders/**')
    """
    levels = key.split(separator)
    parents = [_parent_pattern(level) for level in levels[:-1]]
    last = levels[-1]
    extension = _FILE_EXTENSION.search(last)
    names = [f"*{extension[0]}"] if extension and not _SPECIAL_CHARACTER.search(extension[0]) else []
    if _DIGITS.fullmatch(last):
        names.append("{id:digits}")
    names.append("*")
    patterns = [separator.join((*parents, name)) for name in names]
    if parents:
        patterns.append(separator.join((*parents, "**")))
    return tuple(dict.fromkeys(patterns))


def _parent_pattern(level: str) -> str:
    """Return the pattern of a parent level: the level, or a wildcard for an identifier or special characters."""
    if _DIGITS.fullmatch(level):
        return "{number:digits}"
    return "*" if _SPECIAL_CHARACTER.search(level) or _IDENTIFIER.fullmatch(level) else level
