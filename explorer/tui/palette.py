"""The command palette: every action of the registry by name, and the themes."""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Final, cast

from textual import work
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.css.query import NoMatches
from textual.types import IgnoreReturnCallbackType

from explorer.session.actions import BROWSING, key_label
from explorer.session.session import Session
from explorer.tui.dialogs.base import Dialog
from explorer.tui.rendering import safe_content
from explorer.tui.screens.live import LiveScreen

_GATHER: Final = cast(
    "Callable[[CommandPalette, str], Awaitable[None]]",
    inspect.unwrap(CommandPalette._gather_commands),  # noqa: SLF001 - Textual has no other way to guard it
)


class Palette(CommandPalette, Dialog[None]):
    """Textual's palette, but for keys that come before its list is drawn or after it has gone: they end the app."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let nothing be done without the list."""
        drawn = any(found.size.height and found.option_count for found in self.query(CommandList))
        if not drawn and action == "command_list":
            return False
        return bool(self.query(CommandList)) and super().check_action(action, parameters)

    @work(exclusive=True, group=CommandPalette._GATHER_COMMANDS_GROUP)  # noqa: SLF001 - it is cancelled by this name
    async def _gather_commands(self, search_value: str) -> None:
        """Fill the list, unless it went before this begins: what was typed last may be heard after a palette closes."""
        with suppress(NoMatches):
            await _GATHER(self, search_value)


class ActionCommands(Provider):
    """Offers what can be done now, and says of the rest why it cannot."""

    async def discover(self) -> Hits:
        """Offer everything, as it stands in the registry."""
        for name, run, about in self._commands():
            yield DiscoveryHit(name, run, help=_literal(about))

    async def search(self, query: str) -> Hits:
        """Offer what matches."""
        matcher = self.matcher(query)
        for name, run, about in self._commands():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), run, help=_literal(about))

    def _commands(self) -> Iterator[tuple[str, IgnoreReturnCallbackType, str]]:
        app = self.app
        session: Session = app.session  # type: ignore[attr-defined]  # the one app there is
        place = self.screen.place if isinstance(self.screen, LiveScreen) else BROWSING
        for action in session.actions.at(place):
            if action.group == "Move" or action.id == "palette":
                continue
            off = session.disabled_reason(action.id)
            keys = f"  ({', '.join(key_label(key) for key in action.keys)})" if action.keys else ""
            about = f"{action.help}{keys}" if off is None else f"Off: {off}"
            yield f"{action.group}: {action.title}", partial(app.run_action, f"app.perform('{action.id}')"), about
        for theme in sorted(app.available_themes):
            if theme.startswith(("keyscope-", "ansi-", "textual-")):
                yield f"Theme: {theme}", partial(app.run_action, f"app.choose_theme('{theme}')"), "Change the colours."


def _literal(text: str) -> str:
    """Give a text that is not read as markup: why something is off may have a stranger's words in it."""
    return cast("str", safe_content(text))  # content passes where Textual expects its markup
