"""What the library takes for a message's JSON and should not: it would silently store something else.

A list or a text where an object belongs becomes an empty message, what is no base64 becomes no bytes, and a large whole
number that is written with a point loses its last digits.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from explorer.codecs.fields import ANY, entry_type, is_map
from explorer.model.errors import InvalidText

_WELL_KNOWN: Final = "google.protobuf."
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}(?:==)?|[A-Za-z0-9+/_-]{3}=?)?")
_EXACT: Final = 2**53
"""From here a double does not hold every whole number."""
_WHOLE: Final = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED64,
    }
)


def check(text: str, message: Message, pool: DescriptorPool) -> None:
    """Refuse what the library would take for something else.

    Args:
        text: JSON, checked to be some.
        message: One of the type that it is to be.
        pool: Where the types of what is in an Any are.

    Raises:
        InvalidText: There is such a thing; the message names the field.
    """
    for path, what in _found(json.loads(text), cast("Descriptor", message.DESCRIPTOR), pool, "the message"):
        raise InvalidText(f"{path} {what}")


def _found(shown: object, descriptor: Descriptor, pool: DescriptorPool, path: str) -> Iterator[tuple[str, str]]:
    if descriptor.full_name == ANY and isinstance(shown, dict) and isinstance(url := shown.get("@type"), str):
        try:
            descriptor = pool.FindMessageTypeByName(url.rpartition("/")[2])
        except KeyError:
            return  # which the library tells
    if descriptor.full_name.startswith(_WELL_KNOWN):
        return
    if not isinstance(shown, dict):
        yield path, f"is no JSON object but {_kind(shown)}"
        return
    fields = _fields(descriptor)
    for name, value in shown.items():
        if name in fields and value is not None:
            yield from _field(value, fields[name], pool, name)


def _fields(descriptor: Descriptor) -> Mapping[str, FieldDescriptor]:
    return {name: field for field in descriptor.fields for name in (field.name, field.json_name)}


def _field(value: object, field: FieldDescriptor, pool: DescriptorPool, path: str) -> Iterator[tuple[str, str]]:
    if is_map(field):
        field = entry_type(field).fields_by_name["value"]
        values = list(value.items()) if isinstance(value, dict) else []
        named = [(f"{path}[{json.dumps(key)}]", one) for key, one in values]
    elif field.is_repeated:
        named = [(f"{path}[{at}]", one) for at, one in enumerate(value if isinstance(value, list) else [])]
    else:
        named = [(path, value)]
    for name, one in named:
        if field.message_type is not None:
            yield from _found(one, field.message_type, pool, name)
        elif field.type == FieldDescriptor.TYPE_BYTES and isinstance(one, str) and not _BASE64.fullmatch(one):
            yield name, "is no base64"
        elif field.type in _WHOLE and isinstance(one, float) and abs(one) >= _EXACT:
            yield name, "is too large to be written with a point or an exponent"


def _kind(shown: object) -> str:
    return "a list" if isinstance(shown, list) else "null" if shown is None else f"a {type(shown).__name__}"
