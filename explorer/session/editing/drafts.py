"""Drafts on disk: unsaved text that survives a crash.

Each draft is a JSON file with its length and SHA-256, named by a hash of store and key, in a folder closed to other
users. It is written to a temporary file, synced and renamed, so that there is always a complete one. Files that are
damaged or writable by others are ignored.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Final

from explorer.codecs.base import Choice
from explorer.model.entries import NO_META, Entry, Meta, Revision
from explorer.model.keys import encode
from explorer.private_folder import PrivateFolder

MAX_DRAFT_SIZE: Final = 16 * 2**20
"""Maximum size of a draft file in bytes."""
_FORMAT_FIELD: Final = "keyscope draft"


@dataclass(frozen=True, slots=True)
class Draft:
    """Unsaved text of a key."""

    store: str
    """Address of the store without secrets."""
    key: str
    text: str
    base: bytes | None
    """Value that was opened; None for a new key."""
    revision: Revision | None
    """Revision of that value."""
    choice: Choice | None
    """Way in which the value was decoded."""
    written_at: datetime
    staged: bool = False
    """True if the change was reviewed, to be saved together with others."""
    file: str = ""
    """Name of the file, once it has one."""
    deletes: bool = False
    """True if the change deletes the key; its text is empty."""
    meta: Meta | None = field(default_factory=lambda: NO_META, hash=False)
    """Metadata that the key had, see `Edit.meta`."""

    @property
    def base_entry(self) -> Entry | None:
        """Entry that was opened; None for a new key."""
        if self.base is None or self.revision is None:
            return None
        return Entry(self.key, self.base, self.revision, meta=self.meta or NO_META)


class DraftError(Exception):
    """A draft cannot be kept; the message says why in one line."""


class Drafts:
    """Folder of drafts. Its methods block on disk access."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._own_files: dict[tuple[str, str], str] = {}

    def list_drafts(self, store: str) -> tuple[Draft, ...]:
        """Return the drafts of a store, the newest first, without those that this session writes to.

        Files that are damaged or not ours alone are left out, too.
        """
        own = {*self._own_files.values()}
        try:
            with PrivateFolder(self.folder) as folder:
                found = [_read(folder, name) for name in folder.names() if name.endswith(".json") and name not in own]
                drafts = [draft for draft in found if draft is not None and draft.store == store]
        except OSError:
            return ()
        return tuple(sorted(drafts, key=lambda draft: draft.written_at, reverse=True))

    def save(self, draft: Draft) -> Draft:
        """Write a draft over this session's one, or to a new file beside a draft of another session.

        Raises:
            DraftError: The draft cannot be written.
        """
        data = _serialize(draft)
        if len(data) > MAX_DRAFT_SIZE:
            message = f"a draft of {len(data):,} bytes is too large to be kept"
            raise DraftError(message)
        try:
            with PrivateFolder(self.folder, make=True) as folder:
                name = self._name(draft, folder)
                folder.write(name, data)
        except OSError as error:
            message = f"no draft can be kept in {self.folder}: {error.strerror or error}"
            raise DraftError(message) from error
        return replace(draft, file=name)

    def add(self, drafts: Iterable[Draft]) -> None:
        """Write drafts to files of their own, which no open edit writes to.

        Raises:
            DraftError: One cannot be written.
        """
        own, self._own_files = self._own_files, {}
        try:
            for draft in drafts:
                self.save(draft)
        finally:
            self._own_files = own

    def unstage(self, drafts: Iterable[Draft]) -> None:
        """Keep staged texts as drafts that are not staged, unless they are gone; forget staged deletions."""
        with suppress(OSError), PrivateFolder(self.folder) as folder:
            for draft in drafts:
                if draft.deletes:
                    folder.remove(draft.file)
                elif draft.file in folder.names():
                    folder.write(draft.file, _serialize(replace(draft, staged=False)))

    def adopt(self, draft: Draft) -> None:
        """Take over the file of a draft, so that this session writes to it."""
        self._own_files[draft.store, draft.key] = draft.file

    def release(self, store: str, key: str) -> str | None:
        """Release this session's file for a key; return its name, if there is one.

        Text typed for the key from now on goes to another file.
        """
        return self._own_files.pop((store, key), None)

    def remove(self, store: str, key: str) -> None:
        """Remove this session's draft of a key, if there is one."""
        name = self._own_files.pop((store, key), None)
        if name is not None:
            self._remove_file(name)

    def discard(self, draft: Draft) -> None:
        """Remove a draft."""
        self._own_files = {place: name for place, name in self._own_files.items() if name != draft.file}
        self._remove_file(draft.file)

    def _remove_file(self, name: str) -> None:
        with suppress(OSError), PrivateFolder(self.folder) as folder:
            folder.remove(name)

    def _name(self, draft: Draft, folder: PrivateFolder) -> str:
        place = (draft.store, draft.key)
        if place not in self._own_files:
            name = hashlib.sha256(encode(draft.store) + b"\0" + encode(draft.key)).hexdigest()
            is_taken = f"{name}.json" in folder.names()
            self._own_files[place] = f"{name}-{token_hex(4)}.json" if is_taken else f"{name}.json"
        return self._own_files[place]


def _read(folder: PrivateFolder, name: str) -> Draft | None:
    data = folder.read(name, MAX_DRAFT_SIZE)
    draft = None if data is None else _deserialize(data)
    return None if draft is None else replace(draft, file=name)


def _serialize(draft: Draft) -> bytes:
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
            "staged": draft.staged,
            **({"deletes": True} if draft.deletes else {}),
            **({} if draft.meta == NO_META else {"meta": None if draft.meta is None else dict(draft.meta)}),
        }
    )
    digest = hashlib.sha256(content.encode("ascii")).hexdigest()
    return json.dumps({_FORMAT_FIELD: 1, "length": len(content), "sha256": digest, "draft": content}).encode("ascii")


def _deserialize(data: bytes) -> Draft | None:
    """Return the draft of a file; None if it is damaged or something else."""
    try:
        envelope = json.loads(data)
        content = str(envelope["draft"])
        if envelope[_FORMAT_FIELD] != 1 or len(content) != envelope["length"]:
            return None
        if hashlib.sha256(content.encode("ascii")).hexdigest() != envelope["sha256"]:
            return None
        return _parse(json.loads(content))
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        return None


def _parse(fields: Mapping[str, object]) -> Draft:
    base, revision, choice = fields["base"], fields["revision"], fields["choice"]
    if not (isinstance(base, str | None) and isinstance(revision, int | str | None)):
        raise TypeError
    return Draft(
        store=str(fields["store"]),
        key=str(fields["key"]),
        text=str(fields["text"]),
        base=None if base is None else base64.b64decode(base, validate=True),
        revision=revision,
        choice=Choice(*choice) if isinstance(choice, list) else None,
        written_at=datetime.fromisoformat(str(fields["written"])),
        staged=fields.get("staged") is True,
        deletes=fields.get("deletes") is True,
        meta=_meta(fields.get("meta", {})),
    )


def _meta(fields: object) -> Meta | None:
    if fields is None:
        return None
    if not isinstance(fields, dict):
        raise TypeError
    return {str(name): value for name, value in fields.items() if isinstance(value, str | int)}
