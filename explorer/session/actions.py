"""Registry of actions: footer, help, palette, key bindings and docs/keys.md are made from it.

Keys are spelled as in Textual. `ctrl+h`, `ctrl+i`, `ctrl+j` and `ctrl+m` are not used, because many terminals send them
for other keys.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Flag, auto
from typing import Final

from explorer.model.capabilities import Capability
from explorer.model.errors import InvalidAddress
from explorer.session.action_context import ActionContext


class Place(Flag):
    """Place of the focus in which a key runs an action."""

    TREE = auto()
    VALUE = auto()
    LOCKS = auto()
    CHANGES = auto()
    EDITOR = auto()
    READER = auto()
    """Editor of a text that is too long to be edited here."""
    REVIEW = auto()
    CONFLICT = auto()
    DELETION = auto()
    """Preview of a deletion, in which a word may have to be typed."""
    HITS = auto()
    """Found keys."""
    DIFFERENCES = auto()
    """Differences to another side."""
    JOURNAL = auto()
    PLAN = auto()
    """A plan: its changes before, while and after they are applied."""


BROWSING: Final = Place.TREE | Place.VALUE | Place.LOCKS | Place.CHANGES
READING: Final = Place.READER | Place.REVIEW | Place.CONFLICT | Place.DELETION
"""Places with text that may be longer than the screen."""
RESULTS: Final = Place.HITS | Place.DIFFERENCES | Place.JOURNAL | Place.PLAN
"""Lists of what a person asked for."""
TYPING: Final = Place.EDITOR | Place.DELETION
"""Places in which a character is text."""
TYPING_PAUSE: Final = 0.5
"""Seconds without a key after which the next one is not part of the text that was typed before."""
TYPING_IGNORED: Final = "typing is ignored until you pause"
"""Notice for typed keys that are dropped: what they are for does not show, and they would run actions."""
HELP_TITLE: Final = "Keys in the {place}; esc goes back"
ELSEWHERE: Final = "only in {places}"
"""Reason for which a key does nothing where it is pressed."""
_SECONDARY_KEYS: Final = frozenset(
    {"up", "down", "pageup", "pagedown", "home", "end", "left", "right", "escape", "tab", "shift+tab"}
)
"""Keys that a hint names only if the action has no other."""
_NO_CAPABILITY: Final = Capability(0)
EVERYWHERE: Final = BROWSING | Place.EDITOR | READING | RESULTS


class Need(Flag):
    """Condition of an action."""

    NOTHING = 0
    CONNECTION = auto()
    WRITABLE = auto()
    KEY = auto()
    """A key is selected."""
    MARK = auto()
    """A key is marked."""
    VALUE = auto()
    """The selected key's value is shown."""
    EDITABLE = auto()
    """The value can be edited in the form shown."""
    EDIT = auto()
    """An edit is open."""
    NO_EDIT = auto()
    """No edit is open."""
    CONFLICT = auto()
    """The open edit conflicts with another change."""
    MERGE = auto()
    """The two changes of a conflict can be merged."""
    OUTCOME_UNKNOWN = auto()
    """It is unknown whether the open edit was saved."""


@dataclass(frozen=True, slots=True)
class Action:
    """Action of the app."""

    id: str
    """Id by which it is run, bound and remapped."""
    title: str
    """One to three words, for footer and palette."""
    help: str
    """One sentence, for help and docs/keys.md."""
    keys: tuple[str, ...]
    places: Place
    group: str
    """Heading in the help."""
    needs: Need = Need.NOTHING
    capability: Capability = _NO_CAPABILITY
    """Capability that the store must have."""
    priority: int = 0
    """The higher, the longer it stays in a narrow footer; 0 is never shown there."""
    opens_input: bool = False
    """True if it opens an editor or an input: what is typed next is text."""

    def keys_at(self, place: Place) -> tuple[str, ...]:
        """Return the keys that run it in a place; a character is text where one types."""
        if not place & self.places:
            return ()
        return tuple(key for key in self.keys if place not in TYPING or len(key) > 1)

    def key_hint(self, place: Place) -> str:
        """Return the label of the key to show in a place: a letter or a word rather than an arrow, "" without any."""
        keys = self.keys_at(place) or self.keys
        return key_label(next((key for key in keys if key not in _SECONDARY_KEYS), keys[0])) if keys else ""

    def disabled_reason(self, context: ActionContext) -> str | None:
        """Return why the action is disabled, in one line; None if it is enabled."""
        return next(_disabled_reasons(self, context), None)


