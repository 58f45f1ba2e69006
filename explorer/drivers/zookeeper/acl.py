"""Access control lists: their text in an entry's metadata, and what forbids to create a znode with one.

The text is `scheme:id:permissions`, several of them separated by `, `; a comma or backslash of an ID is written after a
backslash. An ID may have colons: the permissions come after the last one.
"""

import re
from base64 import b64encode
from collections.abc import Collection, Iterable
from hashlib import sha1
from typing import Final, NamedTuple

from explorer.model.entries import Meta

CREATE: Final = 4
DELETE: Final = 8
_PERMISSION_LETTERS: Final = (("c", CREATE), ("d", DELETE), ("r", 1), ("w", 2), ("a", 16))
_PERMISSIONS: Final = dict(_PERMISSION_LETTERS)
_NOBODY: Final = "nobody"
_SPECIAL: Final = re.compile(r"([\\,])")
_ESCAPED: Final = re.compile(r"\\([\\,])")
_ENTRY: Final = re.compile(r"(?P<scheme>[^:\\,]+):(?P<id>(?:[^\\,]|\\[\\,])*):(?P<letters>[cdrwa]*)(?:, |\Z)")
_MASKED: Final = re.compile(r"[^:]*:x")
"""ID of the digest scheme as a server shows it to those who may not administer the znode: without the digest."""


class Identity(NamedTuple):
    """Who a permission is given to."""

    scheme: str
    id: str


ANYONE: Final = Identity("world", "anyone")


class AclEntry(NamedTuple):
    """One entry of an access control list."""

    permissions: int
    scheme: str
    id: str

    def __str__(self) -> str:
        letters = "".join(letter for letter, bit in _PERMISSION_LETTERS if self.permissions & bit)
        return ":".join((self.scheme, _SPECIAL.sub(r"\\\1", self.id), letters))

    @property
    def shown(self) -> "AclEntry":
        """The entry as it is shown to those who may not administer the znode."""
        is_digest = self.scheme == "digest" and ":" in self.id
        return self._replace(id=f"{self.id.partition(':')[0]}:x") if is_digest else self


Acl = tuple[AclEntry, ...]
OPEN_ACL: Final[Acl] = (AclEntry(31, *ANYONE),)


def format_acl(acl: Iterable[AclEntry]) -> str:
    """Return an access control list as one line."""
    return ", ".join(map(str, acl)) or _NOBODY


def parse_acl(text: str) -> Acl:
    """Return the access control list of a line.

    Raises:
        ValueError: It is none.
    """
    if text == _NOBODY:
        return ()
    entries: list[AclEntry] = []
    start = 0
    while (found := _ENTRY.match(text, start)) is not None:
        permissions = sum(_PERMISSIONS[letter] for letter in set(found["letters"]))
        entries.append(AclEntry(permissions, found["scheme"], _ESCAPED.sub(r"\1", found["id"])))
        start = found.end()
        if start == len(text) and not text.endswith(", "):
            return tuple(entries)
    message = f"{text!r} is no access control list"
    raise ValueError(message)


def acl_of(meta: Meta) -> Acl:
    """Return the access control list that a znode is created with."""
    return parse_acl(str(meta["acl"])) if "acl" in meta else OPEN_ACL


def is_same_acl(acl: Acl, other: Acl) -> bool:
    """Return whether two lists are the same, as far as the servers show them."""
    return {entry.shown for entry in acl} == {entry.shown for entry in other}


def digest_identity(user: str, password: str) -> Identity:
    """Return the identity of a user of the digest scheme."""
    digest = sha1(f"{user}:{password}".encode(), usedforsecurity=False).digest()
    return Identity("digest", f"{user}:{b64encode(digest).decode('ascii')}")


def acl_refusal(text: object, identities: Collection[Identity], *, has_children: bool) -> str:
    """Return why a znode is not created with an access control list; "" if the servers decide.

    Args:
        text: The list as a line.
        identities: Who the client certainly is.
        has_children: The client creates znodes below it as well, and may have to delete them again.
    """
    try:
        acl = parse_acl(str(text))
    except ValueError as error:
        return str(error)
    if not acl:
        return "no node can be created for nobody"
    for entry in acl:
        if entry.scheme == "auth":
            return "auth stands for whoever is logged in"
        if entry.scheme == "digest" and _MASKED.fullmatch(entry.id):
            return "the server shows its digests only to those who may administer the node"
    needed = CREATE | DELETE if has_children else 0
    for entry in acl:
        if Identity(entry.scheme, entry.id) in identities:
            needed &= ~entry.permissions
    return "it may forbid this user to create and delete what is below" if needed else ""
