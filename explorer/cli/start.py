"""The command without any argument: which stores there are to look at, and how to go on."""

from collections.abc import Iterator

from explorer.cli.exit_codes import ExitCode, say
from explorer.config import folder, profiles
from explorer.model import address
from explorer.model.errors import ExplorerError
from explorer.model.sanitize import sanitize


def start() -> int:
    """Print the profiles and what to do next to standard error, and return the exit code.

    Raises:
        InvalidAddress: The file of profiles cannot be understood.
    """
    for line in _lines():
        say(sanitize(line))
    return ExitCode.USAGE


def _lines() -> Iterator[str]:
    file = folder("config") / "config.toml"
    found = profiles(file)
    yield "keyscope: name a store" + (f"; profiles of {file}:" if found else "")
    width = max(map(len, found), default=0)
    for name, url in found.items():
        yield f"  @{name:{width}}  {_shown(url)}"
    yield "next:"
    yield f"  keyscope @{next(iter(found))}" if found else "  keyscope etcd://127.0.0.1:2379/"
    yield "  keyscope demo:"
    yield "  keyscope --help"
    if not found:
        yield f"a store that is used often can have a name: [profiles.NAME] with a url in {file}"


def _shown(url: str) -> str:
    try:
        return address.parse(url).redacted
    except ExplorerError as error:
        return error.message
