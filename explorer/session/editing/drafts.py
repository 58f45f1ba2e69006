"""Drafts on disk: what a person typed and did not save yet, for the day that the process dies.

One file for each draft, named by a hash of store and key, in a folder that nobody else may look into. It is JSON with
its length and SHA-256, written aside, synced and renamed, so that there is always a whole one. What cannot be trusted
is left alone and not offered.
"""

import base64
import binascii
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Final, Self

from explorer.codecs.base import Choice
from explorer.model.entries import Revision
from explorer.model.keys import encode

MAX_DRAFT_SIZE: Final = 16 * 2**20
"""Bytes of a file beyond which no draft is written or read."""
_MARK: Final = "keyscope draft"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that was typed for a key."""

    store: str
    """The address as it is shown, without secrets."""
    key: str
    text: str
    base: bytes | None
    """The value that was opened; None for a key that was to be created."""
    revision: Revision | None
    """The revision of that value."""
    choice: Choice | None
    """How it was read."""
    written_at: datetime
    file: str = ""
    """The name of its file, once it has one."""


class DraftError(Exception):
    """A draft could not be kept; the message says why in a line for a person."""


class Drafts:
    """A folder of drafts. Its calls block for as long as a disk does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ours: dict[tuple[str, str], str] = {}

    def list_drafts(self, store: str) -> tuple[Draft, ...]:
        """Give the drafts for a store, the newest first; whose files are damaged or not ours alone are left out."""
        try:
            with _Folder(self.folder) as folder:
                drafts = [draft for draft in folder.drafts() if draft.store == store]
        except (DraftError, OSError):
            return ()
        return tuple(sorted(drafts, key=lambda draft: draft.written_at, reverse=True))

    def save(self, draft: Draft) -> Draft:
        """Write a draft in place of the one before, or beside one of another session that nobody has taken up.

        Raises:
            DraftError: It cannot be written.
        """
        data = _packed(draft)
        if len(data) > MAX_DRAFT_SIZE:
            message = f"a draft of {len(data):,} bytes is too large to be kept"
            raise DraftError(message)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _Folder(self.folder) as folder:
                name = self._name(draft, folder)
                folder.write(name, data)
        except OSError as error:
            message = f"no draft can be kept in {self.folder}: {error.strerror or error}"
            raise DraftError(message) from error
        return replace(draft, file=name)

    def adopt(self, draft: Draft) -> None:
        """Go on with a draft that was found: from now on its file is this session's own."""
        self._ours[draft.store, draft.key] = draft.file

    def release(self, store: str, key: str) -> str | None:
        """Leave this session's draft for a key as it is, and return its file, if there is one.

        What is typed for the key from now on is another draft.
        """
        return self._ours.pop((store, key), None)

    def remove(self, store: str, key: str) -> None:
        """Remove this session's draft for a key, if there is one."""
        name = self._ours.pop((store, key), None)
        if name is not None:
            self._remove(name)

    def discard(self, draft: Draft) -> None:
        """Remove a draft that was found."""
        self._ours = {place: name for place, name in self._ours.items() if name != draft.file}
        self._remove(draft.file)

    def _remove(self, name: str) -> None:
        with suppress(DraftError, OSError), _Folder(self.folder) as folder:
            folder.remove(name)

    def _name(self, draft: Draft, folder: "_Folder") -> str:
        place = (draft.store, draft.key)
        if place not in self._ours:
            name = hashlib.sha256(encode(draft.store) + b"\0" + encode(draft.key)).hexdigest()
            self._ours[place] = f"{name}-{token_hex(4)}.json" if folder.has(f"{name}.json") else f"{name}.json"
        return self._ours[place]


class _Folder:
    """The open folder, checked: a directory of ours, no link, closed to others."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1

    def __enter__(self) -> Self:
        self._handle = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        found = os.fstat(self._handle)
        if found.st_uid != os.getuid():
            self.__exit__()
            message = f"no draft can be kept: {self._path} belongs to somebody else"
            raise DraftError(message)
        if found.st_mode & _OTHERS:
            os.fchmod(self._handle, 0o700)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def has(self, name: str) -> bool:
        return name in self._names()

    def _names(self) -> list[str]:
        with os.scandir(self._handle) as found:
            return [entry.name for entry in found]

    def drafts(self) -> Iterator[Draft]:
        for name in self._names():
            if name.endswith(".json"):
                draft = self._read(name)
                if draft is not None:
                    yield replace(draft, file=name)

    def _read(self, name: str) -> Draft | None:
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._handle)
        except OSError:
            return None
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            theirs = found.st_uid != os.getuid() or bool(found.st_mode & _OTHERS)
            if theirs or not stat.S_ISREG(found.st_mode) or found.st_size > MAX_DRAFT_SIZE:
                return None
            return _unpacked(file.read(MAX_DRAFT_SIZE + 1))

    def write(self, name: str, data: bytes) -> None:
        aside = f".{name}.{token_hex(4)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(aside, flags, 0o600, dir_fd=self._handle)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            os.replace(aside, name, src_dir_fd=self._handle, dst_dir_fd=self._handle)
        except BaseException:
            with suppress(OSError):
                os.unlink(aside, dir_fd=self._handle)
            raise
        os.fsync(self._handle)

    def remove(self, name: str) -> None:
        os.unlink(name, dir_fd=self._handle)
        os.fsync(self._handle)


def _packed(draft: Draft) -> bytes:
    choice = draft.choice
    content = json.dumps(
        {
            "store": draft.store,
            "key": draft.key,
            "text": draft.text,
            "base": None if draft.base is None else base64.b64encode(draft.base).decode(),
            "revision": draft.revision,
            "choice": None if choice is None else list(astuple(choice)),
            "written": draft.written_at.isoformat(),
        }
    )
    digest = hashlib.sha256(content.encode("ascii")).hexdigest()
    return json.dumps({_MARK: 1, "length": len(content), "sha256": digest, "draft": content}).encode("ascii")


def _unpacked(data: bytes) -> Draft | None:
    """Give the draft of a file, None if it is damaged or something else."""
    try:
        envelope = json.loads(data)
        content = str(envelope["draft"])
        if envelope[_MARK] != 1 or len(content) != envelope["length"]:
            return None
        if hashlib.sha256(content.encode("ascii")).hexdigest() != envelope["sha256"]:
            return None
        return _draft(json.loads(content))
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        return None


def _draft(told: Mapping[str, object]) -> Draft:
    base, revision, choice = told["base"], told["revision"], told["choice"]
    if not (isinstance(base, str | None) and isinstance(revision, int | str | None)):
        raise TypeError
    return Draft(
        store=str(told["store"]),
        key=str(told["key"]),
        text=str(told["text"]),
        base=None if base is None else base64.b64decode(base, validate=True),
        revision=revision,
        choice=Choice(*choice) if isinstance(choice, list) else None,
        written_at=datetime.fromisoformat(str(told["written"])),
    )
