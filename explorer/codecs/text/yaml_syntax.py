"""YAML (1.1, as PyYAML reads it): check, tokens of the flow style, and its indented layout."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final, Protocol

import yaml

from explorer.codecs.text.token_layout import PROPERTY, VALUE, TokenLayout, Tokens
from explorer.model.errors import InvalidText

MAX_DEPTH: Final = 100
"""Maximum nesting of lists and mappings; the same as protobuf's."""

_START_EVENTS: Final = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_END_EVENTS: Final = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
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
_STREAM_TOKENS: Final = (yaml.StreamStartToken, yaml.StreamEndToken)


class _Mark(Protocol):
    """Line and column in a text, from 0; PyYAML and libyaml have a class each."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


def check_yaml(text: str) -> None:
    """Raise if a text is not YAML, of one document or several.

    Raises:
        InvalidText: The text is not YAML; the error has line and column.
    """
    for _ in yaml_events(text):
        pass


def is_structured_yaml(text: str) -> bool:
    """Return whether a text is structured YAML: a list, or a mapping with two names or a nested structure.

    Raises:
        InvalidText: The text is not YAML.
    """
    block = [
        event
        for event in yaml_events(text)
        if isinstance(event, (*_START_EVENTS, yaml.ScalarEvent)) and not getattr(event, "flow_style", False)
    ]
    match block:
        case [yaml.MappingStartEvent(), _, _, _, *_] | [yaml.SequenceStartEvent(), _, _, *_]:
            return True
        case _:
            return False


def yaml_events(text: str) -> Iterator[yaml.Event]:
    """Yield the events of a YAML text.

    Raises:
        InvalidText: The text is not YAML, is nested too deeply, or has an undefined alias.
    """
    anchors: set[str] = set()
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, _START_EVENTS) - isinstance(event, _END_EVENTS)
            if depth > MAX_DEPTH:
                raise _invalid(_TOO_DEEP, event.start_mark)
            if isinstance(event, yaml.DocumentStartEvent):
                anchors.clear()
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in anchors:
                    raise _invalid(f"undefined alias {event.anchor!r}", event.start_mark)
            elif anchor := getattr(event, "anchor", None):
                anchors.add(anchor)
            yield event
    except yaml.MarkedYAMLError as error:
        raise _invalid(error.problem or error.context, error.problem_mark or error.context_mark) from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise InvalidText(f"not valid YAML: {_lower(str(error).partition(chr(10))[0])}") from error


def _invalid(reason: str | None, mark: _Mark | None) -> InvalidText:
    message = f"not valid YAML: {reason}"
    return InvalidText(message) if mark is None else InvalidText(message, mark.line + 1, mark.column + 1)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


# Flow style


class FlowLayout(TokenLayout):
    """Indented layout of YAML in flow style. White space has meaning there, so each result is parsed and compared."""

    __slots__ = ()

    def restore(self, edited: str) -> str:
        """Return an edited text in the layout of the stored one.

        Raises:
            InvalidText: It is not YAML in flow style, or its events would differ in that layout.
        """
        tokens = self.tokenize(edited)
        gaps = self.gaps(tokens)
        wider = [gap or (" " if _needs_space(tokens, at) else "") for at, gap in enumerate(gaps)]
        for attempt in (gaps, wider):
            restored = tokens.joined(attempt)
            with suppress(InvalidText):
                if _events(restored) == _events(edited):
                    return restored
        raise InvalidText("the edit does not fit the stored one-line layout", hint="edit the value as stored")


def flow_layout(text: str) -> FlowLayout | None:
    """Return the indented layout of a YAML text, or None if it is not in flow style or would change its meaning."""
    try:
        layout = FlowLayout(flow_tokens(text), flow_tokens)
        same = _events(layout.text) == _events(text)
    except InvalidText:
        return None
    return layout if same else None


def is_flow_mapping(text: str) -> bool:
    """Return whether a text is a flow mapping with a value.

    Raises:
        InvalidText: The text is not YAML in flow style, or has a comment.
    """
    kinds = flow_tokens(text).kinds
    return kinds[:1] == ["{"] and ":" in kinds


def flow_tokens(text: str) -> Tokens:
    """Return the tokens of YAML in flow style.

    Raises:
        InvalidText: The text is not YAML in flow style, or has a comment.
    """
    check_yaml(text)
    texts: list[str] = []
    kinds: list[str] = []
    gaps: list[str] = []
    end = 0
    for token in yaml.scan(text, Loader=yaml.CSafeLoader):
        start, stop = token.start_mark.index, token.end_mark.index
        if isinstance(token, _STREAM_TOKENS) or start == stop:  # a key without a question mark has no width
            continue
        kind = _KINDS.get(type(token))
        if kind is None:
            raise InvalidText("not YAML in flow style")
        gaps.append(_require_blank(text[end:start]))
        texts.append(text[start:stop])
        kinds.append(kind)
        end = stop
    gaps.append(_require_blank(text[end:]))
    return Tokens(texts, kinds, gaps)


def _needs_space(tokens: Tokens, at: int) -> bool:
    """Return whether the token before a gap needs a space after it: `{"a":1}` is a mapping, `{a:1}` a set."""
    match tokens.kinds[at - 1] if at else "":
        case ":":
            return tokens.texts[max(0, at - 2)][0] not in _QUOTES
        case kind:
            return kind == PROPERTY


def _require_blank(gap: str) -> str:
    if gap.strip(" \t\r\n"):
        raise InvalidText("YAML with comments is shown as stored")
    return gap


def _events(text: str) -> list[tuple[object, ...]]:
    """Return the events of a YAML text without their places."""
    return list(_event_values(text))


def _event_values(text: str) -> Iterator[tuple[object, ...]]:
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
