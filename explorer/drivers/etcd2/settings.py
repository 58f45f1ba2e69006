"""How the members are reached: from the URL, the access given, and for the rest etcdctl's variables of version 2."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from explorer.drivers.common import settings
from explorer.model.address import Access, Address, Secret
from explorer.model.errors import InvalidAddress

_PORT = 2379
_ENDPOINTS = ("ETCDCTL_ENDPOINTS", "ETCDCTL_ENDPOINT", "ETCDCTL_PEERS")
_FILES = (
    ("ETCDCTL_CA_FILE", "ETCDCTL_CERT_FILE", "ETCDCTL_KEY_FILE"),
    ("ETCDCTL_CACERT", "ETCDCTL_CERT", "ETCDCTL_KEY"),
)
"""Variables of etcdctl's API 2, and of its API 3 for what those leave open."""


@dataclass(frozen=True, slots=True)
class Etcd2Settings(settings.HttpSettings):
    """How the members are reached, and which part of the store is meant."""

    root: str
    """What stands before every key of ours in the store: empty, or names that each follow a slash."""


def load(address: Address, access: Access, environment: Mapping[str, str] = os.environ) -> Etcd2Settings:
    """Bring together the URL, the access and etcdctl's variables; what is said nearer to the call counts more.

    Raises:
        InvalidAddress: One of them cannot be understood.
    """
    address.only_options("timeout", "path")
    named = settings.WebAddress(address.hosts, address.tls)
    if address.socket:
        named = settings.WebAddress.at(address.socket)
    elif not address.hosts:
        variable = next((name for name in _ENDPOINTS if environment.get(name)), "")
        settings.require_no_discovery(variable, environment)
        named = settings.web_address(variable, environment.get(variable) or "127.0.0.1")
    files = settings.resolve_credentials(access, address, _login(environment))
    for authority, certificate, key in _FILES:
        files = settings.tls_files_from_env(files, environment, authority=authority, certificate=certificate, key=key)
    tls = address.tls or named.tls
    verify = not settings.is_true(environment, "ETCDCTL_INSECURE_SKIP_TLS_VERIFY")
    if tls and not verify:
        address = settings.warned(address, ["ETCDCTL_INSECURE_SKIP_TLS_VERIFY: the certificate is not verified"])
    return Etcd2Settings(
        address=replace(address, socket=named.socket),
        access=replace(files, timeout=settings.request_timeout(address, access)),
        hosts=named.with_port(_PORT),
        tls=tls,
        base=settings.base_path(address, named.base),
        socket=named.socket,
        verify=verify,
        root=_root(address),
    )


def _root(address: Address) -> str:
    names = [name for name in address.path.split("/") if name]
    if any(name in (".", "..") for name in names):
        raise InvalidAddress("a path has no . and .. here", hint="write it out", address=address.redacted)
    return "".join(f"/{name}" for name in names)


def _login(environment: Mapping[str, str]) -> tuple[str | None, Secret | None]:
    """Read etcdctl's user and password, which may stand together; the names of API 3 count less."""
    name = environment.get("ETCDCTL_USERNAME") or environment.get("ETCDCTL_USER") or ""
    user, _, password = name.partition(":")
    password = environment.get("ETCDCTL_PASSWORD") or password
    return user or None, Secret(password) if password else None
