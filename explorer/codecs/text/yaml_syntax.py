"""YAML (1.1, as PyYAML reads it): check, tokens of the flow style, and its indented layout."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final, Protocol

import yaml

from explorer.codecs.text.token_layout import PROPERTY, VALUE, TokenLayout, Tokens
from explorer.model.errors import InvalidText

DEEPEST: Final = 100
"""Levels of lists and mappings within each other; protobuf's own limit."""

_OPENING: Final = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING: Final = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_TOO_DEEP: Final = "nested too deeply"
_KINDS: Final[Mapping[type[yaml.Token], str]] = {
    yaml.FlowMappingStartToken: "{",
    yaml.FlowMappingEndToken: "}",
    yaml.FlowSequenceStartToken: "[",
    yaml.FlowSequenceEndToken: "]",
    yaml.FlowEntryToken: ",",
    yaml.ValueToken: ":",
    yaml.KeyToken: PROPERTY,
    yaml.AnchorToken: PROPERTY,
    yaml.TagToken: PROPERTY,
    yaml.AliasToken: VALUE,
    yaml.ScalarToken: VALUE,
}
_QUOTES: Final = "\"'"
_STREAM: Final = (yaml.StreamStartToken, yaml.StreamEndToken)


class _Mark(Protocol):
    """A place in a text, from 0; PyYAML and libyaml have a class each."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


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


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


# Flow style


class FlowLayout(TokenLayout):
    """The indented layout of YAML in flow style. White space has a meaning there, so every result is read again."""

    __slots__ = ()

    def restore(self, edited: str) -> str:
        """Return an edited text in the layout of the stored one.

        Raises:
            InvalidText: It is no YAML in flow style, or would mean something else in that layout.
        """
        tokens = self.read(edited)
        gaps = self.gaps(tokens)
        wider = [gap or (" " if _needs_space(tokens, at) else "") for at, gap in enumerate(gaps)]
        for attempt in (gaps, wider):
            restored = tokens.joined(attempt)
            with suppress(InvalidText):
                if _meaning(restored) == _meaning(edited):
                    return restored
        raise InvalidText("this cannot be written in the stored layout", hint="edit the value as stored")


def flow_layout(text: str) -> FlowLayout | None:
    """Return the indented layout of a YAML text, None if it is not in flow style or has none that means the same."""
    try:
        layout = FlowLayout(flow_tokens(text), flow_tokens)
        same = _meaning(layout.text) == _meaning(text)
    except InvalidText:
        return None
    return layout if same else None


def is_flow_mapping(text: str) -> bool:
    """Return whether a text is a mapping in flow style that names a value.

    Raises:
        InvalidText: It is no YAML, not in flow style, or has a comment.
    """
    kinds = flow_tokens(text).kinds
    return kinds[:1] == ["{"] and ":" in kinds


def flow_tokens(text: str) -> Tokens:
    """Cut YAML in flow style into tokens.

    Raises:
        InvalidText: It is no YAML, not in flow style, or has a comment.
    """
    _meaning(text)
    texts: list[str] = []
    kinds: list[str] = []
    gaps: list[str] = []
    end = 0
    for token in yaml.scan(text, Loader=yaml.CSafeLoader):
        start, stop = token.start_mark.index, token.end_mark.index
        if isinstance(token, _STREAM) or start == stop:  # a key without a sign has no width
            continue
        kind = _KINDS.get(type(token))
        if kind is None:
            raise InvalidText("not YAML in flow style")
        gaps.append(_blank(text[end:start]))
        texts.append(text[start:stop])
        kinds.append(kind)
        end = stop
    gaps.append(_blank(text[end:]))
    return Tokens(texts, kinds, gaps)


def _needs_space(tokens: Tokens, at: int) -> bool:
    """Return whether the token before a gap has to be followed by a space: `{"a":1}` is YAML, `{a:1}` is a set."""
    match tokens.kinds[at - 1] if at else "":
        case ":":
            return tokens.texts[max(0, at - 2)][0] not in _QUOTES
        case kind:
            return kind == PROPERTY


def _blank(gap: str) -> str:
    if gap.strip(" \t\r\n"):
        raise InvalidText("YAML with comments is not laid out anew")
    return gap


def _meaning(text: str) -> list[tuple[object, ...]]:
    return list(_described(text))


def _described(text: str) -> Iterator[tuple[object, ...]]:
    for event in yaml_events(text):
        match event:
            case yaml.ScalarEvent():
                yield type(event), event.anchor, event.tag, event.implicit, event.value, event.style
            case yaml.CollectionStartEvent():
                yield type(event), event.anchor, event.tag, event.flow_style
            case yaml.AliasEvent():
                yield type(event), event.anchor
            case _:
                yield (type(event),)
