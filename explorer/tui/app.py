"""The terminal app: it connects the session with screens, keys and themes."""

import asyncio
import inspect
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import time
from typing import ClassVar, Final, NamedTuple

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.notifications import Notify, SeverityLevel
from textual.reactive import Initialize, Reactive
from textual.screen import Screen
from textual.theme import Theme

from explorer.model.entries import Revision
from explorer.model.errors import CallNotSupported
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.actions import BROWSING, ELSEWHERE, TYPING_IGNORED, Action, Need, key_label, place_names
from explorer.session.internal_errors import InternalErrors
from explorer.session.session import Session
from explorer.session.states import Loading, Part
from explorer.tui.error_boundary import is_removed
from explorer.tui.keys import joined_keys
from explorer.tui.palette import ActionCommands, Palette
from explorer.tui.panes.pane import Pane
from explorer.tui.screens.base import ActionScreen, LiveScreen
from explorer.tui.screens.browse import BrowseScreen
from explorer.tui.terminal.gc_tuner import GcTuner
from explorer.tui.terminal.input_decoder import install
from explorer.tui.terminal.sanitize_filter import SanitizeFilter
from explorer.tui.themes import DEFAULT, THEMES, remembered_theme
from explorer.tui.type_ahead import TypeAheadApp, release_keys

TICK_INTERVAL: Final = 0.5
"""Seconds between two redraws of ages and countdowns."""
KEY_TIMEOUT: Final = 5.0
"""Seconds for which an action waits until its key is selected and read."""
MIN_NOTICE_TIME: Final = 1.0
"""Seconds for which a notice stays, whatever key is pressed."""


class NextView(NamedTuple):
    """The same store as it was at a revision, with a key to go to."""

    revision: Revision | None
    """None for the present."""
    key: str


