"""An edit carried over to another message: only what the edit changed is written, all else stays as it is there.

The edit is the difference between what the old text and the edited text say. It is written onto the parsed original,
which holds what no text shows: fields that the schema does not know, NaN payloads, an Any in another spelling. Written
onto what somebody else stored meanwhile, it merges both changes field by field.
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
    content,
    copied,
    copy_into,
    descriptor_of,
    elements,
    fields_of,
    has,
    is_map,
    mapping,
    read,
    repack,
    submessage,
    unpacked,
    which_oneof,
    write,
)
from explorer.codecs.protobuf.wire_patch import patch_bytes

Resolve: TypeAlias = Callable[[str], type[Message] | None]
"""Gives the class of a message by its full name."""


@dataclass(frozen=True, slots=True)
class MergeInputs:
    """One message, or the same part of it, in the four states that a graft works with."""

    target: Message
    """What is written to: what is stored, with all that no text shows."""
    stored: Message
    """What a text says of it."""
    base: Message
    """What the text said when the edit began."""
    edited: Message
    """What the edited text says."""

    def contents(self, one: FieldDescriptor) -> tuple[object, object, object]:
        """Give what is in a field: stored, base and edited."""
        return content(self.stored, one), content(self.base, one), content(self.edited, one)

    def inner(self, one: FieldDescriptor) -> "MergeInputs":
        """Give the message in a field."""
        return MergeInputs(
            *(submessage(message, one) for message in (self.target, self.stored, self.base, self.edited))
        )


@dataclass(frozen=True, slots=True)
class MessageMerge:
    """One run of carrying an edit over."""

    resolve: Resolve | None
    """How to look into an Any; None where the text shows its bytes."""
    conflicts: list[str] = field(default_factory=list)
    """The fields that the edit and the stored message changed to different things."""

    def message(self, four: MergeInputs, path: str = "") -> None:
        """Carry the edit of a message over to its target."""
        if self._any(four, path):
            return
        self._oneofs(four, path)
        for one in fields_of(four.base, four.edited):
            stored, base, edited = four.contents(one)
            if edited not in (base, stored):
                self._field(four, one, _below(path, f"[{one.full_name}]" if one.is_extension else one.name))

    def _field(self, four: MergeInputs, one: FieldDescriptor, path: str) -> None:
        if is_map(one):
            self._map(four, one, path)
        elif one.is_repeated and one.message_type is not None:
            self._messages(four, one, path)
        elif one.is_repeated:
            self._values(four, one, path)
        elif one.message_type is not None and has(four.stored, one) and has(four.edited, one):
            self.message(four.inner(one), path)
        else:
            stored, base, _ = four.contents(one)
            self._conflict(path, unless=stored == base)
            _take(four.target, four.edited, one)

    def _conflict(self, path: str, *, unless: bool) -> None:
        if not unless:
            self.conflicts.append(path)

    def _oneofs(self, four: MergeInputs, path: str) -> None:
        """Where both chose another member of a oneof, only one of them can stay."""
        for oneof in descriptor_of(four.base).oneofs:
            stored, base, edited = (which_oneof(one, oneof.name) for one in (four.stored, four.base, four.edited))
            if edited != base and stored not in (base, edited):
                self.conflicts.append(_below(path, oneof.name))
                clear_oneof(four.target, oneof.name)

    def _map(self, four: MergeInputs, one: FieldDescriptor, path: str) -> None:
        target, stored, base, edited = (
            mapping(message, one) for message in (four.target, four.stored, four.base, four.edited)
        )
        for key in {**dict(base), **dict(edited)}:
            there, was, now = (comparable(part[key]) if key in part else None for part in (stored, base, edited))
            if now in (was, there):
                continue
            where = f"{path}[{json.dumps(key, ensure_ascii=False)}]"
            mine = edited.get(key)
            if isinstance(mine, Message) and key in stored:
                old = base[key] if key in base else type(mine)()
                self.message(MergeInputs(*cast("list[Message]", [target[key], stored[key], old, mine])), where)
                continue
            self._conflict(where, unless=there == was)
            if mine is None:
                target.pop(key, None)
            elif isinstance(mine, Message):
                copy_into(cast("Message", target[key]), mine)
            else:
                target[key] = mine

    def _values(self, four: MergeInputs, one: FieldDescriptor, path: str) -> None:
        target, stored, base, edited = (
            list(cast("list[object]", read(message, one)))
            for message in (four.target, four.stored, four.base, four.edited)
        )
        merged: list[object] = []
        for part in diff3_chunks(*([comparable(value) for value in values] for values in (base, edited, stored))):
            mine = part.side in (Side.MINE, Side.CONFLICT)
            self._conflict(_range(path, len(merged), part), unless=part.side is not Side.CONFLICT)
            merged += edited[part.mine] if mine else target[part.theirs]
        clear(four.target, one)
        cast("list[object]", read(four.target, one)).extend(merged)

    def _messages(self, four: MergeInputs, one: FieldDescriptor, path: str) -> None:
        target, stored, base, edited = (
            elements(message, one) for message in (four.target, four.stored, four.base, four.edited)
        )
        origin = align(base, edited)
        in_stored = {was: there for there, was in align(base, stored).items()}
        merged: list[Message] = []
        for part in diff3_chunks(*([comparable(value) for value in values] for values in (base, edited, stored))):
            if part.side not in (Side.MINE, Side.CONFLICT):
                merged += target[part.theirs]
                continue
            pairs = [(origin.get(now), now) for now in range(part.mine.start, part.mine.stop)]
            one_by_one = _size(part.base) == _size(part.theirs) == len([was for was, _ in pairs if was in in_stored])
            self._conflict(_range(path, len(merged), part), unless=part.side is Side.MINE or one_by_one)
            for was, now in pairs:
                if was is None or was not in in_stored:
                    merged.append(edited[now])
                    continue
                there = in_stored[was]
                element = copied(target[there])
                self.message(MergeInputs(element, stored[there], base[was], edited[now]), f"{path}[{len(merged)}]")
                merged.append(element)
        kept = [copied(message) for message in merged]
        clear(four.target, one)
        cast("list[object]", read(four.target, one)).extend(kept)

    def _any(self, four: MergeInputs, path: str) -> bool:
        """Carry an edit over inside an Any, if it is one whose type is known and stayed the same."""
        if self.resolve is None or descriptor_of(four.base).full_name != ANY:
            return False
        packed = [unpacked(message) for message in (four.target, four.stored, four.base, four.edited)]
        urls = {url for url, _ in packed}
        kind = self.resolve(urls.pop().rpartition("/")[2]) if len(urls) == 1 else None
        if kind is None:
            return False
        try:
            inner = MergeInputs(*(kind.FromString(value) for _, value in packed))
        except DecodeError:
            return False
        before = copied(inner.target)
        self.message(inner, path)
        repack(four.target, patch_bytes(packed[0][1], before, inner.target))
        return True


def _take(target: Message, edited: Message, one: FieldDescriptor) -> None:
    if one.has_presence and not has(edited, one):
        clear(target, one)
    else:
        write(target, one, read(edited, one))


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _size(part: slice) -> int:
    return int(part.stop) - int(part.start)


def _range(path: str, start: int, part: Chunk) -> str:
    count = _size(part.mine)
    return f"{path}[{start}]" if count == 1 else f"{path}[{start}:{start + count}]"