def _disabled_reasons(action: Action, context: ActionContext) -> Iterator[str]:
    """Yield the reasons why an action is disabled, the one to fix first coming first."""
    needs = action.needs
    missing = action.capability & ~context.store_capabilities
    if missing:
        yield f"not supported by this store ({(missing.name or '').lower()})"
    if Need.KEY in needs and context.selected is None:
        yield "no key is selected"
    if Need.MARK in needs and not context.has_marks:
        yield "no key is marked"
    if Need.WRITABLE in needs and context.read_only_reason is not None:
        yield context.read_only_reason
    if Need.VALUE in needs and context.unreadable_reason is not None:
        yield context.unreadable_reason
    if Need.EDITABLE in needs and context.uneditable_reason is not None:
        yield context.uneditable_reason
    if Need.NO_EDIT in needs and context.open_edit is not None:
        yield f"{context.open_edit} is being edited: save or close it first"
    if Need.EDIT in needs and context.open_edit is None:
        yield "no edit is open"
    if Need.CONFLICT in needs and not context.in_conflict:
        yield "there is no conflict"
    if Need.MERGE in needs and context.unmergeable_reason is not None:
        yield context.unmergeable_reason
    if Need.OUTCOME_UNKNOWN in needs and not context.outcome_unknown:
        yield "the outcome of the last save is known"
    if Need.CONNECTION in needs and context.unreachable_reason is not None:
        yield context.unreachable_reason


class Actions:
    """Actions with the user's keys."""

    def __init__(self, actions: Sequence[Action]) -> None:
        self._actions = {action.id: action for action in actions}

    def __iter__(self) -> Iterator[Action]:
        return iter(self._actions.values())

    def __getitem__(self, name: str) -> Action:
        return self._actions[name]

    def __contains__(self, name: str) -> bool:
        return name in self._actions

    def at(self, place: Place) -> tuple[Action, ...]:
        """Return the actions whose keys work in a place."""
        return tuple(action for action in self if place & action.places)

    def footer(self, place: Place) -> tuple[Action, ...]:
        """Return the actions that a footer shows in a place, the most important first."""
        shown = [action for action in self.at(place) if action.priority]
        return tuple(sorted(shown, key=lambda action: -action.priority))

    def with_keys(self, keys: Mapping[str, Sequence[str]]) -> "Actions":
        """Return the same actions with other keys for some of them.

        Args:
            keys: Keys by action id; an empty sequence removes all keys of an action.

        Raises:
            InvalidAddress: There is no such action, or two actions in one place would share a key; the message names
            them.
        """
        unknown = sorted(keys.keys() - self._actions.keys())
        if unknown:
            raise InvalidAddress(
                f"[keys]: there is no action {unknown[0]!r}", hint=f"known are {', '.join(self._actions)}"
            )
        changed = Actions([replace(action, keys=tuple(keys.get(action.id, action.keys))) for action in self])
        clash = next(changed.clashes(), None)
        if clash is not None:
            raise InvalidAddress(f"[keys]: {clash}", hint="give one of them another key")
        return changed

    def clashes(self) -> Iterator[str]:
        """Yield each key that runs two actions in one place."""
        for place in Place:
            taken: dict[str, str] = {}
            for action in self.at(place):
                for key in action.keys_at(place):
                    if taken.setdefault(key, action.id) != action.id:
                        yield f"{key!r} means both {taken[key]} and {action.id} in the {(place.name or '').lower()}"

    def table(self) -> str:
        """Return the table of keys in Markdown, as in docs/keys.md."""
        lines = ["| keys | what | where | id |", "|---|---|---|---|"]
        lines += [
            f"| {' '.join(_cell(key) for key in one.keys)} | {one.help} | {place_names(one.places)} | `{one.id}` |"
            for one in self
            if one.keys
        ]
        return "\n".join(lines) + "\n"


_KEY_LABELS: Final = {
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "escape": "esc",
}


def key_label(key: str) -> str:
    """Return the label of a key."""
    return _KEY_LABELS.get(key, key)


def place_names(places: Place) -> str:
    """Return the names of places."""
    if places == EVERYWHERE:
        return "everywhere"
    if places == BROWSING:
        return "all panes"
    if places == BROWSING | READING | RESULTS:
        return "everywhere but the editor"
    return ", ".join((place.name or "").lower() for place in places)


def _cell(key: str) -> str:
    """Return the label of a key for a table cell in Markdown, which a bar would end."""
    spelled = key_label(key).replace("|", r"\|")
    return f"`{spelled}`"
