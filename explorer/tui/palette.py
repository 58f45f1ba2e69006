"""The command palette: the actions of the registry, and the themes."""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Final, cast

from textual import work
from textual.await_complete import AwaitComplete
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.css.query import NoMatches
from textual.types import IgnoreReturnCallbackType

from explorer.session.actions import BROWSING, key_label
from explorer.session.session import Session
from explorer.tui.cells import safe_content
from explorer.tui.dialogs.base import Dialog
from explorer.tui.screens.base import ActionScreen
from explorer.tui.type_ahead import TypeAheadApp

_GATHER_COMMANDS: Final = cast(
    "Callable[[CommandPalette, str], Awaitable[None]]",
    inspect.unwrap(CommandPalette._gather_commands),  # noqa: SLF001 - Textual has no other way to guard it
)


class Palette(CommandPalette, Dialog[None]):
    """Textual's palette, safe against keys pressed before its list is drawn or after it is gone, which end the app."""

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close the palette; keys pressed from now on are for what the selected command opens."""
        awaitable = super().dismiss(result)
        if self._selected_command is not None and isinstance(self.app, TypeAheadApp):
            hold = self.app.hold_keys()
            # Textual has the app call the command later: after the first of these two calls, before the second.
            self.app.call_later(self.app.call_later, hold.release)
        return awaitable

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Allow no action without the list."""
        is_drawn = any(found.size.height and found.option_count for found in self.query(CommandList))
        if not is_drawn and action == "command_list":
            return False
        return bool(self.query(CommandList)) and super().check_action(action, parameters)

    @work(exclusive=True, group=CommandPalette._GATHER_COMMANDS_GROUP)  # noqa: SLF001 - it is cancelled by this name
    async def _gather_commands(self, search_value: str) -> None:
        """Fill the list, unless it is gone: the last key may be handled after the palette was closed."""
        with suppress(NoMatches):
            await _GATHER_COMMANDS(self, search_value)


class ActionCommands(Provider):
    """Provides the actions of the screen; unavailable ones with the reason."""

    async def discover(self) -> Hits:
        """Yield all commands in the order of the registry."""
        for name, run, about in self._commands():
            yield DiscoveryHit(name, run, help=_literal(about))

    async def search(self, query: str) -> Hits:
        """Yield the commands that match."""
        matcher = self.matcher(query)
        for name, run, about in self._commands():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), run, help=_literal(about))

    def _commands(self) -> Iterator[tuple[str, IgnoreReturnCallbackType, str]]:
        app = self.app
        session: Session = app.session  # type: ignore[attr-defined]  # the one app there is
        place = self.screen.place if isinstance(self.screen, ActionScreen) else BROWSING
        for action in session.actions.at(place):
            if action.group == "Move" or action.id == "palette":
                continue
            reason = session.disabled_reason(action.id)
            keys = f"  ({', '.join(key_label(key) for key in action.keys)})" if action.keys else ""
            about = f"{action.help}{keys}" if reason is None else f"Not available: {reason}"
            yield f"{action.group}: {action.title}", partial(app.run_action, f"app.perform('{action.id}')"), about
        for theme in sorted(app.available_themes):
            if theme.startswith(("keyscope-", "ansi-", "textual-")):
                yield f"Theme: {theme}", partial(app.run_action, f"app.choose_theme('{theme}')"), "Use this theme."


def _literal(text: str) -> str:
    """Return a text that is not read as markup: a reason may contain text of the store."""
    return cast("str", safe_content(text))  # Textual accepts content where it declares markup
