"""No verb: the terminal app on a session."""

import asyncio
import sys
import warnings
from io import TextIOWrapper
from itertools import chain

from explorer.cli import arguments
from explorer.codecs.opening import codecs_for
from explorer.config import Profile, folder, keys
from explorer.opening import opener
from explorer.session.commands import ACTIONS
from explorer.session.session import Session


def possible() -> bool:
    """Tell whether there is a terminal to look at and to type into."""
    return sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()


def look(meant: Profile, wanted: arguments.Overview, reading: arguments.Reading) -> int:
    """Show a store until the person leaves, and give the exit code.

    Raises:
        ExplorerError: The address, the settings or a schema cannot be understood.
    """
    from explorer.tui.app import Keyscope  # noqa: PLC0415 - the other verbs start without Textual

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        connect = opener(meant.url, meant.access)
    actions = ACTIONS.remapped(keys())

    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr.reconfigure(encoding="utf-8")  # in another locale the frames would be drawn as escapes

    async def run() -> int:
        first = connect()
        stores = chain([first], iter(connect, None))
        codecs = codecs_for(first, protos=reading.protos, includes=reading.includes, file=reading.codecs)
        drafts = folder("state") / "drafts"
        async with Session(
            lambda: next(stores), codecs, writable=wanted.write, drafts=drafts, actions=actions
        ) as session:
            app = Keyscope(session, theme=wanted.theme, told=[str(one.message) for one in told])
            await app.run_async()
            if app.failure is not None:
                raise app.failure
            return app.return_code or 0

    return asyncio.run(run())
