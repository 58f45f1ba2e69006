"""The actions of Keyscope, in the order in which help lists them."""

from typing import Final

from explorer.model.capabilities import Capability
from explorer.session.actions import BROWSING, EVERYWHERE, Action, Actions, Need, Place

_ASKS: Final = Need.CONNECTION
_WRITES: Final = Need.WRITABLE | Need.CONNECTION
_EDITS: Final = _WRITES | Need.KEY | Need.VALUE | Need.EDITABLE
_TABS: Final = "value, metadata, history."

ACTIONS: Final = Actions(
    (
        # Moving
        Action("up", "Up", "Move to the row above.", ("up", "k"), BROWSING, "Move"),
        Action("down", "Down", "Move to the row below.", ("down", "j"), BROWSING, "Move"),
        Action("open", "Open", "Open the folder, or go into it.", ("right", "l"), Place.TREE, "Move"),
        Action("close", "Close", "Close the folder, or go to the one around it.", ("left", "h"), Place.TREE, "Move"),
        Action("toggle", "Open/close", "Open or close the folder.", ("space",), Place.TREE, "Move"),
        Action(
            "show",
            "Show",
            "Go to the value, or open the folder; from a lock or a change, to its key.",
            ("enter",),
            Place.TREE | Place.LOCKS | Place.CHANGES,
            "Move",
            priority=20,
        ),
        Action("top", "First", "Move to the first row.", ("g", "home"), BROWSING, "Move"),
        Action("bottom", "Last", "Move to the last row.", ("G", "end"), BROWSING, "Move"),
        Action("page-up", "Page up", "Move up by a page.", ("pageup",), BROWSING, "Move"),
        Action("page-down", "Page down", "Move down by a page.", ("pagedown",), BROWSING, "Move"),
        # Finding
        Action("filter", "Filter", "Show only the loaded keys that match.", ("/",), Place.TREE, "Find", priority=70),
        Action("go", "Go to key", "Go to a key by its name.", (":",), BROWSING, "Find", _ASKS, priority=60),
        # The value
        Action(
            "edit",
            "Edit",
            "Edit the value in place.",
            ("e",),
            Place.TREE | Place.VALUE,
            "Value",
            _EDITS | Need.NO_EDIT,
            Capability.ATOMIC,
            priority=90,
        ),
        Action(
            "edit-outside",
            "$EDITOR",
            "Edit the value in $EDITOR, or go on there.",
            ("E", "ctrl+o"),
            Place.TREE | Place.VALUE | Place.EDITOR,
            "Value",
            _EDITS,
            Capability.ATOMIC,
            priority=42,
        ),
        Action(
            "new",
            "New",
            "Create a key, only if there is none of that name.",
            ("n",),
            BROWSING,
            "Value",
            _WRITES | Need.NO_EDIT,
            Capability.ATOMIC,
            priority=50,
        ),
        Action(
            "delete",
            "Delete",
            "Delete the key, or all below the folder, after a preview.",
            ("d",),
            Place.TREE | Place.VALUE,
            "Value",
            _WRITES | Need.KEY,
            Capability.ATOMIC,
            priority=45,
        ),
        Action(
            "copy",
            "Copy",
            "Copy the key, the value, both, or a command that reads it.",
            ("y",),
            BROWSING,
            "Value",
            Need.KEY,
            priority=40,
        ),
        Action(
            "type",
            "Type",
            "Choose how this value is read.",
            ("t",),
            Place.TREE | Place.VALUE,
            "Value",
            Need.KEY | Need.VALUE,
            priority=35,
        ),
        Action(
            "form",
            "Form",
            "Switch the value's form: indented or as stored; text format or JSON.",
            ("i", "ctrl+t"),
            Place.TREE | Place.VALUE | Place.EDITOR,
            "Value",
            Need.KEY | Need.VALUE,
            priority=33,
        ),
        Action("previous-tab", "Previous tab", "Show the tab before: " + _TABS, ("[",), Place.VALUE, "Value"),
        Action("next-tab", "Tabs", "Show the next tab: " + _TABS, ("]",), Place.VALUE, "Value", priority=30),
        # The editor
        Action(
            "save",
            "Save",
            "Show what saving would change; once more, save it.",
            ("ctrl+s",),
            Place.EDITOR,
            "Edit",
            _WRITES | Need.EDIT,
            priority=100,
        ),
        Action(
            "look-again",
            "Look again",
            "Find out whether the save took effect.",
            ("ctrl+r",),
            Place.EDITOR,
            "Edit",
            _ASKS | Need.EDIT | Need.DOUBT,
            priority=95,
        ),
        Action(
            "use-merged",
            "Use both",
            "Go on with both changes put together.",
            ("b",),
            Place.CONFLICT,
            "Edit",
            Need.CONFLICT,
            priority=85,
        ),
        Action(
            "take-theirs",
            "Take theirs",
            "Give this edit up for what somebody else saved.",
            ("t",),
            Place.CONFLICT,
            "Edit",
            Need.CONFLICT,
            priority=80,
        ),
        Action(
            "keep-mine",
            "Keep mine",
            "Save this edit over what somebody else saved, as it is shown here.",
            ("m",),
            Place.CONFLICT,
            "Edit",
            _WRITES | Need.CONFLICT,
            priority=75,
        ),
        # The session
        Action("reload", "Reload", "Read again, or try again what failed.", ("r",), BROWSING, "Session", priority=25),
        Action("writing", "Writing", "Unlock writing, or lock it again.", ("w",), BROWSING, "Session", priority=55),
        Action("freeze", "Freeze", "Hold the display, or let it go on.", ("f",), BROWSING, "Session", priority=15),
        # The screen
        Action("next-pane", "Next pane", "Go to the next pane.", ("tab",), BROWSING, "Screen", priority=18),
        Action("previous-pane", "Previous pane", "Go to the pane before.", ("shift+tab",), BROWSING, "Screen"),
        Action("pane-tree", "Tree", "Go to the tree.", ("1",), BROWSING, "Screen"),
        Action("pane-value", "Value", "Go to the value.", ("2",), BROWSING, "Screen"),
        Action("pane-locks", "Locks", "Go to the locks.", ("3",), BROWSING, "Screen"),
        Action("pane-changes", "Changes", "Go to the change log.", ("4",), BROWSING, "Screen"),
        Action("zoom", "Zoom", "Give the pane the whole screen, or its own place.", ("+",), BROWSING, "Screen"),
        Action("back", "Back", "Leave what is open, one step at a time.", ("escape",), EVERYWHERE, "Screen"),
        Action("help", "Help", "Show what can be done here.", ("?", "f1"), EVERYWHERE, "Screen", priority=10),
        Action("palette", "Commands", "Search all commands by name.", ("ctrl+p",), EVERYWHERE, "Screen", priority=5),
        Action("quit", "Quit", "Leave; what was typed is kept.", ("q", "ctrl+q"), EVERYWHERE, "Screen", priority=12),
    )
)
"""What the terminal app can do, with the keys it has unless a person chose others."""
