"""Actions that find, compare and list changes, for the registry of all actions."""

from typing import Final

from explorer.model.capabilities import Capability
from explorer.session.actions import BROWSING, RESULTS, Action, Need, Place

_READS: Final = Need.CONNECTION
_WRITES: Final = Need.WRITABLE | Need.CONNECTION

RESULT_ACTIONS: Final = (
    Action(
        "find",
        "Find",
        "Find keys by name and values by text, also those that are not loaded.",
        ("F", "ctrl+f"),
        BROWSING | Place.HITS,
        "Find",
        _READS,
        priority=65,
        opens_input=True,
    ),
    Action("hits", "Hits", "List what was found.", ("H",), BROWSING, "Find"),
    Action("next-hit", "Next hit", "Go to the next found key.", (".",), BROWSING, "Find"),
    Action("previous-hit", "Previous hit", "Go to the previous found key.", (",",), BROWSING, "Find"),
    Action(
        "journal",
        "Journal",
        "List your saves and deletions, with what they changed.",
        ("J",),
        BROWSING,
        "Find",
    ),
    Action(
        "compare",
        "Compare",
        "Compare the folder, or all marked, with a folder, profile, revision or file.",
        ("=",),
        BROWSING | Place.DIFFERENCES,
        "Find",
        _READS,
        priority=38,
        opens_input=True,
    ),
    Action(
        "ignore",
        "Ignore",
        "Leave out keys that match patterns.",
        ("i",),
        Place.DIFFERENCES,
        "Find",
        _READS,
        priority=57,
        opens_input=True,
    ),
    Action(
        "plan-copy",
        "Make plan",
        "Plan the changes that make the other side like this one.",
        ("p",),
        Place.DIFFERENCES,
        "Find",
        _READS,
        priority=66,
        opens_input=True,
    ),
    Action(
        "filter-list",
        "Filter",
        "List only what belongs to keys that match.",
        ("/",),
        Place.JOURNAL,
        "Find",
        priority=70,
        opens_input=True,
    ),
    Action(
        "all-stores",
        "All stores",
        "List the changes in all stores, or only those in this one.",
        ("a",),
        Place.JOURNAL,
        "Find",
        priority=55,
    ),
    Action(
        "bring-back",
        "Bring back",
        "Bring back the value before or after this change, as an edit.",
        ("R",),
        Place.JOURNAL,
        "Find",
        _WRITES | Need.NO_EDIT,
        Capability.ATOMIC,
        priority=65,
        opens_input=True,
    ),
    Action("again", "Again", "Do the same again, now.", ("r",), RESULTS, "Find", _READS, priority=60),
    Action("stop", "Stop", "Stop, and keep what there is.", ("x",), RESULTS, "Find", priority=58),
    Action(
        "save-list",
        "Save list",
        "Write the list to a file.",
        ("s",),
        RESULTS,
        "Find",
        priority=40,
        opens_input=True,
    ),
)
"""Actions in the order of the help."""
