"""Rows of a plan: its conflicts, its changes, and the keys that it leaves as they are."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from explorer.plans.plan import Change, Plan, PlanAction


class PlanRow(NamedTuple):
    """A key in a plan."""

    key: str
    action: PlanAction | None
    """None for a key that the plan leaves as it is."""
    reason: str = ""
    """Why it is a conflict, is left as it is, or breaks a constraint."""
    change: Change | None = None
    """Of a conflict, what would be done to the value that is there now."""
    store: str = ""
    """URL of the store, if it is not that of the session."""
    is_masked: bool = False
    """True if the values of the change are shown nowhere."""


def plan_rows(
    plan: Plan,
    own: str | None = None,
    broken: Mapping[tuple[str, str], Sequence[str]] = MappingProxyType({}),
    masked: Collection[tuple[str, str]] = (),
) -> list[PlanRow]:
    """Return the keys of a plan: conflicts first, then its changes, then what it leaves as it is.

    Args:
        plan: The plan.
        own: URL of the store that the rows do not name; by default that of the only part.
        broken: What the values of changes break, by store and key.
        masked: Store and key of changes whose values are shown nowhere.
    """
    own = plan.parts[0].store if own is None and len(plan.parts) == 1 else own
    return [
        *(
            PlanRow(
                one.key,
                PlanAction.CONFLICT,
                one.reason,
                one.change,
                "" if one.store == own else one.store,
                (one.change is not None and one.change.masked) or (one.store, one.key) in masked,
            )
            for one in plan.conflicts
        ),
        *(
            PlanRow(
                change.key,
                change.action,
                "; ".join(filter(None, (change.remark, *broken.get((part.store, change.key), ())))),
                change,
                "" if part.store == own else part.store,
                (part.store, change.key) in masked,
            )
            for part in plan.parts
            for change in part.changes
        ),
        *(PlanRow(one.key, None, one.reason) for one in plan.omitted),
        *(PlanRow(key, PlanAction.SAME) for key in plan.same),
    ]
