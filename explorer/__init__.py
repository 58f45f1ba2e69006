"""Key-value coordination stores by one interface: read, watch, edit safely, and see who holds which lock.

    async with explorer.open("etcd://127.0.0.1:2379/config/") as store: ...
    store = explorer.connect("etcd://127.0.0.1:2379/config/")  # the same calls, blocking

The names are those of `explorer.api`, loaded at first use: importing this package imports no client library and no user
interface.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from explorer.version import __version__

if TYPE_CHECKING:
    from explorer.api import *  # noqa: F403 - the same names for type checkers

__all__ = ["__version__"]


def __getattr__(name: str) -> object:
    if name.startswith("_") or name not in (api := import_module("explorer.api")).__all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found: object = getattr(api, name)
    return found


def __dir__() -> list[str]:
    return [*__all__, *import_module("explorer.api").__all__]


def load_ipython_extension(shell: object) -> None:
    """Load the magic `%kv`: `%load_ext explorer`."""
    import_module("explorer.magics").load_ipython_extension(shell)


def unload_ipython_extension(shell: object) -> None:
    """Unload the magic `%kv`."""
    import_module("explorer.magics").unload_ipython_extension(shell)
