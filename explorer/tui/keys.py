"""The registry's actions as key bindings; nothing else in the app says which key does what."""

from collections.abc import Iterator
from typing import Final

from textual.binding import Binding, BindingType

from explorer.session.actions import TYPING, Action, Actions, Place, key_label
from explorer.session.commands import ACTIONS

_ALSO: Final = {"up", "down", "pageup", "pagedown", "home", "end", "left", "right", "escape", "tab", "shift+tab"}


def bindings(place: Place, actions: Actions = ACTIONS) -> list[BindingType]:
    """Give the bindings of a place: every key runs `App.action_perform` with the id of its action."""
    return list(_bindings(place, actions))


def _bindings(place: Place, actions: Actions) -> Iterator[Binding]:
    for action in actions.at(place):
        keys = action.keys_at(place)
        if keys:
            yield Binding(
                ",".join("comma" if key == "," else key for key in keys),
                f"app.perform('{action.id}')",
                action.title,
                show=False,
                # In panes decided at once: what is typed right behind a key belongs to what the key opened. In the
                # editor in the order of the keys, see `widgets.ordered`.
                priority=place not in TYPING,
                tooltip=action.help,
                id=action.id,
            )


def hint(action: Action, place: Place) -> str:
    """Spell the key to show for an action: the first that is a word or a letter, before arrows."""
    keys = action.keys_at(place) or action.keys
    return key_label(next((key for key in keys if key not in _ALSO), keys[0])) if keys else ""
