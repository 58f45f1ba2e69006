"""How the members are reached: from the URL, the access given, and for the rest etcdctl's variables of version 2."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from explorer.drivers import given
from explorer.model.address import Access, Address, Secret
from explorer.model.errors import InvalidAddress

_PORT = 2379


@dataclass(frozen=True, slots=True)
class Settings(given.Settings):
    """How the members are reached, and which part of the store is meant."""

    root: str
    """What stands before every key of ours in the store: empty, or names that each follow a slash."""


def gather(address: Address, access: Access, environment: Mapping[str, str] = os.environ) -> Settings:
    """Bring together the URL, the access and etcdctl's variables; what is said nearer to the call counts more.

    Raises:
        InvalidAddress: One of them cannot be understood.
    """
    address.only_options("timeout")
    hosts, tls = address.hosts, address.tls
    if not hosts:
        named = next((name for name in ("ETCDCTL_ENDPOINTS", "ETCDCTL_ENDPOINT") if environment.get(name)), "")
        hosts, encrypted = given.endpoints(named, environment.get(named) or "127.0.0.1")
        tls = tls or encrypted
    completed = given.files(
        given.credentials(access, address, _login(environment)),
        environment,
        authority="ETCDCTL_CA_FILE",
        certificate="ETCDCTL_CERT_FILE",
        key="ETCDCTL_KEY_FILE",
    )
    return Settings(
        address=address,
        access=replace(completed, timeout=given.time_limit(address, access)),
        hosts=tuple(host.with_port(_PORT) for host in hosts),
        tls=tls,
        root=_root(address),
    )


def _root(address: Address) -> str:
    names = [name for name in address.path.split("/") if name]
    if any(name in (".", "..") for name in names):
        raise InvalidAddress("a path has no . and .. here", hint="write it out", address=address.shown)
    return "".join(f"/{name}" for name in names)


def _login(environment: Mapping[str, str]) -> tuple[str | None, Secret | None]:
    """Read etcdctl's user and password, which may stand together."""
    user, _, password = environment.get("ETCDCTL_USERNAME", "").partition(":")
    password = environment.get("ETCDCTL_PASSWORD") or password
    return user or None, Secret(password) if password else None
