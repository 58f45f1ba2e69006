"""Files that are damaged or hostile: each is read, or refused by one clear error, in time and in little memory."""

import random
import time
import tracemalloc
from functools import partial
from pathlib import Path

import pytest

from explorer.drivers.bolt.bucket import Bucket
from explorer.drivers.bolt.errors import DamagedFileError
from explorer.drivers.bolt.file import BoltFile, create
from explorer.drivers.bolt.keyspace import BoltKeyspace
from explorer.drivers.bolt.page import LEAF_PAGE, PAGE_HEADER
from explorer.drivers.bolt.reader import BoltReader
from explorer.drivers.bolt.tx import Tx
from explorer.model.errors import ExplorerError
from tests.drivers.bolt_files import RandomWriter, apply, opened, update
from tests.scale import figure

_PAGE_SIZE = 1024
_MAX_SECONDS = 5.0
_MAX_MEMORY = 32 << 20


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with branches, leaves, overflow pages, inline buckets and a freelist."""
    file = tmp_path_factory.mktemp("damage") / "sound.db"
    create(file, _PAGE_SIZE)
    writer = RandomWriter(random.Random(3), {})
    for _ in range(8):
        operations = writer.operations(30)
        update(file, partial(apply, operations=operations))
    return file.read_bytes()


def _use(file: Path) -> int:
    """Read everything and write something; return the number of entries."""
    with opened(file) as view:
        reader = BoltReader(view, BoltKeyspace(()))
        count, after = 0, None
        while count < 100_000:
            page = reader.entries("", after, 1000, values=True)
            count += len(page.items)
            after = page.next
            if after is None:
                break
        reader.children("", None, 1000)
    update(file, lambda tx: tx.root.make_bucket(b"bucket-1").put(b"new", b"value"))
    update(file, lambda tx: tx.root.clear())
    return count


def _assert_harmless(file: Path, data: bytes) -> bool:
    """Use a file, and return whether it was refused."""
    file.write_bytes(data)
    began = time.monotonic()
    try:
        _use(file)
        refused = False
    except (DamagedFileError, ExplorerError):
        refused = True
    assert time.monotonic() - began < _MAX_SECONDS
    return refused


def test_damaged_bytes_are_found_or_harmless(tmp_path: Path, sound: bytes) -> None:
    """Bytes of every page are changed, mostly of its header and first elements."""
    random_ = random.Random(1)
    refused = 0
    pages = len(sound) // _PAGE_SIZE
    for number in range(figure(400, 20_000)):
        data = bytearray(sound)
        start = number % pages * _PAGE_SIZE
        for _ in range(random_.choice((1, 1, 2, 4))):
            place = start + random_.choice(
                (random_.randrange(16), random_.randrange(80), random_.randrange(_PAGE_SIZE))
            )
            data[place] = random_.choice((0, 1, 0x7F, 0x80, 0xFF, random_.randrange(256)))
        refused += _assert_harmless(tmp_path / "damaged.db", bytes(data))
    assert refused > figure(400, 20_000) // 10


def test_swapped_and_repeated_pages_are_found_or_harmless(tmp_path: Path, sound: bytes) -> None:
    """A page in the place of another one says another number; with that corrected, its keys do not fit."""
    random_ = random.Random(2)
    pages = len(sound) // _PAGE_SIZE
    for number in range(figure(200, 5_000)):
        data = bytearray(sound)
        source, target = random_.randrange(2, pages), random_.randrange(2, pages)
        page = bytearray(data[source * _PAGE_SIZE : (source + 1) * _PAGE_SIZE])
        if number % 2:
            page[:8] = target.to_bytes(8, "little")
        data[target * _PAGE_SIZE : (target + 1) * _PAGE_SIZE] = page
        _assert_harmless(tmp_path / "swapped.db", bytes(data))


@pytest.mark.parametrize("length", [0, 1, 79, 80, 1023, 1024, 1500, 2048, 3000, 10_000])
def test_short_files_are_refused(tmp_path: Path, sound: bytes, length: int) -> None:
    assert _assert_harmless(tmp_path / "short.db", sound[:length])


def _write_page(file: Path, page: int, data: bytes, *, kind: int, count: int, overflow: int = 0) -> None:
    with file.open("r+b") as opened_file:
        opened_file.seek(page * _PAGE_SIZE)
        opened_file.write(PAGE_HEADER.pack(page, kind, count, overflow) + data)


def _leaf_element(flags: int, key: bytes, value: bytes) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in (flags, 16, len(key), len(value))) + key + value


def test_branch_that_is_its_own_child_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "loop.db"
    create(file, _PAGE_SIZE)
    element = (16).to_bytes(4, "little") + (1).to_bytes(4, "little") + (3).to_bytes(8, "little") + b"a"
    _write_page(file, 3, element, kind=1, count=1)
    with pytest.raises(DamagedFileError, match="leads back to itself"):
        _use(file)


def test_page_in_two_places_is_freed_once(tmp_path: Path) -> None:
    """A branch beside what is changed is its own child: deleting everything does not follow it for ever."""
    file = tmp_path / "aside.db"
    create(file, _PAGE_SIZE)
    update(file, lambda tx: [tx.root.make_bucket(b"%03d" % number) for number in range(200)])
    with opened(file) as view:
        page = Bucket.root_of(view).root_node.children[-1]
        key = view.node(page).keys[0]
    element = (16).to_bytes(4, "little") + len(key).to_bytes(4, "little") + page.to_bytes(8, "little") + key
    _write_page(file, page, element, kind=1, count=1)

    def change(tx: Tx) -> None:
        tx.root.make_bucket(b"000").put(b"key", b"value")
        tx.root.clear()

    with pytest.raises(DamagedFileError, match="twice"):
        update(file, change)


def test_branch_without_children_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty.db"
    create(file, _PAGE_SIZE)
    _write_page(file, 3, b"", kind=1, count=0)
    with pytest.raises(DamagedFileError, match="without children"):
        _use(file)


def test_bucket_in_itself_is_refused(tmp_path: Path) -> None:
    """Its root is the page that it is on."""
    file = tmp_path / "nested.db"
    create(file, _PAGE_SIZE)
    _write_page(file, 3, _leaf_element(1, b"a", (3).to_bytes(8, "little") + bytes(8)), kind=LEAF_PAGE, count=1)
    with pytest.raises(DamagedFileError, match="in itself"):
        _use(file)
    with pytest.raises(DamagedFileError, match="twice"):
        update(file, lambda tx: tx.root.clear())


def test_sizes_that_lie_take_no_memory(tmp_path: Path) -> None:
    """Neither a freelist of 2^60 pages nor a page of 2^32 overflow pages is believed."""
    file = tmp_path / "large.db"
    create(file, _PAGE_SIZE)
    tracemalloc.start()
    try:
        _write_page(file, 2, (1 << 60).to_bytes(8, "little"), kind=0x10, count=0xFFFF)
        with pytest.raises(DamagedFileError, match="more than fit"):
            _use(file)
        _write_page(file, 3, _leaf_element(0, b"a", b""), kind=LEAF_PAGE, count=1, overflow=0xFFFFFFFF)
        with pytest.raises(DamagedFileError, match="longer than the file"):
            _use(file)
        assert tracemalloc.get_traced_memory()[1] < _MAX_MEMORY
    finally:
        tracemalloc.stop()


def test_page_that_is_used_and_free_is_not_written_over(tmp_path: Path) -> None:
    """The transaction is refused, and the file stays as it is."""
    file = tmp_path / "freed.db"
    create(file, _PAGE_SIZE)
    _write_page(file, 2, (3).to_bytes(8, "little"), kind=0x10, count=1)
    before = file.read_bytes()
    opened_file = BoltFile(file, writable=True)
    tx = Tx(opened_file.view())
    tx.root.make_bucket(b"a")
    with pytest.raises(DamagedFileError, match="is free"):
        tx.commit(opened_file)
    opened_file.close()
    assert file.read_bytes() == before
    with opened(file) as view:
        assert Bucket.root_of(view).is_empty
