"""Files of bbolt and of this driver, each written and read by the other."""

import random
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from explorer.drivers.bolt.file import create
from explorer.drivers.bolt.tx import Tx
from tests.clients.bolt import Bbolt, bbolt, path_text
from tests.drivers.bolt_files import (
    RandomWriter,
    apply,
    assert_sound,
    opened,
    read_tree,
    tree_of,
    update,
)
from tests.scale import figure

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def judge() -> Iterator[Bbolt]:
    """Bbolt, built once."""
    with bbolt() as built:
        yield built


@pytest.mark.parametrize("options", [(), ("nosync",), ("1024",), ("16384", "nosync"), ("65536",)], ids="-".join)
@pytest.mark.parametrize("seed", range(figure(2, 40)))
def test_random_transactions_are_sound_to_bbolt(
    judge: Bbolt, tmp_path: Path, seed: int, options: tuple[str, ...]
) -> None:
    """Whoever writes, bbolt finds nothing wrong, and both read what the model has."""
    file = tmp_path / "shared.db"
    writer = RandomWriter(random.Random(seed), {})
    if seed % 2:
        create(file, int(options[0]) if options and options[0].isdigit() else 4096)
    for _ in range(figure(6, 12)):
        with judge.open(file, *options) as process:
            theirs = writer.operations(writer.random.choice((3, 60)))
            for is_drop, together in groupby(theirs, lambda operation: operation[0] == "drop"):
                # bbolt 1.3.6 loses pages of a bucket that is dropped in the transaction that changed it
                lines = [f"{action} {path_text(path)} ={value.hex()}" for action, path, value in together]
                for lines_together in [[line] for line in lines] if is_drop else [lines]:
                    process.update(lines_together)
            assert not process.ask("check")
        assert read_tree(file) == writer.model
        for _ in range(4):
            ours = writer.operations(writer.random.choice((1, 5, 60)))
            update(file, partial(apply, operations=ours))
        with opened(file) as view:
            assert tree_of(view) == writer.model
            assert_sound(view)
        with judge.open(file, *options) as process:
            assert not process.ask("check")
            assert process.read() == writer.model


def test_many_free_pages_are_listed_as_bbolt_does(judge: Bbolt, tmp_path: Path) -> None:
    """A list of more than 65535 pages has its length before the first of them."""
    file = tmp_path / "large.db"
    create(file, 1024)
    update(file, lambda tx: tx.root.make_bucket(b"b").put(b"large", bytes(66 << 20)))
    update(file, lambda tx: tx.root.make_bucket(b"b").delete(b"large"))
    update(file, lambda tx: tx.root.make_bucket(b"b").put(b"small", b"value"))
    with opened(file) as view:
        assert_sound(view)
    assert not judge.check(file)
    assert judge.read(file) == {(b"b",): None, (b"b", b"small"): b"value"}


def test_write_of_one_key_copies_only_the_way_to_it(tmp_path: Path) -> None:
    """A bucket of 20,000 keys has a few hundred pages; four are written, and the list of free pages."""
    file = tmp_path / "wide.db"
    create(file)

    def fill(tx: Tx) -> None:
        bucket = tx.root.make_bucket(b"b")
        for number in range(20_000):
            bucket.put(b"key-%05d" % number, bytes(20))

    def put_one(tx: Tx, value: bytes) -> None:
        tx.root.make_bucket(b"b").put(b"key-10000", value)

    update(file, fill)
    with opened(file) as view:
        before = view.meta.high_water
    assert before > 200
    for number in range(3):
        update(file, partial(put_one, value=b"%d" % number))
    with opened(file) as view:
        assert view.meta.high_water - before <= 12


def test_sequence_of_a_bucket_is_kept(judge: Bbolt, tmp_path: Path) -> None:
    """A program counts on with `NextSequence` after others wrote to its bucket."""
    file = tmp_path / "sequence.db"
    with judge.open(file) as process:
        process.update(["bucket 61", "next 61", "next 61"])
    update(file, lambda tx: tx.root.make_bucket(b"a").put(b"key", b"value"))
    with judge.open(file) as process:
        assert "61 bucket 2" in process.ask("dump")


def test_small_pages_keep_branches_in_order(tmp_path: Path) -> None:
    """A branch that was merged with its neighbour has the first key of each child, by which bbolt finds it."""
    for seed in range(3):
        file = tmp_path / f"{seed}.db"
        create(file, 1024)
        writer = RandomWriter(random.Random(seed), {})
        for _ in range(60):
            operations = writer.operations(writer.random.choice((1, 5, 60)))
            update(file, partial(apply, operations=operations))
            with opened(file) as view:
                assert_sound(view)
        assert read_tree(file) == writer.model
