"""Lists of results as sanitised texts: how far they are, what was left out, and rows."""

from typing import Final, TypeVar

from explorer.model.format import format_duration
from explorer.model.sanitize import pluralize, sanitize
from explorer.plans.search import SearchHit
from explorer.session.results.finder import FindRequest
from explorer.session.results.result_list import ResultList, ResultState
from explorer.session.states import Tone

Item = TypeVar("Item")

MIN_RATED_TIME: Final = 1.0
"""Seconds after which rate and time left are shown."""
MATCH: Final = ("match", "matches")
NOTHING_FOUND_YET: Final = "nothing was searched for yet: {key} finds"


def find_title(request: FindRequest) -> str:
    """Return what is searched for, and where."""
    wanted = [
        f"{noun} {'like' if request.regex else 'with'} {sanitize(text)}"
        for noun, text in (("keys", request.key), ("values", request.value))
        if text
    ]
    where = f"below {sanitize(request.prefix)}" if request.prefix else "everywhere"
    return f"{' and '.join(wanted)}, {where}"


def progress_text(results: ResultList[Item], now: float, noun: tuple[str, str]) -> tuple[str, Tone]:
    """Return how many results there are, how much was looked at, and of what moment they are.

    Args:
        results: The results.
        now: The present moment, on the session's clock.
        noun: Singular and plural of a result.
    """
    count = pluralize(len(results.items), *noun)
    looked = f"looked at {results.looked_at:,}"
    about = "" if results.total is None else f" of about {max(results.total, results.looked_at):,}"
    at = "" if results.moment is None else f"at {results.moment.astimezone():%H:%M:%S}"
    match results.state:
        case ResultState.EMPTY:
            return "", Tone.QUIET
        case ResultState.RUNNING:
            return f"{count} so far, {looked}{about} keys{_rate(results, now)}", Tone.QUIET
        case ResultState.COMPLETE:
            every = pluralize(results.looked_at, "key")
            return f"{count}; looked at {'all ' if results.looked_at else ''}{every} {at}", Tone.GOOD
        case ResultState.STOPPED:
            return f"{count} so far; stopped {at}: {looked}{about} keys, not at the rest", Tone.WARNING
        case ResultState.FULL:
            return f"the first {count}; {looked}{about} keys {at}, not at the rest: no more are kept", Tone.WARNING
        case ResultState.FAILED:
            reason = "" if results.error is None else sanitize(results.error.message)
            return f"{count} so far; not looked at the rest {at}: {reason}", Tone.BAD


def _rate(results: ResultList[Item], now: float) -> str:
    elapsed = now - results.began
    if elapsed < MIN_RATED_TIME or not results.looked_at:
        return ""
    rate = results.looked_at / elapsed
    left = ""
    if results.total is not None and results.total > results.looked_at:
        left = f", {format_duration((results.total - results.looked_at) / rate)} left"
    return f", {rate:,.0f}/s{left}"


def hit_position(results: ResultList[Item]) -> str:
    """Return which of the results is the current one, and of what moment they are."""
    more = "" if results.state is ResultState.COMPLETE else " so far"
    at = "" if results.moment is None else f", as of {results.moment.astimezone():%H:%M:%S}"
    return f"{results.cursor + 1:,} of {len(results.items):,}{more}{at}"


def no_further_hit(results: ResultList[Item], by: int) -> str:
    """Return that there is no further result in a direction."""
    if not results.items:
        return "nothing was found so far" if results.is_running else "nothing was found"
    return f"this is the {'last' if by > 0 else 'first'} one: {hit_position(results)}"


def match_parts(hit: SearchHit, width: int) -> tuple[str, str, str]:
    """Return the texts before, in and after a match, sanitised, with the match in sight.

    Args:
        hit: The match.
        width: Number of characters that there is room for.
    """
    start, end = hit.span
    before, found, after = (sanitize(part) for part in (hit.match[:start], hit.match[start:end], hit.match[end:]))
    if hit.where == "value":
        before = before.lstrip()
    room = max(0, (width - len(found)) // 2)
    if len(before) + len(found) + len(after) > width and len(before) > room:
        before = f"…{before[len(before) - room + 1 :]}" if room else ""
    return before, found, after
