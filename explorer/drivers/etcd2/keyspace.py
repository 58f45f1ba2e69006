"""etcd's nodes, and the conversion of keys, prefixes and entries between the address's path and the store.

A node is a key with a value or a directory, never both. A directory is an entry without a value. Names that begin with
`_` are hidden: they can be read and written, and no listing and no watch from above shows them.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from explorer.drivers.common.json_fields import Fields, number, object_of, objects_of, text
from explorer.model.entries import NO_META, Entry
from explorer.model.errors import InvalidKey

_REPLACEMENT_CHARACTER: Final = "\N{REPLACEMENT CHARACTER}"
_DELETIONS: Final = ("delete", "compareAndDelete", "expire")


@dataclass(frozen=True, slots=True)
class Etcd2Node:
    """A node of the store; its path begins with a slash, and is empty for the root."""

    path: str
    is_directory: bool
    text: str
    """The value; empty for a directory."""
    created: int
    modified: int
    ttl: int | None
    """Seconds left, rounded up."""
    children: tuple["Etcd2Node", ...] = ()
    """The nodes in a directory, if it was read itself."""

    @classmethod
    def parse(cls, fields: Fields) -> "Etcd2Node":
        """Return the node of a JSON object.

        Raises:
            ValueError: It is none.
        """
        return cls(
            path=text(fields, "key", "").rstrip("/"),
            is_directory=bool(fields.get("dir")),
            text=text(fields, "value", ""),
            created=number(fields, "createdIndex", 0),
            modified=number(fields, "modifiedIndex", 0),
            ttl=number(fields, "ttl") if fields.get("ttl") is not None else None,
            children=tuple(map(cls.parse, objects_of(fields.get("nodes")))),
        )

    @classmethod
    def implicit_directory(cls, path: str, index: int) -> "Etcd2Node":
        """Return a directory that a write below it created."""
        return cls(path, is_directory=True, text="", created=index, modified=index, ttl=None)

    @property
    def is_lossy(self) -> bool:
        """True if the value may have other bytes than the text: etcd replaces what is no UTF-8 by U+FFFD."""
        return _REPLACEMENT_CHARACTER in self.text


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A change of a node."""

    action: str
    node: Etcd2Node
    previous: Etcd2Node | None

    @classmethod
    def parse(cls, fields: Fields) -> "NodeChange":
        """Return the change of a JSON object.

        Raises:
            ValueError: It is none.
        """
        previous = fields.get("prevNode")
        return cls(
            text(fields, "action"),
            Etcd2Node.parse(object_of(fields.get("node"))),
            None if previous is None else Etcd2Node.parse(object_of(previous)),
        )

    @property
    def index(self) -> int:
        """The store's index after the change."""
        return self.node.modified

    @property
    def is_deletion(self) -> bool:
        """True if the node was deleted or expired."""
        return self.action in _DELETIONS


@dataclass(frozen=True, slots=True)
class Etcd2Keyspace:
    """The part of a store below an address's path."""

    root: str
    """The beginning of every path."""

    def to_store_key(self, key: str) -> str:
        """Return the path of a key.

        Raises:
            InvalidKey: The key is no text, or no path of names: etcd would rewrite it.
        """
        if any(name in ("", ".", "..") for name in key.split("/")):
            raise InvalidKey(
                "etcd's v2 API has no key with an empty name, . or .. in it",
                hint="write it like a/b/c",
            )
        try:
            key.encode()
        except UnicodeEncodeError as error:
            raise InvalidKey(
                "the keys of etcd's v2 API are UTF-8 text",
                hint="other bytes cannot be sent",
                key=ascii(key),
            ) from error
        return f"{self.root}/{key}"

    def to_store_prefix(self, prefix: str) -> str:
        """Return the path of a directory, with or without a slash at its end; empty for the root."""
        return self.to_store_key(prefix.removesuffix("/")) if prefix.removesuffix("/") else self.root

    def to_key(self, path: str) -> str:
        """Return the key of a path."""
        return path[len(self.root) + 1 :]

    def to_entry(self, node: Etcd2Node, *, values: bool = True) -> Entry:
        """Return the entry of a node."""
        meta: dict[str, str | int | bool] = {}
        if node.is_directory:
            meta["directory"] = True
        if node.is_lossy:
            meta["doubtful"] = "bytes that are no UTF-8 come as U+FFFD"
        return Entry(
            key=self.to_key(node.path),
            value=None if node.is_directory or not values else node.text.encode("utf-8", "surrogatepass"),
            revision=node.modified,
            created=node.created,
            ttl=node.ttl,
            meta=MappingProxyType(meta) if meta else NO_META,
        )


def is_below(path: str, directory: str) -> bool:
    """Return whether a path is below another one."""
    return path.startswith(f"{directory}/")
