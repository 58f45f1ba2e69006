"""Texts about a plan: its rows, what it does, how far it is, and the questions before it is applied; all sanitised."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from explorer.model.format import format_duration
from explorer.model.sanitize import pluralize, sanitize
from explorer.plans.plan import Plan, PlanAction
from explorer.session.results.plan_review import PlanPhase, PlanReview
from explorer.session.results.plan_rows import PlanRow
from explorer.session.results.result_text import MIN_RATED_TIME
from explorer.session.states import Tone

_SIGNS: Final = {
    PlanAction.CREATE: ("+", Tone.GOOD),
    PlanAction.UPDATE: ("~", Tone.WARNING),
    PlanAction.DELETE: ("-", Tone.BAD),
    PlanAction.SAME: ("=", Tone.QUIET),
    PlanAction.CONFLICT: ("!", Tone.BAD),
}
NO_PLAN_YET: Final = "there is no plan yet"
_OMITTED: Final = ("·", Tone.QUIET)
PLAN_SIGNS: Final = (
    ("+ ~ -", "A key is created, changed, deleted."),
    ("!", "A conflict: there is no safe change. The plan is not applied while there are any."),
    ("·", "Left as it is, with the reason."),
    ("=", "The same already."),
)
"""The signs in a plan and their meanings."""


def row_sign(row: PlanRow) -> tuple[str, Tone]:
    """Return the sign of a row."""
    return _OMITTED if row.action is None else _SIGNS[row.action]


def row_details(row: PlanRow) -> str:
    """Return what is shown behind the key of a row."""
    return sanitize(" ".join(text for text in (row.reason, f"in {row.store}" if row.store else "") if text))


def plan_summary(plan: Plan) -> str:
    """Return how many keys a plan changes in which way, and how many it leaves as they are."""
    counts = Counter(change.action for change in plan)
    texts = [f"{counts[action]:,} to {action.value}" for action in PlanAction if counts[action]]
    if plan.conflicts:
        texts.append(pluralize(len(plan.conflicts), "conflict"))
    if plan.omitted:
        texts.append(f"{len(plan.omitted):,} left as they are")
    if plan.same:
        texts.append(f"{len(plan.same):,} the same already")
    return ", ".join(texts) or "nothing to change"


def plan_progress(review: PlanReview, now: float, keys: tuple[str, str, str]) -> Iterator[tuple[str, Tone]]:
    """Yield what the plan does, what is wrong with it, and how far it is.

    Args:
        review: The plan.
        now: The present moment, on the session's clock.
        keys: Labels of the keys that apply it, take it back, and make it again with overwriting.
    """
    apply_key, undo_key, overwrite_key = keys
    plan = review.plan
    if plan is None:
        if review.error is None:
            yield (
                ("making the plan …", Tone.QUIET) if review.is_running else ("stopped: there is no plan", Tone.WARNING)
            )
        else:
            yield sanitize(review.error.message), Tone.BAD
            yield sanitize(review.error.hint or ""), Tone.QUIET
        return
    total = pluralize(len(plan), "change")
    at = "" if review.moment is None else f" at {review.moment.astimezone():%H:%M:%S}"
    match review.phase:
        case PlanPhase.APPLYING:
            yield f"{review.done:,} of {total} done{_rate(review, now)}", Tone.QUIET
        case PlanPhase.APPLIED:
            every = "all " if review.done == len(plan) else f"{review.done:,} of "
            yield f"{every}{total} done{at}; {undo_key} takes them back", Tone.GOOD
            if review.left:
                one = review.left[0]
                left = f"left as they are: {len(review.left):,}, such as {one.key}: {one.reason}"
                yield sanitize(left), Tone.WARNING
        case PlanPhase.STOPPED:
            error = review.stop_error
            why = "stopped" if error is None else sanitize(": ".join(filter(None, (error.key, error.message))))
            yield f"{review.done:,} of {total} done{at}: {why}", Tone.BAD
            if error is not None and error.hint and not review.done:
                yield sanitize(error.hint), Tone.QUIET
                return
            yield (
                f"{apply_key} goes on" + (f"; {undo_key} takes back what is done" if review.can_take_back else ""),
                Tone.QUIET,
            )
        case _:
            yield plan_summary(plan), Tone.PLAIN
            if any(one.change is not None for one in plan.conflicts):
                yield f"not applied while there are conflicts; {overwrite_key} plans to overwrite them", Tone.WARNING
            elif plan.conflicts:
                yield "not applied while there are conflicts", Tone.WARNING
    if review.violations and not plan.undoes:
        first = review.violations[0]
        yield (
            sanitize(f"✗ {pluralize(len(review.violations), 'broken rule')}, such as {first.key}: {first.violation}"),
            Tone.BAD,
        )


def _rate(review: PlanReview, now: float) -> str:
    elapsed = now - review.began
    if elapsed < MIN_RATED_TIME or not review.done or review.plan is None:
        return ""
    rate = review.done / elapsed
    return f", {rate:,.0f}/s, {format_duration((len(review.plan) - review.done) / rate)} left"


def confirmation_count(plan: Plan) -> str:
    """Return the number that has to be typed before a plan deletes several keys and writes none; "" for others."""
    is_deletion = len(plan) > 1 and not plan.undoes and all(change.new is None for change in plan)
    return str(len(plan)) if is_deletion else ""


def confirmation_question(count: str) -> str:
    """Return the request to type the number of keys that are deleted."""
    return f"Type {count} to delete {count} keys"


def plan_stores(plan: Plan) -> str:
    """Return the stores that a plan changes, as "in URL", which need not be that of the session."""
    return sanitize("in " + " and ".join(sorted({part.store for part in plan.parts}))) if plan.parts else ""


def apply_question(plan: Plan) -> tuple[str, Sequence[str]]:
    """Return the question before a plan is applied, and what it will do."""
    return f"Apply {pluralize(len(plan), 'change')}?", (
        sanitize(plan.title),
        plan_summary(plan),
        plan_stores(plan),
        "each key only as it is shown here; what is done can be taken back",
    )
