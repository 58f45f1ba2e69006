"""Drivers of other distributions, by the entry point group `keyscope.drivers`.

The name of an entry point is a scheme, its value `package.module:StoreClass`; the class is called with an Address and
an Access, and is given `SCHEME+tls:` URLs, too, as addresses with `tls`. One for a built-in scheme is ignored.
"""

from importlib.metadata import EntryPoints, entry_points
from typing import Final

GROUP: Final = "keyscope.drivers"


def driver_entry_points() -> EntryPoints:
    """Return the entry points of drivers; reads the metadata of all that is installed."""
    return entry_points(group=GROUP)


def installed_schemes() -> list[str]:
    """Return the schemes that other distributions bring a driver for."""
    return sorted({entry.name for entry in driver_entry_points()})
