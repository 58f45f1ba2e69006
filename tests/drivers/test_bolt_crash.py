"""Commits that are cut off: the file has the state before or the one after, whatever reached the disk."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from explorer.drivers.bolt.file import BoltFile, create
from explorer.drivers.bolt.tx import Tx
from tests.clients.bolt import Tree
from tests.drivers.bolt_files import RandomWriter, apply, assert_sound, opened, read_tree, tree_of, update
from tests.scale import figure

Write = tuple[int, bytes]
"""Place and bytes; no bytes for the growth to a size."""


class RecordedFile(BoltFile):
    """A file that notes what is written between two calls of sync."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, writable=True)
        self.synced: list[list[Write]] = [[]]

    def write(self, offset: int, data: bytes) -> None:
        super().write(offset, data)
        self.synced[-1].append((offset, data))

    def grow(self, size: int) -> None:
        super().grow(size)
        self.synced[-1].append((size, b""))

    def sync(self) -> None:
        super().sync()
        self.synced.append([])


def _apply_writes(data: bytes, writes: list[Write]) -> bytes:
    found = bytearray(data)
    for offset, part in writes:
        end = offset + len(part)
        found.extend(bytes(max(0, end - len(found))))
        found[offset:end] = part
    return bytes(found)


def _crashes(before: bytes, synced: list[list[Write]], random_: random.Random) -> Iterator[bytes]:
    """Yield files as they may be after a crash: between two calls of sync, any of the writes reached the disk."""
    done: list[Write] = []
    for pending in synced:
        for count in range(len(pending) + 1):
            yield _apply_writes(before, [*done, *pending[:count]])
            if count < len(pending):
                offset, data = pending[count]
                for cut in (512, len(data) // 2):
                    yield _apply_writes(before, [*done, *pending[:count], (offset, data[:cut])])
        for _ in range(figure(4, 30)):
            some = [write for write in pending if random_.random() < 0.5]
            yield _apply_writes(before, [*done, *some])
        done += pending


@pytest.mark.parametrize("seed", range(figure(3, 40)))
def test_commit_that_is_cut_off_leaves_one_of_two_states(tmp_path: Path, seed: int) -> None:
    """Each cut file opens as the state before or the one after; the last one is the one after, and can be written."""
    file, cut = tmp_path / "whole.db", tmp_path / "cut.db"
    create(file, 1024 if seed % 2 else 4096)
    writer = RandomWriter(random.Random(seed), {})
    for _ in range(5):
        operations = writer.operations(20)
        update(file, partial(apply, operations=operations))
    old, before = dict(writer.model), file.read_bytes()
    recorded = RecordedFile(file)
    tx = Tx(recorded.view())
    apply(tx, writer.operations(15))
    tx.commit(recorded)
    recorded.close()
    assert len(recorded.synced) == 3
    assert len(recorded.synced[1]) == 1  # the meta page, after everything else
    found: list[Tree] = []
    for data in _crashes(before, recorded.synced, writer.random):
        cut.write_bytes(data)
        with opened(cut) as view:
            assert_sound(view)
            found.append(tree_of(view))
        assert found[-1] in (old, writer.model)
    assert found[0] == old
    assert found[-1] == writer.model
    update(cut, lambda tx: tx.root.make_bucket(b"more").put(b"key", b"value"))
    assert read_tree(cut) == writer.model | {(b"more",): None, (b"more", b"key"): b"value"}


def test_damaged_newest_meta_falls_back_to_the_one_before(tmp_path: Path) -> None:
    """Its checksum does not fit; the next transaction is written over it."""
    file = tmp_path / "torn.db"
    create(file)
    update(file, lambda tx: tx.root.make_bucket(b"a").put(b"key", b"old"))
    update(file, lambda tx: tx.root.make_bucket(b"a").put(b"key", b"new"))
    with opened(file) as view:
        place = view.meta.txid % 2 * view.meta.page_size + 60
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    assert read_tree(file)[b"a", b"key"] == b"old"
    update(file, lambda tx: tx.root.make_bucket(b"a").put(b"key", b"newest"))
    assert read_tree(file)[b"a", b"key"] == b"newest"
