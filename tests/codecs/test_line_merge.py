"""Three-way merge of sequences."""

from hypothesis import given
from hypothesis import strategies as some

from explorer.codecs.line_merge import Side, diff3_chunks, matching_pairs, merge_lines

lines = some.lists(some.sampled_from("abcd"), max_size=12)


@given(lines, lines, lines)
def test_diff3_chunks_cover_each_sequence(base: list[str], mine: list[str], theirs: list[str]) -> None:
    """The chunks together are the whole of each sequence."""
    found = list(diff3_chunks(base, mine, theirs))
    assert [line for part in found for line in base[part.base]] == base
    assert [line for part in found for line in mine[part.mine]] == mine
    assert [line for part in found for line in theirs[part.theirs]] == theirs


@given(lines, lines)
def test_merge_lines_of_one_changed_side_takes_it(base: list[str], changed: list[str]) -> None:
    """If one side changed, the merge is that side."""
    old, new = "\n".join(base), "\n".join(changed)
    assert merge_lines(old, old, new) == (new, ())
    assert merge_lines(old, new, old) == (new, ())
    assert merge_lines(old, new, new) == (new, ())


@given(lines, lines, lines)
def test_diff3_chunks_conflicts_are_symmetric(base: list[str], mine: list[str], theirs: list[str]) -> None:
    """Both sides see the same conflicts."""
    ours = [part.side is Side.CONFLICT for part in diff3_chunks(base, mine, theirs)]
    yours = [part.side is Side.CONFLICT for part in diff3_chunks(base, theirs, mine)]
    assert sum(ours) == sum(yours)
    for part in diff3_chunks(base, mine, theirs):
        if part.side is Side.UNCHANGED:
            assert base[part.base] == mine[part.mine] == theirs[part.theirs]


@given(lines, lines)
def test_matching_pairs_are_equal_and_in_order(old: list[str], new: list[str]) -> None:
    """Pairs are equal, unique and in order."""
    found = list(matching_pairs(old, new))
    assert found == sorted(found)
    assert len({here for here, _ in found}) == len({there for _, there in found}) == len(found)
    assert all(old[here] == new[there] for here, there in found)


def test_matching_pairs_of_long_texts_is_fast() -> None:
    """Long sequences without common elements are compared at their ends only."""
    old, new = [f"a{line}" for line in range(50_000)], [f"b{line}" for line in range(50_000)]
    assert list(matching_pairs(["x", *old, "y"], ["x", *new, "y"])) == [(0, 0), (50_001, 50_001)]
