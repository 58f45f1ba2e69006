"""The terminal app: wiring of session, screens, themes and keys."""

import asyncio
import inspect
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from time import time
from typing import ClassVar, Final

from textual._context import active_message_pump
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.events import Resize
from textual.message import Message
from textual.notifications import Notify
from textual.reactive import Initialize, Reactive
from textual.screen import Screen
from textual.theme import Theme
from textual.widget import Widget

from explorer.model.sanitize import pluralize, sanitize
from explorer.session.actions import BROWSING, Action, Need, key_label, place_names
from explorer.session.internal_errors import InternalErrors
from explorer.session.session import Session
from explorer.session.states import Loading, Part
from explorer.tui import dispatch_guard
from explorer.tui.palette import ActionCommands, Palette
from explorer.tui.screens.browse import BrowseScreen
from explorer.tui.screens.live import LiveScreen
from explorer.tui.terminal.gc_tuner import GcTuner
from explorer.tui.terminal.input_decoder import install
from explorer.tui.terminal.resize import current_size
from explorer.tui.terminal.sanitize_filter import SanitizeFilter
from explorer.tui.themes import DEFAULT, THEMES, remembered_theme

TICK: Final = 0.5
"""Seconds between two drawings of ages and countdowns."""
READY_TIMEOUT: Final = 5.0
"""Seconds for which an action waits for its key."""
READING_TIME: Final = 1.0
"""Seconds for which a notice stays whatever key is pressed."""


