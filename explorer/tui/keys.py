"""Key bindings made from the registry of actions; no other module binds a key to an action."""

from collections.abc import Iterable, Iterator

from textual.binding import Binding, BindingType

from explorer.session.actions import TYPING, Action, Actions, Place
from explorer.session.commands import ACTIONS


def bindings(place: Place, actions: Actions = ACTIONS) -> list[BindingType]:
    """Return the bindings of a place: each key runs `App.action_perform` with the id of its action."""
    return list(_bindings(actions.at(place), place))


def joined_keys(keys: Iterable[str]) -> str:
    """Return keys as Textual joins them."""
    return ",".join("comma" if key == "," else key for key in keys)


def scroll_bindings(actions: Actions = ACTIONS) -> list[BindingType]:
    """Return the bindings that move within a list, wherever the list stands."""
    place = Place.READER
    return list(_bindings((action for action in actions.at(place) if action.group == "Move"), place))


def _bindings(actions: Iterable[Action], place: Place) -> Iterator[Binding]:
    for action in actions:
        keys = action.keys_at(place)
        if keys:
            yield Binding(
                joined_keys(keys),
                f"app.perform('{action.id}')",
                action.title,
                show=False,
                # Panes decide at once: a key pressed next belongs to what this one opens. Where text is typed, keys
                # are handled in their order, see `widgets.inputs`.
                priority=place not in TYPING,
                tooltip=action.help,
                id=action.id,
            )
