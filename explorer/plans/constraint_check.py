"""Check of the values that a plan writes by the constraints of their keys."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from explorer.codecs.constraints.constraint import Violation
from explorer.drivers.base import Store
from explorer.model.errors import ConstraintViolated
from explorer.plans.plan import Plan

ValueCheck: TypeAlias = Callable[[Store, str, bytes], Awaitable[Sequence[Violation]]]
"""Returns what breaks the constraints of a key of a store if a value is stored."""


@dataclass(frozen=True, slots=True)
class KeyViolation:
    """A constraint that the planned value of a key breaks."""

    store: str
    """URL of the store, as in the plan's parts."""
    key: str
    violation: Violation


async def plan_violations(plan: Plan, stores: Mapping[str, Store], check: ValueCheck) -> list[KeyViolation]:
    """Return what the values that a plan writes break, in the order of its changes.

    Args:
        plan: The plan.
        stores: The stores of its parts by their URLs.
        check: Checks one value.
    """
    return [
        KeyViolation(part.store, change.key, violation)
        for part in plan.parts
        for change in part.changes
        if change.new is not None
        for violation in await check(stores[part.store], change.key, change.new)
    ]


def blocking_constraints(plan: Plan, violations: Sequence[KeyViolation]) -> tuple[str, ...]:
    """Return the names of the broken constraints that the plan does not override.

    A plan that undoes another one is never blocked: it brings back values that were stored.
    """
    if plan.undoes:
        return ()
    broken = dict.fromkeys(one.violation.constraint for one in violations)
    return tuple(name for name in broken if name not in plan.overrides)


def require_overridden(plan: Plan, violations: Sequence[KeyViolation]) -> None:
    """Raise if a plan breaks a constraint that it does not override.

    Raises:
        ConstraintViolated: It does; the error is about the first such key.
    """
    blocking = blocking_constraints(plan, violations)
    for one in violations:
        if one.violation.constraint in blocking:
            message = f"the planned value breaks {one.violation.constraint}"
            raise ConstraintViolated(message, hint=f"override {', '.join(blocking)}, by name", key=one.key)
