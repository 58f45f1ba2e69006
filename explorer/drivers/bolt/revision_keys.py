"""Keys of etcd's own file: in the bucket `key`, each name is a revision, and each value the key as it was then.

A name is a main revision, `_`, the number of the change in its transaction, and `t` for a deletion. It is shown with
as many digits as it takes to sort by text as by bytes.
"""

import re
from pathlib import Path
from struct import Struct
from typing import Final

from explorer.drivers.bolt.keyspace import BoltKeyspace, NamePath, parse_name, position_of, show_name
from explorer.drivers.bolt.layout import REVISION_BUCKET

SCHEMA: Final = Path(__file__).with_name("mvccpb.proto")
"""Schema of the values."""
MESSAGES: Final = {f"{REVISION_BUCKET.decode()}/": "mvccpb.KeyValue"}
"""Message types by prefix."""

_REVISION: Final = Struct(">QcQ")
_TOMBSTONE: Final = b"t"
_DELETED: Final = "-deleted"
_MAX_MAIN: Final = 10**12
_MAX_SUB: Final = 10**4
_TEXT: Final = re.compile(rf"([0-9]{{12}})\.([0-9]{{4}})((?:{_DELETED})?)", re.ASCII)


class RevisionKeyspace(BoltKeyspace):
    """The keys of etcd's file; revisions are shown as `000000000057.0000`, deletions with `-deleted` behind."""

    def show_name(self, parent: NamePath, name: bytes) -> str:
        revision = _text(name) if parent == (REVISION_BUCKET,) else None
        return show_name(name) if revision is None else revision

    def parse_name(self, parent: NamePath, text: str) -> bytes:
        revision = _data(text) if parent == (REVISION_BUCKET,) else None
        return parse_name(text) if revision is None else revision

    def position_of(self, parent: NamePath, text: str) -> bytes:
        if parent != (REVISION_BUCKET,):
            return position_of(text)
        exact = _data(text)
        if exact is not None:
            return exact
        main, _, rest = text.partition(".")
        digits = "".join(character for character in main if character.isascii() and character.isdigit())[:12]
        if digits != main[:12]:
            return b"\xff" * _REVISION.size if text > "9" else b""
        sub = "".join(character for character in rest[:4] if character.isascii() and character.isdigit())
        return _REVISION.pack(int(digits.ljust(12, "0")), b"_", max(int(sub.ljust(4, "0")), 0))[:-1]


def _text(name: bytes) -> str | None:
    """Return a revision as text; None if the name is none, or a larger one than is ever reached."""
    is_deleted = len(name) == _REVISION.size + 1 and name.endswith(_TOMBSTONE)
    if len(name) != _REVISION.size and not is_deleted:
        return None
    main, mark, sub = _REVISION.unpack_from(name)
    if mark != b"_" or main >= _MAX_MAIN or sub >= _MAX_SUB:
        return None
    return f"{main:012}.{sub:04}{_DELETED if is_deleted else ''}"


def _data(text: str) -> bytes | None:
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    return _REVISION.pack(int(found[1]), b"_", int(found[2])) + (_TOMBSTONE if found[3] else b"")
