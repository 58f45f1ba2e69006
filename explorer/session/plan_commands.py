"""Actions on many keys at once, by plans."""

from typing import Final

from explorer.model.capabilities import Capability
from explorer.session.actions import BROWSING, Action, Need, Place

_READS: Final = Need.CONNECTION
_WRITES: Final = Need.CONNECTION | Need.WRITABLE

PLAN_ACTIONS: Final = (
    Action(
        "copy-to",
        "Copy to",
        "Copy the key, or all marked, to another name, folder or store, by a plan.",
        ("C",),
        Place.TREE | Place.VALUE,
        "Plans",
        _READS | Need.KEY,
        opens_input=True,
    ),
    Action(
        "move-to",
        "Move to",
        "Rename the key, or move all marked to a folder or store, by a plan.",
        ("M",),
        Place.TREE | Place.VALUE,
        "Plans",
        _READS | Need.KEY,
        Capability.ATOMIC,
        opens_input=True,
    ),
    Action(
        "duplicate",
        "Duplicate",
        "Copy the key, with all below it, to a name beside it, by a plan.",
        ("c",),
        Place.TREE | Place.VALUE,
        "Plans",
        _READS | Need.KEY,
        opens_input=True,
    ),
    Action(
        "export",
        "Export",
        "Write the key, or all marked, with all below, to a file.",
        ("W",),
        Place.TREE | Place.VALUE,
        "Plans",
        _READS | Need.KEY,
        opens_input=True,
    ),
    Action(
        "stage-delete",
        "Stage delete",
        "Stage the deletion of the key, or of all marked, with all below.",
        ("x",),
        Place.TREE | Place.VALUE,
        "Plans",
        _READS | Need.KEY | Need.NO_EDIT,
        Capability.ATOMIC,
    ),
    Action(
        "unstage",
        "Unstage",
        "Take the changes of the key, or of all marked, out of the staged ones.",
        ("u",),
        Place.TREE | Place.VALUE,
        "Plans",
        Need.KEY | Need.NO_EDIT,
    ),
    Action(
        "save-staged",
        "Save staged",
        "Show what saving all staged changes would change, and save them together.",
        ("S",),
        BROWSING,
        "Plans",
        _READS | Need.NO_EDIT,
        Capability.ATOMIC,
    ),
    Action("plan", "Plan", "Show the plan that was made last.", ("P",), BROWSING, "Plans"),
    Action(
        "apply",
        "Apply",
        "Apply the plan, after a question; go on where it stopped.",
        ("ctrl+s",),
        Place.PLAN,
        "Plans",
        _WRITES,
        priority=100,
    ),
    Action("take-back", "Take back", "Plan to take back what was done.", ("u",), Place.PLAN, "Plans", priority=90),
    Action(
        "overwrite",
        "Overwrite",
        "Plan to replace values that differ, or to leave them.",
        ("o",),
        Place.PLAN,
        "Plans",
        _READS,
        priority=80,
    ),
)
"""Actions that make plans, and those of a plan."""