class Keyscope(TypeAheadApp):
    """A session on the screen. The caller enters and leaves the session."""

    TITLE = "Keyscope"
    CSS_PATH = "keyscope.tcss"
    COMMANDS = {ActionCommands}  # noqa: RUF012 - as Textual declares it
    ENABLE_COMMAND_PALETTE = False
    NOTIFICATION_TIMEOUT = 4.0
    HORIZONTAL_BREAKPOINTS = [(0, "-slim"), (60, "-narrow"), (120, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-high")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "perform('quit')", show=False, priority=True)]

    def __init__(
        self,
        session: Session,
        *,
        theme: str | None = None,
        theme_file: Path | None = None,
        messages: Sequence[str] = (),
        errors: InternalErrors | None = None,
        first_key: str = "",
    ) -> None:
        """Initialise the app.

        Args:
            session: The session to show; the caller enters and leaves it.
            theme: The name of the theme; an unknown one is reported.
            theme_file: Where the theme that was chosen last is stored; None stores none.
            messages: Lines to show at the start.
            errors: Where unexpected exceptions are reported; without it they end the app.
            first_key: Key to go to at the start; empty for none.
        """
        install()
        self._requested_theme = theme or os.environ.get("TEXTUAL_THEME") or remembered_theme(theme_file) or DEFAULT
        super().__init__(errors)
        self.add_class(f"-theme-{self.theme}", update=False)
        self.session = session
        self._theme_file = theme_file
        self._messages = messages
        self._first_key = first_key
        self.shown_next: NextView | None = None
        """The view to show after the app has ended; None for none."""
        self._changed_parts = Part(0)
        self._drafts_announced = False
        self._unsubscribe: Callable[[], None] = lambda: None
        self._gc_tuner = GcTuner(lambda: session.tree.rows.loaded)

    # Themes and layout

    @property
    def available_themes(self) -> dict[str, Theme]:
        """Textual's themes and our own, which cannot be registered before the first one is chosen."""
        return {**super().available_themes, **{theme.name: theme for theme in THEMES}}

    def _initial_theme(self) -> str:
        return self._requested_theme if self._requested_theme in self.available_themes else DEFAULT

    theme: Reactive[str] = Reactive(Initialize[str](_initial_theme))
    """The theme of the first picture on: a change after the start parses all styles again."""

    def _breakpoint_classes(self) -> Iterator[str]:
        """Yield the CSS classes of a screen of the current size."""
        width, height = self.size
        for length, breakpoints in ((width, self.HORIZONTAL_BREAKPOINTS), (height, self.VERTICAL_BREAKPOINTS)):
            yield max((least, name) for least, name in breakpoints if least <= length)[1]

    def on_resize(self, event: Resize) -> None:
        """Use the current size of the terminal if an event has an outdated one."""
        newer = None if self.is_headless or self.is_web else _newer_size(event)
        if newer is not None:
            event.prevent_default()
            self.post_message(newer)

    def action_choose_theme(self, name: str) -> None:
        """Use a theme from now on, also in later sessions."""
        self.theme = name
        if self._theme_file is not None:
            try:
                self._theme_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._theme_file.write_text(f"{name}\n", encoding="utf-8")
            except OSError as error:
                self.notify(f"the theme was not stored: {error.strerror or error}", severity="warning")

    # Start and end

    def on_mount(self) -> None:
        """Show the browse screen and subscribe to the session."""
        self._gc_tuner.start()
        if self._requested_theme != self.theme:
            self.notify(f"unknown theme: {self._requested_theme}", severity="warning")
        SanitizeFilter.install(self)
        self.set_keymap({action.id: joined_keys(action.keys) for action in self.session.actions})
        browse = BrowseScreen(self.session).add_class(*self._breakpoint_classes(), update=False)
        self.push_screen(browse)
        if self._first_key:
            browse.post_message(Pane.KeyRequested(self._first_key))
        self._unsubscribe = self.session.subscribe(self._on_session_change)
        self.set_interval(TICK_INTERVAL, self._tick)
        for line in self._messages:
            self.notify(line, severity="warning")
        self.start_reporting()

    async def _shutdown(self) -> None:
        """Stop drawing first: Textual removes the widgets while messages still arrive."""
        self._unsubscribe()
        self._changed_parts = Part(0)
        await super()._shutdown()

    def on_unmount(self) -> None:
        """Unsubscribe from the session."""
        self._unsubscribe()
        self._gc_tuner.stop()

    def end(self, number: signal.Signals) -> None:
        """Exit because of a signal, with the exit code that shells expect."""
        self.exit(return_code=128 + number)

    # Drawing

    class SessionChanged(Message):
        """The session changed. Of several in the queue one is handled."""

        def can_replace(self, message: Message) -> bool:
            """Return whether this message makes an earlier one in the queue superfluous."""
            return isinstance(message, Keyscope.SessionChanged)

    def _on_session_change(self, parts: Part) -> None:
        """Note the changed parts. The session calls this in its own task, where no widget may be drawn."""
        self._changed_parts |= parts
        self.post_message(self.SessionChanged())

    def on_keyscope_session_changed(self) -> None:
        """Redraw the changed parts."""
        parts, self._changed_parts = self._changed_parts, Part(0)
        if parts & Part.EDIT and not self._drafts_announced:
            self._announce_drafts()
        for screen in self.screen_stack:
            if isinstance(screen, LiveScreen) and not is_removed(screen):
                screen.redraw(parts)

    def _tick(self) -> None:
        self._gc_tuner.collect_if_due()
        for screen in self.screen_stack[-1:]:  # empty while the app ends
            if isinstance(screen, LiveScreen) and not is_removed(screen):
                screen.tick()

    # Actions

    def action_perform(self, name: str) -> None:
        """Perform an action of the registry, or show why it is not available.

        What was typed after an action that is refused is dropped: it was meant for what the action would have opened.
        """
        action = self.session.actions[name]
        self._remove_read_notices()
        screen = self.screen
        if isinstance(screen, ActionScreen):
            screen.apply_pending_input()
        if self._must_wait_for_key(action):
            self.run_flow(partial(self._perform_when_key_is_read, name), group="perform-when-read")
            return
        handler = self._handler(name)
        try:
            if handler is None:
                with suppress(KeyError):  # it is not the session's either
                    self.session.start(name)
            elif (reason := self.session.disabled_reason(name)) is not None:
                self._refuse(action, reason)
            elif inspect.iscoroutinefunction(handler):
                self.run_flow(handler, group=name)
            else:
                handler()
        except CallNotSupported as error:
            self._refuse(action, error.message)

    def _refuse(self, action: Action, reason: str) -> None:
        notice = f"{action.title}: {reason}"
        if not self.takes_text:
            self.drop_keys()
            if action.opens_input:
                self.ignore_typing(f"{notice}; {TYPING_IGNORED}")
        self.notify(notice, severity="warning")

    def _handler(self, name: str) -> Callable[[], object] | None:
        """Return the method that performs an action on this screen; None leaves it to the session."""
        screen = self.screen
        targets: Iterable[object] = screen.action_targets() if isinstance(screen, ActionScreen) else self._focus_path()
        method = f"do_{name.replace('-', '_')}"
        return next((found for target in targets if (found := getattr(target, method, None))), None)

    def _focus_path(self) -> Iterable[object]:
        return self.focused.ancestors_with_self if self.focused else (self.screen, self)

    def _must_wait_for_key(self, action: Action) -> bool:
        """Return whether an action has to wait: for the first connection, or for its key to be selected and read."""
        if Need.WRITABLE in action.needs and not self.session.writable:
            return False
        is_navigating = isinstance(self.screen, ActionScreen) and self.screen.is_navigating
        if action.needs & (Need.KEY | Need.VALUE) and is_navigating:
            return True
        if Need.CONNECTION in action.needs and not self.session.connection.is_attempted:
            return True
        return Need.VALUE in action.needs and isinstance(self.session.detail.state, Loading)

    async def _perform_when_key_is_read(self, name: str) -> None:
        """Perform an action once its key is selected and read, or say that this takes too long."""
        screen = self.screen
        changed = asyncio.Event()
        unsubscribe = self.session.subscribe(lambda _: changed.set())
        try:
            async with asyncio.timeout(KEY_TIMEOUT):
                await self.session.connection.wait_attempted()
                if isinstance(screen, ActionScreen):
                    await screen.wait_until_arrived()
                    screen.apply_pending_input()
                key = self.session.selected
                while isinstance(self.session.detail.state, Loading):
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            self._refuse(
                self.session.actions[name], self.session.disabled_reason(name) or "the key is still being read"
            )
            return
        finally:
            unsubscribe()
        if self.session.selected == key and self.screen is screen:
            self.action_perform(name)
            release_keys()

    def do_quit(self) -> None:
        """Exit; the session keeps the drafts."""
        self.exit()

    def show_revision(self, revision: Revision | None) -> None:
        """Show the store as it was at a revision, or the present, in a new session with the same selected key."""
        self.shown_next = NextView(revision, self.session.selected or "")
        self.exit()

    def do_suspend(self) -> None:
        """Suspend the process; the shell resumes it with fg."""
        self.action_suspend_process()

    def do_palette(self) -> None:
        """Open the command palette."""
        if not any(isinstance(screen, CommandPalette) for screen in self.screen_stack):
            self.push_screen(Palette())

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return none of Textual's own commands; see `palette`."""
        del screen
        return ()

    # Notices

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a notice: sanitised, and never read as markup."""
        del markup  # which a widget that notifies passes on, true by default
        super().notify(sanitize(message), title=title, severity=severity, timeout=timeout, markup=False)

    def on_notify(self, event: Notify) -> None:
        """Replace earlier notices of the same severity or text: several would cover the screen.

        A warning is replaced once it could be read, or if the new one adds to it; errors stay for their time.
        """
        new = event.notification
        for old in list(self._notifications):
            is_same = old.severity == new.severity and new.message.startswith(old.message)
            is_replaceable = old.severity == new.severity != "error"
            is_read = old.severity == "information" or time() - old.raised_at > MIN_NOTICE_TIME
            if is_same or (is_replaceable and is_read):
                self._unnotify(old, refresh=False)

    def _remove_read_notices(self) -> None:
        """Remove notices that could be read: they would cover what the next key opens."""
        for notice in list(self._notifications):
            if notice.severity == "information" and time() - notice.raised_at > MIN_NOTICE_TIME:
                self._unnotify(notice)

    def _announce_drafts(self) -> None:
        """Show once, at the start, how many drafts there are for this store."""
        drafts = self.session.editor.drafts
        self._drafts_announced = True
        if drafts and self.session.current_edit is None:
            keys = self.session.actions["drafts"].keys
            how = f": {key_label(keys[0])} lists them" if keys else ""
            self.notify(f"{pluralize(len(drafts), 'draft')} kept from earlier sessions{how}")

    def action_help_quit(self) -> None:
        """Show how to quit. Textual calls this for ctrl+c, which must not end the app: a slip would lose text."""
        focused = self.focused
        keys = [
            key
            for key in self.session.actions["quit"].keys
            if focused is None or not focused.check_consume_key(key, key if len(key) == 1 else None)  # it is text there
        ]
        self.notify(f"{' or '.join(map(key_label, keys)) or 'the command Quit'} quits")

    def explain_key(self, key: str) -> None:
        """Show where a key works that does nothing here."""
        for action in self.session.actions:
            if key in action.keys and action.places & BROWSING:
                self._refuse(action, ELSEWHERE.format(places=place_names(action.places & BROWSING)))


def _newer_size(event: Resize) -> Resize | None:
    """Return the current size of the terminal if it differs from that of an event.

    Textual reads the size in a signal handler, which the next signal may interrupt: while a window is dragged, the
    older of two sizes may be posted last.
    """
    size = Size(*shutil.get_terminal_size())  # as Textual reads it
    return None if size == event.size else Resize(size, size)
