"""What a value is when nobody said: text before anything else, and never a message by a guess."""

import re
from typing import Final

from explorer.codecs.base import Codec
from explorer.codecs.text.json_syntax import check_json
from explorer.codecs.text.yaml_syntax import check_yaml, is_flow_mapping, is_structured_yaml
from explorer.model.errors import InvalidText

_BINARY: Final = bytes((*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)))
"""Controls that text has no use for."""
_TERMINAL: Final = bytes((*range(0x07), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)))
"""The same for what a terminal is sent, which an ESC tells: BEL and backspace belong to it."""
_STRUCTURE: Final = re.compile(r"\s*[\[{]")
_FLOW: Final = re.compile(r"\s*\{\s*[^\s\"{}\[\],:]")
"""A mapping of YAML in flow style; one whose first name has quotes is JSON, or JSON with a mistake."""
_MOST_YAML: Final = 1 << 18
"""Bytes of a value that is tried as YAML unless its name says so."""
_CHUNK_SIZE: Final = 1 << 16


def detect(key: str, value: bytes) -> tuple[Codec, str]:
    """Choose how to read a value, and say why."""
    if not value:
        return _named(key.lower()), "empty"
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        return "hex", f"not text: byte 0x{value[error.start]:02x} at {error.start} is not UTF-8"
    if (at := _find_control(value)) is not None:
        return "hex", f"not text: control character 0x{value[at]:02x} at {at}"
    return _structured(key.lower(), text) or ("text", "UTF-8 text")


def _find_control(value: bytes) -> int | None:
    """Return where the first control is that text has no use for; only a part that has one is searched slowly."""
    controls = _TERMINAL if b"\x1b" in value else _BINARY
    for start in range(0, len(value), _CHUNK_SIZE):
        chunk = value[start : start + _CHUNK_SIZE]
        if len(chunk.translate(None, controls)) < len(chunk):
            return start + next(at for at, byte in enumerate(chunk) if byte in controls)
    return None


def _named(name: str) -> Codec:
    """Return what an empty value is to become by its name."""
    if name.endswith(".json"):
        return "json"
    return "yaml" if name.endswith((".yaml", ".yml")) else "text"


def _structured(name: str, text: str) -> tuple[Codec, str] | None:
    try:
        if name.endswith((".yaml", ".yml")):
            check_yaml(text)
            return "yaml", "valid YAML, and named so"
        if _FLOW.match(text) and len(text) <= _MOST_YAML and is_flow_mapping(text):
            return "yaml", "valid YAML"
        if _STRUCTURE.match(text) or name.endswith(".json"):
            check_json(text)
            return "json", "valid JSON"
        if len(text) <= _MOST_YAML and is_structured_yaml(text):
            return "yaml", "valid YAML"
    except InvalidText:
        return None
    return None
