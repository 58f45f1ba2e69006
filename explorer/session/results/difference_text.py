"""Differences as sanitised texts, without layout."""

import json
from collections.abc import Iterator
from typing import Final

from explorer.model.sanitize import pluralize, sanitize
from explorer.plans.differences import DifferenceKind
from explorer.session.results.comparison import Comparison, ComparisonRequest, DifferingKey
from explorer.session.results.result_list import ResultState
from explorer.session.results.result_text import progress_text
from explorer.session.states import Option, Tone

SIGNS: Final = {DifferenceKind.ONLY_LEFT: "<", DifferenceKind.ONLY_RIGHT: ">", DifferenceKind.CHANGED: "~"}
"""Signs as `keyscope diff` prints them."""
TONES: Final = {
    DifferenceKind.ONLY_LEFT: Tone.GOOD,
    DifferenceKind.ONLY_RIGHT: Tone.BAD,
    DifferenceKind.CHANGED: Tone.PLAIN,
}
DIFFERENCE_SIGNS: Final = (("< >", "The key is only here; only there."), ("~", "The values differ."))
DIFFERENCE: Final = ("difference", "differences")
OTHER_SIDE: Final = "Compare {name} with what?"
OTHER_SIDE_HELP: Final = "a folder here, @PROFILE or @REVISION (the same folder there), a URL, or a file as ./export"
IGNORED_QUESTION: Final = "Leave out which keys?"
IGNORED_HELP: Final = "patterns of keys below the folder, separated by spaces, as in: */ttl locks/*; empty for none"
ONLY_THERE: Final = "this key is only on the other side"
PLAN_QUESTION: Final = "Make the other side like this one?"


def side_here(request: ComparisonRequest) -> str:
    """Return what is compared here."""
    folder = sanitize(request.prefix)
    if not request.keys:
        return folder or "everything"
    return pluralize(len(request.keys), "marked key") + (f" of {folder}" if folder else "")


def difference_title(request: ComparisonRequest) -> str:
    """Return which sides are compared."""
    ignored = f", without {sanitize(' '.join(request.ignored))}" if request.ignored else ""
    return f"{side_here(request)} (here, -) and {sanitize(request.other)} (there, +){ignored}"


def difference_progress(comparison: Comparison, now: float) -> Iterator[tuple[str, Tone]]:
    """Yield how far the comparison is, and what is the same or was left out."""
    yield progress_text(comparison, now, DIFFERENCE)
    if comparison.state is ResultState.COMPLETE:
        if not comparison.here:
            yield f"there is nothing in {side_here(comparison.request)}", Tone.WARNING
        if not comparison.there:
            yield f"there is nothing at {sanitize(comparison.request.other)}", Tone.WARNING
    if comparison.same or comparison.ignored:
        ignored = f", {comparison.ignored:,} left out" if comparison.ignored else ""
        yield f"{pluralize(comparison.same, 'key')} the same{ignored}", Tone.QUIET


def plan_title(request: ComparisonRequest) -> str:
    """Return what the plan that makes the other side the same does."""
    here = side_here(request)
    return f"make {sanitize(request.other)} like {'everything here' if here == 'everything' else here}"


def plan_options(comparison: Comparison) -> list[Option[bool]]:
    """Return the plans that can be made; the value is whether to delete what is only there."""
    only_there = sum(item.kind is DifferenceKind.ONLY_RIGHT for item in comparison.items)
    others = len(comparison.items) - only_there
    options = [Option("Copy", value=False, details=f"{pluralize(others, 'key')} that differ or are only here")]
    if only_there:
        options.append(Option("Copy and delete", value=True, details=f"also {only_there:,} that are only there"))
    return options


def difference_line(item: DifferingKey) -> str:
    """Return a difference as `keyscope diff --json` prints it."""
    return json.dumps({"key": item.key, "change": item.kind.value})
