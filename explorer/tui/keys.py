"""Key bindings made from the registry of actions; no other module binds a key to an action."""

from collections.abc import Iterable, Iterator
from typing import Final

from textual.binding import Binding, BindingType

from explorer.session.actions import TYPING, Action, Actions, Place, key_label
from explorer.session.commands import ACTIONS

_SECONDARY_KEYS: Final = frozenset(
    {"up", "down", "pageup", "pagedown", "home", "end", "left", "right", "escape", "tab", "shift+tab"}
)
"""Keys that a hint names only if the action has no other."""


def bindings(place: Place, actions: Actions = ACTIONS) -> list[BindingType]:
    """Return the bindings of a place: each key runs `App.action_perform` with the id of its action."""
    return list(_bindings(actions.at(place), place))


def scroll_bindings(actions: Actions = ACTIONS) -> list[BindingType]:
    """Return the bindings that move within a list, wherever the list stands."""
    place = Place.READER
    return list(_bindings((action for action in actions.at(place) if action.group == "Move"), place))


def _bindings(actions: Iterable[Action], place: Place) -> Iterator[Binding]:
    for action in actions:
        keys = action.keys_at(place)
        if keys:
            yield Binding(
                ",".join("comma" if key == "," else key for key in keys),
                f"app.perform('{action.id}')",
                action.title,
                show=False,
                # Panes decide at once: a key pressed next belongs to what this one opens. Where text is typed, keys
                # are handled in their order, see `widgets.inputs`.
                priority=place not in TYPING,
                tooltip=action.help,
                id=action.id,
            )


def hint(action: Action, place: Place) -> str:
    """Return the key to show for an action: a letter or a word rather than an arrow, "" without any."""
    keys = action.keys_at(place) or action.keys
    return key_label(next((key for key in keys if key not in _SECONDARY_KEYS), keys[0])) if keys else ""
