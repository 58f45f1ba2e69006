"""No verb: the terminal app on a session."""

import asyncio
import shlex
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import TextIOWrapper
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING, Final

from explorer.cli import arguments
from explorer.cli.decoder import first_few
from explorer.cli.exit_codes import UsageError
from explorer.cli.stack_dump import stack_dumps
from explorer.codecs.lazy import LazyCodecs
from explorer.config import Profile, folder, keys
from explorer.drivers.address_hints import address_hint
from explorer.drivers.base import Store
from explorer.model.errors import ExplorerError
from explorer.model.key_text import escape_key
from explorer.model.sanitize import pluralize, sanitize
from explorer.opener import opener
from explorer.session.commands import ACTIONS
from explorer.session.internal_errors import InternalErrors
from explorer.session.session import Session
from explorer.tui.terminal.gc_tuner import gc_paused

if TYPE_CHECKING:  # with them comes protobuf
    from explorer.codecs.codecs import Codecs

_MAX_NAMES: Final = 5
"""Keys with drafts that are named at the end."""
_DRAWN: Final = 0.3
"""Seconds after which the first picture is there, and what no picture needs may be loaded."""


def possible() -> bool:
    """Tell whether there is a terminal to look at and to type into."""
    return sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()


def look(meant: Profile, wanted: arguments.Overview, reading: arguments.Reading, *, name: str = "") -> int:
    """Show a store until the person leaves, and give the exit code.

    Raises:
        ExplorerError: The address, the settings or a schema cannot be understood.
    """
    with gc_paused():
        from explorer.tui.app import Keyscope  # noqa: PLC0415 - the other verbs start without Textual

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        connect = opener(meant.url, meant.access)
    actions = ACTIONS.with_keys(keys())
    if wanted.theme is not None:
        check_theme(wanted.theme)

    sys.excepthook = _tell
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr.reconfigure(encoding="utf-8")  # in another locale the frames would be drawn as escapes

    farewell: list[str] = []

    async def run() -> int:
        first = connect()
        stores = chain([first], iter(connect, None))
        codecs = LazyCodecs(lambda: _codecs(first, reading))
        problems: tuple[str, ...] = ()
        if reading != arguments.Reading() or (folder("config") / "codecs.toml").exists():
            problems = codecs.prepare().problems  # an error in what a person wrote is raised before anything is shown
        drafts = folder("state") / "drafts"

        async def nearby() -> str | None:
            return await address_hint(first.address, meant.access)

        errors = InternalErrors(folder("state") / "errors")
        asyncio.get_running_loop().set_exception_handler(partial(_report, errors))
        async with Session(
            lambda: next(stores),
            codecs,
            writable=wanted.write,
            read_only="read-only: its profile says so" if wanted.read_only else None,
            drafts=drafts,
            actions=actions,
            nearby=nearby,
            errors=errors,
            profile=name,
        ) as session:
            messages = [*(str(one.message) for one in told), *first_few(problems)]
            app = Keyscope(
                session, theme=wanted.theme, theme_file=folder("state") / "theme", told=messages, errors=errors
            )
            with _signals(app.end), stack_dumps(folder("state")):
                async with asyncio.TaskGroup() as group:
                    preparing = group.create_task(_prepare(session, codecs))
                    await app.run_async()
                    preparing.cancel()
            if app.failure is not None:
                raise app.failure
            farewell.extend(_drafts_kept(session, meant.url))
            if errors.recent:
                farewell.append(f"there were internal errors; details in {errors.folder}")
            return app.return_code or 0

    code = asyncio.run(run())
    for line in farewell:
        sys.stderr.write(f"{sanitize(line)}\n")
    return code


def check_theme(name: str) -> None:
    """Refuse a theme that is none.

    Raises:
        UsageError: There is no such theme; the hint lists them.
    """
    from textual.theme import BUILTIN_THEMES  # noqa: PLC0415 - the other verbs start without Textual

    from explorer.tui.themes import THEMES  # noqa: PLC0415 - as above

    known = [*(theme.name for theme in THEMES), *BUILTIN_THEMES]
    if name not in known:
        raise UsageError(f"there is no theme {name!r}", hint=f"there are {', '.join(known)}")


@contextmanager
def _signals(end: Callable[[signal.Signals], None]) -> Generator[None, None, None]:
    """Have signals end the app, so that the terminal is given back as it was; Windows has no way to.

    Without its terminal it ends at once, whatever whoever started it has set: there is nothing to give back, and the
    signal to go on that comes along with the hangup would have Textual start to draw again.
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


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell of a defect on the terminal; in what a library says of it there may be a stranger's words."""
    sys.stderr.write(sanitize("".join(traceback.format_exception(kind, error, trace)), multiline=True))


def _drafts_kept(session: Session, url: str) -> Iterator[str]:
    """Yield lines about what was typed and not saved; nothing where there is nothing of the kind."""
    keys = sorted(session.editor.draft_keys)
    if keys:
        names = ", ".join(escape_key(key) for key in keys[:_MAX_NAMES])
        more = f" and {len(keys) - _MAX_NAMES} more" if len(keys) > _MAX_NAMES else ""
        shown = session.profile or session.address or url
        yield f"{pluralize(len(keys), 'draft')} kept: {names}{more} (keyscope {shlex.quote(shown)} opens it)"


def _report(errors: InternalErrors, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Report an exception that nobody awaits; asyncio itself would write it to the screen, with its message."""
    del loop
    error = context.get("exception")
    if isinstance(error, Exception):
        errors.report(error, "in the background")


def _codecs(store: Store, reading: arguments.Reading) -> "Codecs":
    from explorer.codecs.load import codecs_for  # noqa: PLC0415 - with protobuf and yaml

    return codecs_for(store, protos=reading.protos, includes=reading.includes, file=reading.codecs)


async def _prepare(session: Session, codecs: LazyCodecs) -> None:
    """Make the codecs while nobody waits for them."""
    await session.idle()
    await asyncio.sleep(_DRAWN)
    with suppress(ExplorerError):  # told by whoever reads a value
        await asyncio.to_thread(codecs.prepare)
