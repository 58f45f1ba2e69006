"""Checks for text format that the library accepts but stores differently from what is written.

The library keeps the last of duplicate fields, map keys and Any contents, rounds numbers or makes them infinite, and
keeps invalid escapes as text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.text_encoding import CUnescape

from explorer.codecs.protobuf import numbers
from explorer.codecs.protobuf.fields import ANY, extension, is_map
from explorer.codecs.text.escapes import invalid
from explorer.model.errors import InvalidText

_TOKEN: Final = re.compile(
    r"""(?P<comment>\#[^\n]*)|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_][\w+-]*|[0-9+.-][\w.+-]*|\S""", re.ASCII
)
_BRACKETS: Final = {"{": "}", "<": ">"}
_REALS: Final = (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE)
_OCTAL: Final = re.compile(r"-?0[0-7]+")
_NOT_FINITE: Final = re.compile(r"-?(?:inf(?:inity)?|nan)f?", re.IGNORECASE)
_QUOTES: Final = ('"', "'")
_ESCAPE: Final = re.compile(
    r"""\\(?:[abfnrtv\\'"]|[0-7]{1,3}|x[0-9a-fA-F]|(?!u005[cC]|U0000005[cC])(?:u|U[0-9a-fA-F]{4})[0-9a-fA-F]{4}|(?P<other>.))"""
)
"""Valid escapes, or any character: the library takes a backslash written as \\u005c for the start of an escape."""

Key: TypeAlias = str | bytes | int | bool


def check_escapes(text: str) -> None:
    """Raise if a text has an escape that the library would misread.

    Args:
        text: Text format.

    Raises:
        InvalidText: The text has an invalid escape; the error has line and column.
    """
    for token in _TOKEN.finditer(text):
        if not token["comment"] and token[0].startswith(_QUOTES):
            for found in _ESCAPE.finditer(token[0]):
                if found["other"] is not None:
                    excerpt = token[0][found.start() : -1][:6]
                    raise invalid(text, token.start() + found.start(), f"invalid escape: {excerpt}")


def check_text(text: str, descriptor: Descriptor) -> None:
    """Raise if a text would not be stored as it is written.

    Args:
        text: Text format that the library has parsed.
        descriptor: The type of the message.

    Raises:
        InvalidText: A value would be stored differently; the error has line, column, path and reason.
        RecursionError: The message is nested too deeply.
    """
    tokens = [(found.start(), found[0]) for found in _TOKEN.finditer(text) if not found["comment"]]
    try:
        _Checker(text, [*tokens, (len(text), "")]).fields(descriptor, "", "")
    except IndexError as error:
        raise InvalidText("not valid text format") from error


