"""Journal of this person's changes: who asked what to be changed where, and what was there before.

One JSON object a line in a file that only its owner may read. Each line has the SHA-256 of the line before it, so that
a line that was changed or taken out is noticed. The file of a month is never written again afterwards.

The journal is kept for the person: what could not be written to it has been done all the same, and is logged.
"""

import fcntl
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

from explorer.config import folder
from explorer.model.entries import NO_META, Meta, Revision
from explorer.private_folder import PrivateFolder

MAX_KEPT_VALUE: Final = 2**20
"""Bytes of a value from which on the journal has its digest only."""
_CHUNK: Final = 2**16
_CHAIN: Final = "chain"


DELETE_TREE: Final = "delete tree"
"""Action of a record of many keys."""


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One change of one key.

    Args:
        store: URL of the store without secrets.
        key: The key, relative to the URL.
        action: What was done: create, update, delete; or "delete tree", with the number of entries as `detail`.
        before: Revision that was replaced; None if there was none, or it is not known.
        after: Revision that was written; None for a deletion.
        old: Value that was replaced; None if there was none, it was too large, or it is masked.
        detail: What else is to be known, such as that the outcome is unknown.
        profile: Name of the profile that the store was opened by.
        reason: Why it was done, if that was said, such as which constraints were overridden.
        new: Value that was written; None if there is none, it was too large, or it is masked.
        masked: Whether the values are left out because the profile says so.
        meta: Metadata that was replaced or deleted, and that a key can be created with: flags, access control list.
    """

    store: str
    key: str
    action: str
    before: Revision | None = None
    after: Revision | None = None
    old: bytes | None = None
    detail: str = ""
    profile: str = ""
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    reason: str = ""
    new: bytes | None = None
    masked: bool = False
    meta: Meta = field(default_factory=lambda: NO_META)

    def to_line(self, chain: str) -> bytes:
        """Return the line of the record, with the digest of the line before."""
        record = {
            "time": self.time.isoformat(timespec="milliseconds"),
            "store": self.store,
            **({"profile": self.profile} if self.profile else {}),
            "key": self.key,
            "action": self.action,
            "before": self.before,
            "after": self.after,
            **(
                {"masked": True}
                if self.masked
                else {**_value_fields("old", self.old), **_value_fields("new", self.new)}
            ),
            **({"meta": dict(self.meta)} if self.meta else {}),
            **({"detail": self.detail} if self.detail else {}),
            **({"reason": self.reason} if self.reason else {}),
            _CHAIN: chain,
        }
        return json.dumps(record).encode("ascii") + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> "JournalRecord":
        """Return the record of a line.

        Raises:
            ValueError: It is none.
        """
        try:
            fields = json.loads(line)
            return cls(
                str(fields["store"]),
                str(fields["key"]),
                str(fields["action"]),
                fields["before"],
                fields["after"],
                _value(fields, "old"),
                str(fields.get("detail", "")),
                str(fields.get("profile", "")),
                datetime.fromisoformat(fields["time"]),
                str(fields.get("reason", "")),
                _value(fields, "new"),
                fields.get("masked") is True,
                _meta(fields.get("meta", {})),
            )
        except (TypeError, KeyError, AttributeError) as error:
            message = f"no record: {error}"
            raise ValueError(message) from error


@dataclass(frozen=True, slots=True)
class JournalPlace:
    """Place of a record: a file of the journal, and where in it the record's line begins."""

    file: str
    offset: int


