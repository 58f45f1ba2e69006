"""Where keys lie, and how etcd's nodes become entries.

A node is a key with a value or a directory, never both. A directory is an entry without a value. Names that begin with
`_` are hidden: they can be read and written, and no listing and no watch from above tells of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from explorer.drivers.common.json_fields import Fields, number, object_of, objects_of, text
from explorer.model.entries import Entry
from explorer.model.errors import InvalidKey

_NOTHING: Mapping[str, str | int | bool] = MappingProxyType({})
_REPLACED: Final = "�"
_GONE: Final = ("delete", "compareAndDelete", "expire")


@dataclass(frozen=True, slots=True)
class Node:
    """A node as etcd keeps it; its path is empty for the top of all, else it begins with a slash."""

    path: str
    directory: bool
    text: str
    """Its value; empty for a directory."""
    created: int
    modified: int
    ttl: int | None
    """Seconds left, rounded up."""
    below: tuple["Node", ...] = ()
    """What is in a directory that was asked for."""

    @classmethod
    def of(cls, fields: Fields) -> "Node":
        """Read one."""
        return cls(
            path=text(fields, "key", "").rstrip("/"),
            directory=bool(fields.get("dir")),
            text=text(fields, "value", ""),
            created=number(fields, "createdIndex", 0),
            modified=number(fields, "modifiedIndex", 0),
            ttl=number(fields, "ttl") if fields.get("ttl") is not None else None,
            below=tuple(map(cls.of, objects_of(fields.get("nodes")))),
        )

    @classmethod
    def born(cls, path: str, index: int) -> "Node":
        """Give a directory that came to be along with something below it."""
        return cls(path, directory=True, text="", created=index, modified=index, ttl=None)

    @property
    def doubtful(self) -> bool:
        """Whether the value may have other bytes than are shown: what is no UTF-8 comes as U+FFFD."""
        return _REPLACED in self.text


@dataclass(frozen=True, slots=True)
class NodeChange:
    """What happened to a node."""

    action: str
    node: Node
    previous: Node | None

    @classmethod
    def of(cls, fields: Fields) -> "NodeChange":
        """Read one."""
        previous = fields.get("prevNode")
        return cls(
            text(fields, "action"),
            Node.of(object_of(fields.get("node"))),
            None if previous is None else Node.of(object_of(previous)),
        )

    @property
    def index(self) -> int:
        """The index that it made."""
        return self.node.modified

    @property
    def gone(self) -> bool:
        """Whether the node is there no more."""
        return self.action in _GONE


@dataclass(frozen=True, slots=True)
class Etcd2Keyspace:
    """The key space of an address."""

    root: str
    redacted: str

    def locate(self, key: str) -> str:
        """Give the path of a key.

        Raises:
            InvalidKey: It is no path of names, which etcd would clean up, or no text.
        """
        if any(name in ("", ".", "..") for name in key.split("/")):
            raise InvalidKey(
                "etcd's v2 API has no key with an empty name, . or .. in it",
                hint="write it like a/b/c",
                address=self.redacted,
                key=key,
            )
        try:
            key.encode()
        except UnicodeEncodeError as error:
            raise InvalidKey(
                "the keys of etcd's v2 API are UTF-8 text",
                hint="other bytes cannot be sent",
                address=self.redacted,
                key=ascii(key),
            ) from error
        return f"{self.root}/{key}"

    def base(self, prefix: str) -> str:
        """Give the path of a directory, with or without a slash at its end; empty for the top of all."""
        return self.locate(prefix.removesuffix("/")) if prefix.removesuffix("/") else self.root

    def relative(self, path: str) -> str:
        """Give a path as the caller spells it."""
        return path[len(self.root) + 1 :]

    def entry(self, node: Node, *, values: bool = True) -> Entry:
        """Give a node as an entry."""
        meta: dict[str, str | int | bool] = {}
        if node.directory:
            meta["directory"] = True
        if node.doubtful:
            meta["doubtful"] = "bytes that are no UTF-8 come as U+FFFD"
        return Entry(
            key=self.relative(node.path),
            value=None if node.directory or not values else node.text.encode("utf-8", "surrogatepass"),
            revision=node.modified,
            created=node.created,
            ttl=node.ttl,
            meta=MappingProxyType(meta) if meta else _NOTHING,
        )


def is_below(path: str, base: str) -> bool:
    """Tell whether a path lies below another one."""
    return path.startswith(f"{base}/")