@dataclass(slots=True)
class _Checker:
    """Checker of one text, in one pass over its tokens."""

    text: str
    tokens: list[tuple[int, str]]
    """Offset and text of each token; the last one is empty."""
    at: int = 0

    def fields(self, descriptor: Descriptor, end: str, path: str) -> Key | None:
        """Check the fields of a message up to its end, and return the value of a field called `key`, or None."""
        key: Key | None = None
        keys: dict[int, dict[Key, None]] = {}
        seen: set[int] = set()
        content = False
        while not self._skip(end):
            offset, name = self.tokens[self.at]
            bracketed = self._bracketed() if name == "[" else None
            if bracketed is None:
                self.at += 1
            if descriptor.full_name == ANY:
                self._refuse_if(content and bracketed is not None, offset, f"{path} has duplicate content")
                content = True
                if bracketed is not None:
                    self._skip(":")
                    self._message(self._packed(descriptor, bracketed, offset), path)
                    self._separator()
                    continue
            one = self._field(descriptor, name, bracketed, offset)
            where = f"{path}.{name if bracketed is None else f'[{bracketed}]'}".removeprefix(".")
            self._refuse_if(one.number in seen and not one.is_repeated, offset, f"{where} is a duplicate")
            seen.add(one.number)
            self._skip(":")
            found = self._values(one, where, keys.setdefault(one.number, {}))
            if name == "key":
                key = found
            self._separator()
        return key

    def _field(self, descriptor: Descriptor, name: str, bracketed: str | None, offset: int) -> FieldDescriptor:
        if bracketed is not None:
            found = extension(descriptor.file.pool, descriptor, bracketed)
        else:  # a group is named after its type
            found = descriptor.fields_by_name.get(name) or descriptor.fields_by_name.get(name.lower())
        self._refuse_if(found is None, offset, f"{descriptor.full_name} has no field {bracketed or name}")
        return cast("FieldDescriptor", found)

    def _packed(self, descriptor: Descriptor, url: str, offset: int) -> Descriptor:
        try:
            return descriptor.file.pool.FindMessageTypeByName(url.rpartition("/")[2])
        except KeyError:
            raise invalid(self.text, offset, f"unknown message type {url}") from None

    def _values(self, one: FieldDescriptor, path: str, keys: dict[Key, None]) -> Key | None:
        """Check a value or a list of values."""
        if not self._skip("["):
            return self._value(one, path, keys)
        while not self._skip("]"):
            self._value(one, path, keys)
            self._separator()
        return None

    def _value(self, one: FieldDescriptor, path: str, keys: dict[Key, None]) -> Key | None:
        offset, _ = self.tokens[self.at]
        if one.message_type is None:
            return self._scalar(one, path)
        key = self._message(one.message_type, path)
        if is_map(one):
            key = _default(one.message_type.fields_by_name["key"]) if key is None else key
            self._refuse_if(key in keys, offset, f"{path} has a duplicate key {_format_key(key)}")
            keys[key] = None
        return None

    def _message(self, descriptor: Descriptor, path: str) -> Key | None:
        opening = self.tokens[self.at][1]
        self.at += 1
        return self.fields(descriptor, _BRACKETS.get(opening, "}"), path)

    def _scalar(self, one: FieldDescriptor, path: str) -> Key:
        offset, token = self.tokens[self.at]
        self.at += 1
        if token.startswith(_QUOTES):
            self.at -= 1
            return b"".join(self._literals())
        if one.type == FieldDescriptor.TYPE_BOOL:
            return token in ("true", "True", "t", "1")
        self._refuse_if("_" in token and token[0] in "+-.0123456789", offset, f"{path} is not a number: {token}")
        if one.type in _REALS and not _NOT_FINITE.fullmatch(token):
            try:
                numbers.real(token.rstrip("fF"), single=one.type == FieldDescriptor.TYPE_FLOAT)
            except ValueError as error:
                raise invalid(self.text, offset, f"{path} {error}") from None
        if one.enum_type is not None or one.type in _REALS:
            return token
        try:
            return int(token, 8 if _OCTAL.fullmatch(token) else 0)
        except ValueError:
            raise invalid(self.text, offset, f"{path} is not a number: {token!r}") from None

    def _literals(self) -> Iterator[bytes]:
        """Yield the bytes of adjacent string literals."""
        while self.tokens[self.at][1].startswith(_QUOTES):
            token = self.tokens[self.at][1]
            yield CUnescape(token[1:-1])
            self.at += 1

    # Tokens

    def _bracketed(self) -> str:
        """Return the name in brackets, and advance past it."""
        start = self.at = self.at + 1
        while self.tokens[self.at][1] != "]":
            self.at += 1
        name = "".join(token for _, token in self.tokens[start : self.at])
        self.at += 1
        return name

    def _skip(self, token: str) -> bool:
        """Return whether the next token is this one, and advance past it if so."""
        found = self.tokens[self.at][1] == token
        self.at += found
        return found

    def _separator(self) -> None:
        if self.tokens[self.at][1] in (",", ";"):
            self.at += 1

    def _refuse_if(self, condition: bool, offset: int, reason: str) -> None:  # noqa: FBT001 - a condition, as in assert
        if condition:
            raise invalid(self.text, offset, reason)


def _default(one: FieldDescriptor) -> Key:
    match one.type:
        case FieldDescriptor.TYPE_STRING | FieldDescriptor.TYPE_BYTES:
            return b""
        case FieldDescriptor.TYPE_BOOL:
            return False
        case _:
            return 0


def _format_key(key: Key) -> str:
    match key:
        case bytes():
            return f'"{key.decode("utf-8", "reoffset")}"'
        case bool():
            return str(key).lower()
        case _:
            return str(key)