class Journal:
    """The files of a folder. Its methods block on disk access.

    Args:
        folder: The folder, made when the first record is appended.
        on_failure: Called once with why records are not written: what was done is not undone for that.
    """

    def __init__(self, folder: Path, on_failure: Callable[[str], None] | None = None) -> None:
        self.folder = folder
        self._on_failure = on_failure

    @classmethod
    def default(cls, on_failure: Callable[[str], None] | None = None) -> "Journal":
        """Return the journal of this person."""
        return cls(folder("state") / "journal", on_failure)

    def report_failure(self, error: OSError) -> None:
        """Note that records could not be written."""
        on_failure, self._on_failure = self._on_failure, None
        if on_failure is not None:
            on_failure(f"not in the journal, which cannot be written: {error.strerror or error} ({self.folder})")

    def append(self, records: Sequence[JournalRecord]) -> None:
        """Append records; several processes may do so at the same time.

        Raises:
            OSError: They cannot be written.
        """
        name = f"{datetime.now(UTC):%Y-%m}.jsonl"
        with PrivateFolder(self.folder, make=True) as opened:
            others = sorted(other for other in opened.names() if other.endswith(".jsonl") and other < name)
            with opened.append(name) as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # released with the file
                with (self.folder / name).open("rb") as reader:
                    last = _last_line(reader)
                if not last and others:
                    with (self.folder / others[-1]).open("rb") as reader:
                        last = _last_line(reader)
                lines = []
                for record in records:
                    last = record.to_line(sha256(last).hexdigest())
                    lines.append(last)
                file.write(b"".join(lines))
                file.flush()
                os.fsync(file.fileno())

    def records(self) -> Iterator[JournalRecord]:
        """Yield the records, the oldest first, without lines that are damaged."""
        for _, _, _, line in self._lines():
            try:
                yield JournalRecord.of_line(line)
            except ValueError:
                continue

    def index(self) -> Iterator[tuple[JournalPlace, JournalRecord]]:
        """Yield the records without their values, the oldest first, with their places."""
        for file, offset, _, line in self._lines():
            try:
                record = JournalRecord.of_line(line)
            except ValueError:
                continue
            yield JournalPlace(file, offset), replace(record, old=None, new=None)

    def read(self, place: JournalPlace) -> JournalRecord:
        """Return the record at a place, with its values.

        Raises:
            OSError: The file cannot be read.
            ValueError: There is no record any more.
        """
        with (self.folder / place.file).open("rb") as file:
            file.seek(place.offset)
            return JournalRecord.of_line(file.readline())

    def damage(self) -> str:
        """Return where a line was changed, added or taken out, by its file and number; empty if none was."""
        last = b""
        for name, _, number, line in self._lines():
            try:
                chain = json.loads(line)[_CHAIN]
            except (ValueError, TypeError, KeyError):
                chain = ""
            if chain != sha256(last).hexdigest():
                return f"{name} line {number}"
            last = line
        return ""

    def _lines(self) -> Iterator[tuple[str, int, int, bytes]]:
        """Yield the lines, each with its file, where it begins in that, and its number."""
        try:
            names = sorted(path.name for path in self.folder.iterdir() if path.suffix == ".jsonl")
        except FileNotFoundError:
            return
        for name in names:
            offset = 0
            with (self.folder / name).open("rb") as file:
                for number, line in enumerate(file, 1):
                    yield name, offset, number, line
                    offset += len(line)


def _last_line(file: IO[bytes]) -> bytes:
    """Return the last line of a file; empty if it has none."""
    end = file.seek(0, os.SEEK_END)
    tail = b""
    while end > 0 and b"\n" not in tail[:-1]:
        start = max(0, end - _CHUNK)
        file.seek(start)
        tail = file.read(end - start) + tail
        end = start
    return tail[tail.rfind(b"\n", 0, -1) + 1 :]


def _value_fields(name: str, value: bytes | None) -> dict[str, str]:
    if value is None:
        return {}
    if len(value) > MAX_KEPT_VALUE:
        return {f"{name}_sha256": sha256(value).hexdigest()}
    try:
        return {f"{name}_text": value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": b64encode(value).decode("ascii")}


def _value(fields: Mapping[str, object], name: str) -> bytes | None:
    text = fields.get(f"{name}_text")
    return text.encode() if isinstance(text, str) else _from_base64(fields.get(f"{name}_base64"))


def _meta(fields: Mapping[str, object]) -> Meta:
    return {name: value for name, value in fields.items() if isinstance(value, str | int)}


def _from_base64(text: object) -> bytes | None:
    return b64decode(text, validate=True) if isinstance(text, str) else None