class Keyscope(App[None]):
    """A session on the screen. The session is entered by whoever runs the app."""

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
        told: Sequence[str] = (),
        errors: InternalErrors | None = None,
    ) -> None:
        """Prepare the app.

        Args:
            session: It is entered and left by whoever runs the app.
            theme: The name of one; what is not known is told.
            theme_file: Where the theme that was chosen last is remembered; None remembers none.
            told: Lines to show at the start.
            errors: Where unexpected exceptions are reported, so that the app goes on; None has them end it.
        """
        install()
        dispatch_guard.install()
        self._wanted_theme = theme or os.environ.get("TEXTUAL_THEME") or remembered_theme(theme_file) or DEFAULT
        super().__init__()
        self.add_class(f"-theme-{self.theme}", update=False)
        self.session = session
        self._theme_file = theme_file
        self._said = told
        self._parts = Part(0)
        self._errors = errors
        self._drafts_said = False
        self._unsubscribe: Callable[[], None] = lambda: None
        self._garbage = GcTuner(lambda: session.tree.loaded)
        self.failure: Exception | None = None
        """What the app ended with, if that was a defect."""

    @property
    def available_themes(self) -> dict[str, Theme]:
        """Textual's themes and our own; these cannot be registered before the first one is chosen."""
        return {**super().available_themes, **{theme.name: theme for theme in THEMES}}

    def _initial_theme(self) -> str:
        return self._wanted_theme if self._wanted_theme in self.available_themes else DEFAULT

    theme: Reactive[str] = Reactive(Initialize[str](_initial_theme))
    """The theme that the first picture is drawn with: a change of it after the start parses every style again."""

    def _breakpoint_classes(self) -> Iterator[str]:
        """Yield the classes that a screen of the current size has."""
        width, height = self.size
        for length, breakpoints in ((width, self.HORIZONTAL_BREAKPOINTS), (height, self.VERTICAL_BREAKPOINTS)):
            yield max((least, name) for least, name in breakpoints if least <= length)[1]

    def on_mount(self) -> None:
        """Show the browse screen, and go on showing what changes."""
        self._garbage.begin()
        if self._wanted_theme != self.theme:
            self.say(f"there is no theme {self._wanted_theme}", warning=True)
        SanitizeFilter.install(self)
        self.set_keymap({action.id: ",".join(action.keys) for action in self.session.actions})
        self.push_screen(BrowseScreen(self.session).add_class(*self._breakpoint_classes(), update=False))
        self._unsubscribe = self.session.subscribe(self._told)
        self.set_interval(TICK, self._tick)
        for line in self._said:
            self.say(line, warning=True)
        if self._errors is not None:
            self._errors.on_report = self._show_error

    def on_resize(self, event: Resize) -> None:
        """Go by the size that the window has by now."""
        newer = None if self.is_headless or self.is_web else current_size(event)
        if newer is not None:
            event.prevent_default()
            self.post_message(newer)

    async def _shutdown(self) -> None:
        """Draw nothing more: from here on widgets are taken away while messages still come."""
        self._unsubscribe()
        self._parts = Part(0)
        await super()._shutdown()

    def on_unmount(self) -> None:
        """Listen no longer."""
        self._unsubscribe()
        self._garbage.end()

    class Changed(Message):
        """The session changed; several that wait are one."""

        def can_replace(self, message: Message) -> bool:
            """Let one of several be handled."""
            return isinstance(message, Keyscope.Changed)

    def _told(self, parts: Part) -> None:
        """Note what changed. The session calls from a task of its own, in which no widget can be made."""
        self._parts |= parts
        self.post_message(self.Changed())

    def on_keyscope_changed(self) -> None:
        """Draw what changed."""
        parts, self._parts = self._parts, Part(0)
        if parts & Part.EDIT and not self._drafts_said:
            self._say_drafts()
        for screen in self.screen_stack:
            if isinstance(screen, LiveScreen):
                screen.told(parts)

    def _say_drafts(self) -> None:
        """Say once, at the start, how many drafts were left for this store."""
        drafts = self.session.editor.drafts
        self._drafts_said = True
        if drafts and self.session.current_edit is None:
            keys = self.session.actions["drafts"].keys
            self.say(f"{pluralize(len(drafts), 'draft')} kept from before{f': {keys[0]} lists them' if keys else ''}")

    def _tick(self) -> None:
        self._garbage.look()
        for screen in self.screen_stack[-1:]:  # none any more while the app ends
            if isinstance(screen, LiveScreen):
                screen.tick()

    def action_perform(self, name: str) -> None:
        """Do what an action of the registry says, or tell why it is off."""
        action = self.session.actions[name]
        self._remove_read_notices()
        if isinstance(self.screen, LiveScreen):
            self.screen.align()
        if self._is_expected(action):
            self.run_worker(self._perform_when_ready(name), group="when-ready", exclusive=True)
            return
        reason = self.session.disabled_reason(action.id)
        if reason is not None:
            self.say(f"{action.title}: {reason}", warning=True)
            return
        method = f"do_{name.replace('-', '_')}"
        focused = self.focused
        nodes: Iterable[object] = (*(focused.ancestors_with_self if focused else (self.screen, self)),)
        for node in nodes:
            perform = getattr(node, method, None)
            if perform is not None:
                result = perform()
                if inspect.isawaitable(result):
                    self.run_worker(_waited(result), group=name, exclusive=True)
                return

    def _is_expected(self, action: Action) -> bool:
        """Return whether what an action is done to is still being gone to, or its value read: keys may come faster."""
        if Need.WRITABLE in action.needs and not self.session.writable:
            return False
        if action.needs & (Need.KEY | Need.VALUE) and isinstance(self.screen, LiveScreen) and self.screen.is_going:
            return True
        return Need.VALUE in action.needs and isinstance(self.session.detail.state, Loading)

    async def _perform_when_ready(self, name: str) -> None:
        """Do an action once its key is selected and read; what takes too long is said to be off as ever."""
        screen = self.screen
        changed = asyncio.Event()
        unsubscribe = self.session.subscribe(lambda _: changed.set())
        try:
            async with asyncio.timeout(READY_TIMEOUT):
                if isinstance(screen, LiveScreen):
                    await screen.arrival()
                    screen.align()
                key = self.session.selected
                while isinstance(self.session.detail.state, Loading):
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            self.say(f"{self.session.actions[name].title}: the key is still being read", warning=True)
            return
        finally:
            unsubscribe()
        if self.session.selected == key and self.screen is screen:
            self.action_perform(name)

    @property
    def outlives_failures(self) -> bool:
        """Whether an unexpected exception is reported and the app goes on; before the first screen stands it ends."""
        return self._errors is not None and self._errors.on_report is not None and self.is_running

    def _handle_exception(self, error: Exception) -> None:
        if self._errors is None or not self.outlives_failures:
            self.failure = self.failure or error
            super()._handle_exception(error)
            return
        pump = active_message_pump.get(self)
        self._errors.report(error, f"{type(pump).__name__} on {type(self.screen).__name__}")
        screen = pump.screen if isinstance(pump, Widget) and not pump.is_mounted else None
        if screen is not None and len(self.screen_stack) > 2:  # noqa: PLR2004 - Textual's own screen and browsing
            screen.call_later(_leave, screen)  # of a screen that could not be made nothing can be used

    def _show_error(self, line: str) -> None:
        """Show an error for long enough to read where its details are; may be called from any task of the session."""
        self.notify(sanitize(line), severity="error", markup=False, timeout=10)

    def _fatal_error(self) -> None:
        """Leave without a picture of the failure: that would show what variables held, secrets too.

        The exception itself is raised again to whoever ran the app.
        """
        self.bell()
        self._close_messages_no_wait()

    def on_notify(self, event: Notify) -> None:
        """Let a notice take the place of an earlier one, and of what says the same: many would cover the screen.

        A warning gives way to another one once it could be read; errors stay for their time.
        """
        new = event.notification
        for old in list(self._notifications):
            same = (old.message, old.severity) == (new.message, new.severity)
            alike = old.severity == new.severity != "error"
            is_read = old.severity == "information" or time() - old.raised_at > READING_TIME
            if same or (alike and is_read):
                self._unnotify(old, refresh=False)

    def _remove_read_notices(self) -> None:
        """Let what a person has had time to read not cover what the next key opens."""
        for notice in list(self._notifications):
            if notice.severity == "information" and time() - notice.raised_at > READING_TIME:
                self._unnotify(notice)

    def say(self, text: str, *, warning: bool = False) -> None:
        """Show a line for a few seconds."""
        self.notify(sanitize(text), severity="warning" if warning else "information", markup=False)

    def end(self, number: signal.Signals) -> None:
        """Leave for a signal, with the exit code that shells know it by."""
        self.exit(return_code=128 + number)

    def action_choose_theme(self, name: str) -> None:
        """Use a theme from now on, and in the next session."""
        self.theme = name
        if self._theme_file is not None:
            try:
                self._theme_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._theme_file.write_text(f"{name}\n", encoding="utf-8")
            except OSError as error:
                self.say(f"the theme is not remembered: {error.strerror or error}", warning=True)

    def do_quit(self) -> None:
        """Leave; drafts are kept by the session."""
        self.exit()

    def do_suspend(self) -> None:
        """Stop the process, as shells know it; it goes on where it was."""
        self.action_suspend_process()

    def action_help_quit(self) -> None:
        """Say how to leave: ctrl+c copies and interrupts elsewhere, here it would lose a text by a slip."""
        focused = self.focused
        keys = [
            key
            for key in self.session.actions["quit"].keys
            if focused is None or not focused.check_consume_key(key, key if len(key) == 1 else None)  # it is text there
        ]
        self.say(f"{' or '.join(key_label(key) for key in keys) or 'the command palette'} quits")

    def explain_key(self, key: str) -> None:
        """Say of a key that does nothing here where it does something."""
        for action in self.session.actions:
            if key in action.keys and action.places & BROWSING:
                self.say(f"{action.title}: only in {place_names(action.places & BROWSING)}", warning=True)

    def do_palette(self) -> None:
        """Search the commands."""
        if not any(isinstance(screen, CommandPalette) for screen in self.screen_stack):
            self.push_screen(Palette())

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Give only what the registry and the themes offer; see `palette`."""
        del screen
        return ()


def _leave(screen: Screen[object]) -> None:
    if screen.is_current:
        screen.dismiss(None)  # not awaited: a screen cannot wait for its own end


async def _waited(result: object) -> None:
    if inspect.isawaitable(result):
        await result
