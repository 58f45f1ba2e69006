"""Two sides are merged page by page; where a page ends changes nothing."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.model.entries import Entry
from explorer.plans.differences import Difference, DifferenceKind, differences

NAMES = st.text(alphabet="ab/é\ud83d\U0001f511", min_size=1, max_size=3).map(
    lambda text: text.replace("\ud83d", "\udcf0")  # a byte that is no UTF-8
)
SIDES = st.dictionaries(NAMES, st.sampled_from([b"1", b"2"]), max_size=12)
CUTS = st.lists(st.integers(0, 4), max_size=12)


def in_pages(values: Mapping[str, bytes], sizes: Sequence[int]) -> Iterator[Sequence[Entry]]:
    """Yield entries in the order of their keys' bytes, in pages of these sizes; the last one has the rest."""
    entries = [
        Entry(key, values[key], 1) for key in sorted(values, key=lambda key: key.encode(errors="surrogateescape"))
    ]
    for size in sizes:
        yield entries[:size]
        entries = entries[size:]
    yield entries


async def stream(pages: Iterator[Sequence[Entry]]) -> AsyncGenerator[Sequence[Entry], None]:
    for page in pages:
        yield page


async def merged(left: Iterator[Sequence[Entry]], right: Iterator[Sequence[Entry]]) -> list[Difference]:
    return [one async for page in differences(stream(left), stream(right)) for one in page]


@given(left=SIDES, right=SIDES, left_cuts=CUTS, right_cuts=CUTS)
async def test_each_key_comes_once_in_byte_order(
    left: dict[str, bytes], right: dict[str, bytes], left_cuts: list[int], right_cuts: list[int]
) -> None:
    found = await merged(in_pages(left, left_cuts), in_pages(right, right_cuts))
    keys = sorted({*left, *right}, key=lambda key: key.encode(errors="surrogateescape"))
    assert [one.key for one in found] == keys
    assert [(one.left and one.left.value, one.right and one.right.value) for one in found] == [
        (left.get(key), right.get(key)) for key in keys
    ]


@pytest.mark.parametrize("is_left", [True, False])
async def test_pages_of_a_side_are_read_as_they_are_needed(*, is_left: bool) -> None:
    """A side is not read while all of the other one's page comes before it."""
    read: list[str] = []

    def noted(name: str, pages: Iterator[Sequence[Entry]]) -> Iterator[Sequence[Entry]]:
        for page in pages:
            read.append(name)
            yield page

    many = noted("many", in_pages({f"a{number}": b"" for number in range(9)}, [1] * 9))
    one = noted("one", in_pages({"b": b""}, []))
    sides = (many, one) if is_left else (one, many)
    pages = differences(*map(stream, sides))
    first = await anext(pages)
    assert [(item.key, item.kind) for item in first] == [
        ("a0", DifferenceKind.ONLY_LEFT if is_left else DifferenceKind.ONLY_RIGHT)
    ]
    assert sorted(read) == ["many", "one"]
    await pages.aclose()
