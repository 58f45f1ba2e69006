"""The terminal app on a session, for the command without a verb."""

import asyncio
import shlex
import signal
import sys
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import TextIOWrapper
from types import TracebackType
from typing import Final

from explorer.cli.arguments import OverviewArguments
from explorer.cli.exit_codes import UsageError
from explorer.cli.stack_dump import stack_dumps
from explorer.codecs.lazy import LazyCodecs
from explorer.codecs.options import CodecOptions
from explorer.config import Profile, folder, read_key_bindings
from explorer.model.errors import ExplorerError
from explorer.model.key_text import escape_key
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.commands import ACTIONS
from explorer.session.internal_errors import InternalErrors
from explorer.session.session import Session
from explorer.session_opener import open_session
from explorer.tui.terminal.gc_tuner import gc_paused

_MAX_DRAFT_KEYS: Final = 5
"""Keys with drafts that are printed at the end."""
_FIRST_FRAME_DELAY: Final = 0.3
"""Seconds until the first frame is drawn, and modules that it does not need may be loaded."""


def has_terminal() -> bool:
    """Return whether standard input, output and error are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()


def run_app(profile: Profile, overview: OverviewArguments, options: CodecOptions, *, profile_name: str = "") -> int:
    """Run the app until the person quits, and return the exit code.

    Args:
        profile: The store with its access.
        overview: The options of the app.
        options: Schemas and rules.
        profile_name: `@NAME` if the store was opened by a profile.

    Raises:
        ExplorerError: The address, the settings or a schema is invalid.
    """
    with gc_paused():
        from explorer.tui.app import Keyscope  # noqa: PLC0415 - the verbs start without Textual

    actions = ACTIONS.with_keys(read_key_bindings())
    if overview.theme is not None:
        check_theme(overview.theme)

    sys.excepthook = _print_traceback
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr.reconfigure(encoding="utf-8")  # in another locale frames would be drawn as escapes

    last_lines: list[str] = []

    async def run() -> int:
        opened = open_session(
            profile,
            options,
            writable=overview.write,
            read_only=overview.read_only,
            profile_name=profile_name,
            actions=actions,
        )
        errors = opened.errors
        asyncio.get_running_loop().set_exception_handler(partial(_report_unhandled, errors))
        next_session, key, messages = opened.session, "", opened.messages
        while True:
            async with next_session as session:
                app = Keyscope(
                    session,
                    theme=overview.theme,
                    theme_file=folder("state") / "theme",
                    messages=messages,
                    errors=errors,
                    first_key=key,
                )
                with _signals_end(app.end), stack_dumps(folder("state")):
                    async with asyncio.TaskGroup() as group:
                        preparing = group.create_task(_prepare_codecs(session, opened.codecs))
                        await app.run_async()
                        preparing.cancel()
                if app.failure is not None:
                    raise app.failure
                last_lines[:] = _draft_lines(session, profile.url)
            if app.shown_next is None:
                break
            key, messages = app.shown_next.key, ()
            next_session = opened.at(app.shown_next.revision)
        if errors.recent:
            last_lines.append(f"there were internal errors; details in {errors.folder}")
        return app.return_code or 0

    code = asyncio.run(run())
    for line in last_lines:
        sys.stderr.write(f"{sanitize(line)}\n")
    return code


def check_theme(name: str) -> None:
    """Raise UsageError if there is no such theme; its hint lists the themes."""
    from textual.theme import BUILTIN_THEMES  # noqa: PLC0415 - the verbs start without Textual

    from explorer.tui.themes import THEMES  # noqa: PLC0415 - as above

    known = [*(theme.name for theme in THEMES), *BUILTIN_THEMES]
    if name not in known:
        raise UsageError(f"unknown theme {name!r}", hint=f"themes: {', '.join(known)}")


@contextmanager
def _signals_end(end: Callable[[signal.Signals], None]) -> Generator[None, None, None]:
    """End the app on SIGINT and SIGTERM, so that the terminal is restored; not on Windows.

    SIGHUP ends the process at once, even if the parent ignores it: there is no terminal to restore, and the SIGCONT
    that comes with a hangup would make Textual draw again.
    """
    if sys.platform == "win32":
        yield
        return
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of an internal error, sanitized: a library may put text from a store into it."""
    sys.stderr.write(sanitize("".join(traceback.format_exception(kind, error, trace)), multiline=True))


def _draft_lines(session: Session, url: str) -> Iterator[str]:
    """Yield a line about unsaved drafts, if there are any."""
    keys = sorted(session.editor.draft_keys)
    if keys:
        names = ", ".join(escape_key(key) for key in keys[:_MAX_DRAFT_KEYS])
        more = f" and {len(keys) - _MAX_DRAFT_KEYS} more" if len(keys) > _MAX_DRAFT_KEYS else ""
        store = shlex.quote(session.profile or session.address or url)
        yield f"{pluralize(len(keys), 'draft')} kept: {names}{more} (keyscope {store} opens it)"


def _report_unhandled(errors: InternalErrors, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Report an exception that no task awaits; asyncio would print it with its message onto the screen."""
    del loop
    error = context.get("exception")
    if isinstance(error, Exception):
        errors.report(error, "in the background")


async def _prepare_codecs(session: Session, codecs: LazyCodecs) -> None:
    """Load the codecs once the session is idle."""
    await session.idle()
    await asyncio.sleep(_FIRST_FRAME_DELAY)
    with suppress(ExplorerError):  # raised again when a value is read
        await asyncio.to_thread(codecs.prepare)
