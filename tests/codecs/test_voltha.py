"""Messages of VOLTHA, whose schemas come from the package of its project."""

from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from explorer.codecs.base import Choice, Form
from explorer.codecs.protobuf import wire
from explorer.codecs.protobuf.fields import serialized
from tests.codecs.common import edited, made, opened, voltha

UNKNOWN = wire.delimited(9999, b"from a later version")
_DEEPEST = 3


def full(name: str, depth: int = 0) -> Any:
    """Make a message with something in every field."""
    message = made(name, voltha())()
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None:
            values = [value(field)] * (2 if field.is_repeated else 1)
            if field.is_repeated:
                getattr(message, field.name).extend(values)
            else:
                setattr(message, field.name, values[0])
        elif field.message_type.GetOptions().map_entry:
            fill(getattr(message, field.name), field.message_type.fields_by_name, depth)
        elif depth < _DEEPEST and field.message_type.full_name != "google.protobuf.Any":
            inner = full(field.message_type.full_name, depth + 1)
            if field.is_repeated:
                getattr(message, field.name).append(inner)
            else:
                getattr(message, field.name).CopyFrom(inner)
    return message


def fill(entries: Any, fields: Mapping[str, FieldDescriptor], depth: int) -> None:
    key = value(fields["key"])
    if fields["value"].message_type is None:
        entries[key] = value(fields["value"])
    elif depth < _DEEPEST:
        entries[key].CopyFrom(full(fields["value"].message_type.full_name, depth + 1))


def value(field: FieldDescriptor) -> object:
    """Return a value that is not the default."""
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return f"the {field.name}"
        case FieldDescriptor.TYPE_BYTES:
            return b"\x00\xff"
        case FieldDescriptor.TYPE_ENUM:
            return field.enum_type.values[-1].number  # type: ignore[union-attr]  # an enumeration has one
        case FieldDescriptor.TYPE_BOOL:
            return True
        case FieldDescriptor.TYPE_DOUBLE | FieldDescriptor.TYPE_FLOAT:
            return 0.5
        case _:
            return 7


TYPES = [name for name in voltha().schemas.types() if not name.startswith("google.")]


@pytest.mark.parametrize("form", ["text", "json"])
def test_every_voltha_type_is_shown_and_kept(form: Form) -> None:
    """Each type with all fields set is shown and encodes to the same bytes."""
    assert len(TYPES) > 350
    for name in TYPES:
        raw = UNKNOWN + serialized(full(name)) + UNKNOWN
        document = opened(raw, name, form, voltha())
        assert document.choice.form == form
        assert document.read_only_reason is None
        assert document.encode(document.text).value == raw


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("name", "old"),
    [
        ("device.Device", "the serial_number"),
        ("device.Devices", "the serial_number"),
        ("device.Port", "the label"),
        ("device.Ports", "the label"),
        ("logical_device.LogicalDevice", "the datapath_id"),
        ("logical_device.LogicalPort", "the device_id"),
    ],
)
def test_edit_of_one_field_keeps_all_other_bytes(name: str, old: str, form: Form) -> None:
    """Only the bytes of the edited field change."""
    message = full(name)
    raw = UNKNOWN + serialized(message) + UNKNOWN
    document = opened(raw, name, form, voltha())
    new = old.upper()  # as long, so that no length around it changes
    if old not in document.text:
        old, new = "the root_device_id", "THE ROOT_DEVICE_ID"
    found = document.encode(document.text.replace(old, new, 1))
    assert found.value == raw.replace(old.encode(), new.encode(), 1)
    assert found.notes == ()


def test_merge_of_devices_is_by_field() -> None:
    """Two changes of a device are merged by field."""
    raw = serialized(full("device.Device")) + UNKNOWN
    document = opened(raw, "device.Device", codecs=voltha())
    theirs = edited(document, '\nvendor: "the vendor"', '\nvendor: "theirs"')
    merge = document.merge(document.text.replace('\nmodel: "the model"', '\nmodel: "mine"'), theirs)
    assert merge.conflicts == ()
    assert merge.document.encode(merge.text).value == raw.replace(b"\x0athe vendor", b"\x06theirs", 1).replace(
        b"\x09the model", b"\x04mine", 1
    )


def test_choices_of_a_device_begin_with_its_type() -> None:
    """The type of a device is the first choice for its bytes."""
    choices = voltha().choices("service/voltha/devices/1", serialized(full("device.Device")))
    assert choices[0] == Choice("protobuf", "device.Device")
    assert choices[-1] == Choice("hex")


def test_open_never_guesses_a_message_type() -> None:
    """A message type is never detected."""
    for name in TYPES:
        document = voltha().open("k", serialized(full(name)))
        assert document.choice.codec != "protobuf"
