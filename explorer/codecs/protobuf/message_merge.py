"""Three-way merge of messages by field.

The edit, the difference between the base text and the edited text, is applied to a target message; everything else in
the target stays. Applied to the original message, it keeps what text cannot show: unknown fields, NaN payloads, an Any
in another encoding. Applied to a newer stored message, it merges both changes.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from explorer.codecs.line_merge import Chunk, Side, diff3_chunks
from explorer.codecs.protobuf.alignment import align
from explorer.codecs.protobuf.fields import (
    ANY,
    clear,
    clear_oneof,
    comparable,
    comparable_field,
    copy_into,
    copy_message,
    descriptor_of,
    elements,
    fields_of,
    has,
    is_map,
    mapping,
    read,
    repack_any,
    submessage,
    unpack_any,
    which_oneof,
    write,
)
from explorer.codecs.protobuf.wire_patch import patch_bytes

Resolve: TypeAlias = Callable[[str], type[Message] | None]
"""Returns the class of a message by its full name, or None."""


@dataclass(frozen=True, slots=True)
class MergeInputs:
    """Four versions of one message, or of the same submessage."""

    target: Message
    """Stored message with all that text cannot show; the edit is applied to it."""
    stored: Message
    """Stored message as parsed from its text."""
    base: Message
    """Message as parsed from the text before the edit."""
    edited: Message
    """Message as parsed from the edited text."""

    def contents(self, one: FieldDescriptor) -> tuple[object, object, object]:
        """Return the comparable values of a field: stored, base and edited."""
        return comparable_field(self.stored, one), comparable_field(self.base, one), comparable_field(self.edited, one)

    def inner(self, one: FieldDescriptor) -> "MergeInputs":
        """Return the submessages of a field."""
        return MergeInputs(
            *(submessage(message, one) for message in (self.target, self.stored, self.base, self.edited))
        )


@dataclass(frozen=True, slots=True)
class MessageMerge:
    """Merge of one edit."""

    resolve: Resolve | None
    """Lookup of the types in an Any; None if the text shows its bytes."""
    conflicts: list[str] = field(default_factory=list)
    """Paths of the fields with conflicting changes."""

    def message(self, inputs: MergeInputs, path: str = "") -> None:
        """Apply the edit to the target."""
        if self._any(inputs, path):
            return
        self._oneofs(inputs, path)
        for one in fields_of(inputs.base, inputs.edited):
            stored, base, edited = inputs.contents(one)
            if edited not in (base, stored):
                self._field(inputs, one, _join(path, f"[{one.full_name}]" if one.is_extension else one.name))

    def _field(self, inputs: MergeInputs, one: FieldDescriptor, path: str) -> None:
        if is_map(one):
            self._map(inputs, one, path)
        elif one.is_repeated and one.message_type is not None:
            self._messages(inputs, one, path)
        elif one.is_repeated:
            self._values(inputs, one, path)
        elif one.message_type is not None and has(inputs.stored, one) and has(inputs.edited, one):
            self.message(inputs.inner(one), path)
        else:
            stored, base, _ = inputs.contents(one)
            self._conflict(path, unless=stored == base)
            _copy_field(inputs.target, inputs.edited, one)

    def _conflict(self, path: str, *, unless: bool) -> None:
        if not unless:
            self.conflicts.append(path)

    def _oneofs(self, inputs: MergeInputs, path: str) -> None:
        """Resolve oneofs of which both sides set another member; only one can stay."""
        for oneof in descriptor_of(inputs.base).oneofs:
            stored, base, edited = (which_oneof(one, oneof.name) for one in (inputs.stored, inputs.base, inputs.edited))
            if edited != base and stored not in (base, edited):
                self.conflicts.append(_join(path, oneof.name))
                clear_oneof(inputs.target, oneof.name)

    def _map(self, inputs: MergeInputs, one: FieldDescriptor, path: str) -> None:
        target, stored, base, edited = (
            mapping(message, one) for message in (inputs.target, inputs.stored, inputs.base, inputs.edited)
        )
        for key in {**dict(base), **dict(edited)}:
            stored_value, base_value, edited_value = (
                comparable(part[key]) if key in part else None for part in (stored, base, edited)
            )
            if edited_value in (base_value, stored_value):
                continue
            entry_path = f"{path}[{json.dumps(key, ensure_ascii=False)}]"
            mine = edited.get(key)
            if isinstance(mine, Message) and key in stored:
                old = base[key] if key in base else type(mine)()
                self.message(MergeInputs(*cast("list[Message]", [target[key], stored[key], old, mine])), entry_path)
                continue
            self._conflict(entry_path, unless=stored_value == base_value)
            if mine is None:
                target.pop(key, None)
            elif isinstance(mine, Message):
                copy_into(cast("Message", target[key]), mine)
            else:
                target[key] = mine

    def _values(self, inputs: MergeInputs, one: FieldDescriptor, path: str) -> None:
        target, stored, base, edited = (
            list(cast("list[object]", read(message, one)))
            for message in (inputs.target, inputs.stored, inputs.base, inputs.edited)
        )
        merged: list[object] = []
        for chunk in diff3_chunks(*([comparable(value) for value in values] for values in (base, edited, stored))):
            takes_mine = chunk.side in (Side.MINE, Side.CONFLICT)
            self._conflict(_range(path, len(merged), chunk), unless=chunk.side is not Side.CONFLICT)
            merged += edited[chunk.mine] if takes_mine else target[chunk.theirs]
        clear(inputs.target, one)
        cast("list[object]", read(inputs.target, one)).extend(merged)

    def _messages(self, inputs: MergeInputs, one: FieldDescriptor, path: str) -> None:
        target, stored, base, edited = (
            elements(message, one) for message in (inputs.target, inputs.stored, inputs.base, inputs.edited)
        )
        origin = align(base, edited)
        in_stored = {was: there for there, was in align(base, stored).items()}
        merged: list[Message] = []
        for chunk in diff3_chunks(*([comparable(value) for value in values] for values in (base, edited, stored))):
            if chunk.side not in (Side.MINE, Side.CONFLICT):
                merged += target[chunk.theirs]
                continue
            pairs = [(origin.get(now), now) for now in range(chunk.mine.start, chunk.mine.stop)]
            is_one_by_one = (
                _size(chunk.base) == _size(chunk.theirs) == len([was for was, _ in pairs if was in in_stored])
            )
            self._conflict(_range(path, len(merged), chunk), unless=chunk.side is Side.MINE or is_one_by_one)
            for was, now in pairs:
                if was is None or was not in in_stored:
                    merged.append(edited[now])
                    continue
                there = in_stored[was]
                element = copy_message(target[there])
                self.message(MergeInputs(element, stored[there], base[was], edited[now]), f"{path}[{len(merged)}]")
                merged.append(element)
        kept = [copy_message(message) for message in merged]
        clear(inputs.target, one)
        cast("list[object]", read(inputs.target, one)).extend(kept)

    def _any(self, inputs: MergeInputs, path: str) -> bool:
        """Apply the edit inside an Any of a known and unchanged type; return whether it was one."""
        if self.resolve is None or descriptor_of(inputs.base).full_name != ANY:
            return False
        packed = [unpack_any(message) for message in (inputs.target, inputs.stored, inputs.base, inputs.edited)]
        urls = {url for url, _ in packed}
        kind = self.resolve(urls.pop().rpartition("/")[2]) if len(urls) == 1 else None
        if kind is None:
            return False
        try:
            inner = MergeInputs(*(kind.FromString(value) for _, value in packed))
        except DecodeError:
            return False
        before = copy_message(inner.target)
        self.message(inner, path)
        repack_any(inputs.target, patch_bytes(packed[0][1], before, inner.target))
        return True


def _copy_field(target: Message, edited: Message, one: FieldDescriptor) -> None:
    if one.has_presence and not has(edited, one):
        clear(target, one)
    else:
        write(target, one, read(edited, one))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _size(part: slice) -> int:
    return int(part.stop) - int(part.start)


def _range(path: str, start: int, chunk: Chunk) -> str:
    count = _size(chunk.mine)
    return f"{path}[{start}]" if count == 1 else f"{path}[{start}:{start + count}]"
