"""Connection settings from the URL, the access and the variables of redis-cli."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from explorer.drivers.common import settings
from explorer.model.address import Access, Address, Host, Secret
from explorer.model.errors import InvalidAddress
from explorer.model.keys import directory

_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_MAX_DATABASE: Final = 2**31 - 1
_EVENTS: Final = ("tracking", "keyspace")
SEPARATOR: Final = ":"
"""Default separator of the names in a key."""


@dataclass(frozen=True, slots=True)
class RedisSettings(settings.NetworkSettings):
    """Addresses of the servers, database and key space."""

    separator: str
    root: str
    """The beginning of all keys of the address."""
    database: int
    socket: Path | None
    """Unix socket to connect to instead of the hosts."""
    service: str | None
    """Name of the primary that the hosts, being sentinels, are asked for."""
    cluster: bool | None
    """True if the hosts are members of a Redis Cluster; None to ask them."""
    keyspace_events: bool
    """True if changes are read from keyspace notifications, not from client tracking."""


def load(address: Address, access: Access, environment: Mapping[str, str] = os.environ) -> RedisSettings:
    """Return the settings; the access overrides the URL, and both override redis-cli's variable.

    Raises:
        InvalidAddress: One of them is invalid.
    """
    address.only_options("separator", "timeout", "db", "sentinel", "cluster", "events")
    password = environment.get("REDISCLI_AUTH")
    credentials = settings.resolve_credentials(access, address, (None, Secret(password) if password else None))
    separator = _separator(address)
    database, path = _database(address)
    if not path.endswith(separator):
        path = path.removesuffix("/")  # as URLs of other stores end
    service = address.option("sentinel", "") or None
    cluster = settings.bool_option(address, "cluster") if "cluster" in address.options else None
    if "sentinel" in address.options and not service:
        raise InvalidAddress(
            "the name of the primary is missing",
            hint="?sentinel=NAME, as in `sentinel monitor`",
            address=address.redacted,
        )
    if service and cluster:
        raise InvalidAddress("a cluster has no sentinels", hint="?sentinel= or ?cluster=", address=address.redacted)
    if cluster and database:
        raise InvalidAddress("a cluster has database 0 only", hint="redis://host/0", address=address.redacted)
    events = address.option("events", _EVENTS[0])
    if events not in _EVENTS:
        raise InvalidAddress(
            f"unknown events {events!r}", hint=f"?events={' or '.join(_EVENTS)}", address=address.redacted
        )
    hosts = (Host(str(address.socket)),) if address.socket else address.hosts or (Host("127.0.0.1"),)
    port = _SENTINEL_PORT if service else _PORT
    return RedisSettings(
        address=address,
        access=replace(credentials, timeout=settings.request_timeout(address, access)),
        hosts=hosts if address.socket else tuple(host.with_port(port) for host in hosts),
        tls=address.tls,
        separator=separator,
        root=directory(path, separator),
        database=database,
        socket=address.socket,
        service=service,
        cluster=False if address.socket or service else cluster,
        keyspace_events=events == _EVENTS[1],
    )


def _separator(address: Address) -> str:
    options = {"separator": SEPARATOR, **address.options}
    return settings.separator_option(replace(address, options=options))


def _database(address: Address) -> tuple[int, str]:
    """Return the database and the prefix of the keys.

    The database is the first part of the path, `/2/prefix`, if that is a number; with the option, the whole path is the
    prefix.
    """
    number, path = address.option("db", ""), address.path
    if not number:
        first, _, rest = path.partition("/")
        if not (first.isascii() and first.isdigit()):
            return 0, path
        number, path = first, rest
    if not (number.isascii() and number.isdigit() and int(number) <= _MAX_DATABASE):
        raise InvalidAddress(f"{number!r} is no database", hint="redis://host/2 or ?db=2", address=address.redacted)
    return int(number), path
