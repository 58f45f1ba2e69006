"""The command without arguments: list the profiles and what to type next."""

from collections.abc import Iterator

from explorer.cli.exit_codes import ExitCode, print_stderr
from explorer.config import folder, read_profile_urls
from explorer.model import address
from explorer.model.errors import ExplorerError
from explorer.model.sanitize import sanitize


def start() -> int:
    """Print the profiles and what to type next to standard error, and return the exit code.

    Raises:
        InvalidAddress: The settings file is invalid.
    """
    for line in _lines():
        print_stderr(sanitize(line))
    return ExitCode.USAGE


def _lines() -> Iterator[str]:
    file = folder("config") / "config.toml"
    known = read_profile_urls(file)
    yield "keyscope: no store given" + (f"; profiles in {file}:" if known else "")
    width = max(map(len, known), default=0)
    for name, url in known.items():
        yield f"  @{name:{width}}  {_redacted(url)}"
    yield "try:"
    yield f"  keyscope @{next(iter(known))}" if known else "  keyscope etcd://127.0.0.1:2379/"
    yield "  keyscope demo:"
    yield "  keyscope --help"
    if not known:
        yield f"to give a store a name, write [profiles.NAME] with a url into {file}"


def _redacted(url: str) -> str:
    try:
        return address.parse(url).redacted
    except ExplorerError as error:
        return error.message
