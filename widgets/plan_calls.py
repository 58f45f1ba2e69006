"""Plans of a session from code: made, and applied, as its views do it; each call waits for the outcome."""

import asyncio
from collections.abc import Callable

from explorer.model.errors import CallNotSupported
from explorer.plans.plan import Plan
from explorer.session.results.plan_review import PlanPhase
from explorer.session.session import Session
from explorer.session.states import Part


async def made(session: Session, make: Callable[[], None]) -> Plan:
    """Return the plan that a call starts to make.

    Args:
        session: The session.
        make: Starts to make it.

    Raises:
        ExplorerError: It cannot be made; the message says why.
    """
    make()
    await settled(session)
    review = session.results.plan_review
    if review.plan is None:
        raise review.error or CallNotSupported("the plan was not made")
    return review.plan


async def applied(session: Session, plan: Plan, reason: str) -> int:
    """Apply a plan, and return the number of changes that are done.

    Args:
        session: The session.
        plan: The plan.
        reason: Why, for the journal.

    Raises:
        ExplorerError: It cannot be applied, or stopped; what is done stays done, and applying it again goes on.
    """
    refusal = session.disabled_reason("apply")
    if refusal is not None:
        raise CallNotSupported(refusal)
    if session.asks_reason and not reason:
        raise CallNotSupported("the profile asks why", hint='write apply(plan, reason="...")')
    review = session.results.plan_review
    if review.plan is not plan:
        review.show(plan)
        await settled(session)
    review.apply(reason)
    await settled(session)
    if review.phase is not PlanPhase.APPLIED:
        raise review.stop_error or CallNotSupported("the plan was stopped")
    return review.done


async def settled(session: Session) -> None:
    """Wait until the plan of a session is neither being made nor applied."""
    changed = asyncio.Event()
    unsubscribe = session.subscribe(lambda parts: changed.set() if parts & Part.RESULTS else None)
    try:
        while session.results.plan_review.is_running:
            await changed.wait()
            changed.clear()
    finally:
        unsubscribe()
