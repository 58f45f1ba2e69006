"""Detection of JSON, YAML, text and binary values; a message type is never guessed."""

import re
from typing import Final

from explorer.codecs.base import Codec
from explorer.codecs.text.json_syntax import check_json
from explorer.codecs.text.yaml_syntax import check_yaml, is_flow_mapping, is_structured_yaml
from explorer.model.errors import InvalidText

_CONTROLS: Final = bytes((*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)))
"""Control characters that text files do not contain."""
_CONTROLS_BESIDE_ESCAPES: Final = bytes((*range(0x07), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)))
"""The same for terminal output (text with ESC), which may have BEL and backspace."""
_JSON_START: Final = re.compile(r"\s*[\[{]")
_YAML_FLOW_START: Final = re.compile(r"\s*\{\s*[^\s\"{}\[\],:]")
"""Start of a YAML flow mapping; one whose first name is quoted is JSON, possibly invalid."""
_MAX_YAML_SIZE: Final = 1 << 18
"""Characters up to which a text is parsed as YAML if its key does not end with .yaml."""
_CHUNK_SIZE: Final = 1 << 16


def detect(key: str, value: bytes) -> tuple[Codec, str]:
    """Return the codec of a value, and the reason."""
    if not value:
        return _codec_by_name(key.lower()), "empty"
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        return "hex", f"not text: byte 0x{value[error.start]:02x} at {error.start} is not UTF-8"
    if (at := _find_control(value)) is not None:
        return "hex", f"not text: control character 0x{value[at]:02x} at {at}"
    return _structured(key.lower(), text) or ("text", "UTF-8 text")


def _find_control(value: bytes) -> int | None:
    """Return the offset of the first control character of a binary value, or None."""
    controls = _CONTROLS_BESIDE_ESCAPES if b"\x1b" in value else _CONTROLS
    for start in range(0, len(value), _CHUNK_SIZE):
        chunk = value[start : start + _CHUNK_SIZE]
        if len(chunk.translate(None, controls)) < len(chunk):
            return start + next(at for at, byte in enumerate(chunk) if byte in controls)
    return None


def _codec_by_name(name: str) -> Codec:
    """Return the codec of an empty value by the ending of its key."""
    if name.endswith(".json"):
        return "json"
    return "yaml" if name.endswith((".yaml", ".yml")) else "text"


def _structured(name: str, text: str) -> tuple[Codec, str] | None:
    """Return JSON or YAML with the reason, or None for plain text."""
    try:
        if name.endswith((".yaml", ".yml")):
            check_yaml(text)
            return "yaml", f"valid YAML, and the key ends with .{name.rpartition('.')[2]}"
        if _YAML_FLOW_START.match(text) and len(text) <= _MAX_YAML_SIZE and is_flow_mapping(text):
            return "yaml", "valid YAML"
        if _JSON_START.match(text) or name.endswith(".json"):
            check_json(text)
            return "json", "valid JSON"
        if len(text) <= _MAX_YAML_SIZE and is_structured_yaml(text):
            return "yaml", "valid YAML"
    except InvalidText:
        return None
    return None
