"""Transactions on a file without a store, and everything in it."""

import random
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import pytest

from explorer.drivers.base import Store
from explorer.drivers.bolt.bucket import Bucket
from explorer.drivers.bolt.errors import DamagedFileError
from explorer.drivers.bolt.file import BoltFile, View, create
from explorer.drivers.bolt.freelist import Freelist, reachable_pages
from explorer.drivers.bolt.reader import walk
from explorer.drivers.bolt.tx import Tx, TxBucket
from explorer.drivers.registry import make
from explorer.model.address import Access
from tests.clients.bolt import Tree

Result = TypeVar("Result")
_LOCK_TIMEOUT = 5.0


@contextmanager
def opened(path: Path) -> Generator[View, None, None]:
    """Open a file and give its newest state."""
    file = BoltFile(path)
    try:
        with file.locked(_LOCK_TIMEOUT):
            yield file.view()
    finally:
        file.close()


def update(path: Path, change: Callable[[Tx], Result]) -> Result:
    """Commit one transaction."""
    file = BoltFile(path, writable=True)
    try:
        with file.locked(_LOCK_TIMEOUT, exclusive=True):
            tx = Tx(file.view())
            result = change(tx)
            tx.commit(file)
            return result
    finally:
        file.close()


def put_values(path: Path, bucket: bytes, values: Mapping[bytes, bytes]) -> None:
    """Put values into a bucket, in one transaction."""

    def put(tx: Tx) -> None:
        for key, value in values.items():
            tx.root.make_bucket(bucket).put(key, value)

    update(path, put)


def tree_of(view: View) -> Tree:
    """Return everything in a state."""
    return {
        found.path: None if found.element.is_bucket else found.element.value for found in walk(Bucket.root_of(view), ())
    }


def read_tree(path: Path) -> Tree:
    """Return everything in a file."""
    with opened(path) as view:
        return tree_of(view)


def assert_sound(view: View) -> None:
    """Compare the freelist with the pages that are not reachable, and each branch with the first keys below it."""
    nodes = [view.node(page) for page in reachable_pages(Bucket.root_of(view)) if _is_first(view, page)]
    for node in nodes:
        assert node.keys[: len(node.children)] == [view.node(page).keys[0] for page in node.children]
    free = Freelist.read(view)
    used = [0, 1, *reachable_pages(Bucket.root_of(view)), *free.own]
    assert sorted([*used, *free.merged([])]) == [*range(view.meta.high_water)]


def _is_first(view: View, page: int) -> bool:
    """Return whether a page is not an overflow page of another one."""
    try:
        view.node(page)
    except DamagedFileError:
        return False
    return True


class RandomWriter:
    """Random operations, the same ones on a model and on a file.

    Args:
        random_: Source of what is done.
        model: Everything in the file.
    """

    def __init__(self, random_: random.Random, model: Tree) -> None:
        self.random = random_
        self.model = model

    def operations(self, count: int) -> list[tuple[str, tuple[bytes, ...], bytes]]:
        """Return operations, and apply them to the model."""
        return [self._operation() for _ in range(count)]

    def _operation(self) -> tuple[str, tuple[bytes, ...], bytes]:
        draw = self.random.random()
        bucket = tuple(b"bucket-%d" % self.random.randrange(3) for _ in range(self.random.choice((1, 1, 1, 2, 3))))
        if draw < 0.01 and (buckets := [path for path, value in self.model.items() if value is None]):
            path = self.random.choice(buckets)
            for below in [below for below in self.model if below[: len(path)] == path]:
                del self.model[below]
            return "drop", path, b""
        if draw < 0.35 and (keys := [path for path, value in self.model.items() if value is not None]):
            path = self.random.choice(keys)
            del self.model[path]
            return "delete", path, b""
        for depth in range(len(bucket)):
            self.model[bucket[: depth + 1]] = None
        size = self.random.choice((1, 3, 8, 8, 30)) if draw < 0.98 else self.random.choice((400, 3000))
        path = (*bucket, b"k" + self.random.randbytes(1).hex().encode() * size)
        value = self.random.randbytes(self.random.choice((0, 1, 20, 20, 100, 100, 700)))
        if draw > 0.99:
            value = self.random.randbytes(self.random.choice((5_000, 20_000, 70_000)))
        self.model[path] = value
        return "put", path, value


def apply(tx: Tx, operations: list[tuple[str, tuple[bytes, ...], bytes]]) -> None:
    """Apply operations to a transaction."""
    for action, path, value in operations:
        bucket = _make_buckets(tx, path[:-1])
        if action == "put":
            bucket.put(path[-1], value)
        else:
            bucket.delete(path[-1])


def _make_buckets(tx: Tx, path: tuple[bytes, ...]) -> TxBucket:
    bucket = tx.root
    for name in path:
        bucket = bucket.make_bucket(name)
    return bucket


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A new file."""
    path = tmp_path / "store.db"
    create(path)
    return path


def open_store(file: Path, rest: str = "", *, timeout: float = 5.0) -> Store:
    """Return the store of a file, not yet open."""
    return make(f"bolt://{quote(str(file))}{rest}", Access(timeout=timeout))
