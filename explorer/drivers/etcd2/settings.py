"""Connection settings from the URL, the access and the variables of etcdctl's API 2."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from explorer.drivers.common import settings
from explorer.model.address import Access, Address, Secret
from explorer.model.errors import InvalidAddress

_DEFAULT_PORT = 2379
_ENDPOINT_VARIABLES = ("ETCDCTL_ENDPOINTS", "ETCDCTL_ENDPOINT", "ETCDCTL_PEERS")
_FILE_VARIABLES = (
    ("ETCDCTL_CA_FILE", "ETCDCTL_CERT_FILE", "ETCDCTL_KEY_FILE"),
    ("ETCDCTL_CACERT", "ETCDCTL_CERT", "ETCDCTL_KEY"),
)
"""Variables of etcdctl's API 2, then of its API 3 for those that are unset."""


@dataclass(frozen=True, slots=True)
class Etcd2Settings(settings.HttpSettings):
    """Settings of a connection to the members, and the part of the store that the address names."""

    root: str
    """The beginning of every path of the address in the store: empty, or names that each follow a slash."""


def load(address: Address, access: Access, environment: Mapping[str, str] = os.environ) -> Etcd2Settings:
    """Return the settings; the access overrides the URL, and both override etcdctl's variables.

    Raises:
        InvalidAddress: One of them is invalid.
    """
    address.only_options("timeout", "path")
    named = settings.HttpEndpoints(address.hosts, address.tls)
    if address.socket:
        named = settings.HttpEndpoints.at(address.socket)
    elif not address.hosts:
        variable = next((name for name in _ENDPOINT_VARIABLES if environment.get(name)), "")
        settings.require_no_discovery(variable, environment)
        named = settings.parse_http_endpoints(variable, environment.get(variable) or "127.0.0.1")
    files = settings.resolve_credentials(access, address, _login(environment))
    for authority, certificate, key in _FILE_VARIABLES:
        files = settings.tls_files_from_env(files, environment, ca_file=authority, cert_file=certificate, key_file=key)
    tls = address.tls or named.tls
    verify = not settings.bool_from_env(environment, "ETCDCTL_INSECURE_SKIP_TLS_VERIFY")
    if tls and not verify:
        address = settings.with_warnings(address, ["ETCDCTL_INSECURE_SKIP_TLS_VERIFY: the certificate is not verified"])
    return Etcd2Settings(
        address=replace(address, socket=named.socket),
        access=replace(files, timeout=settings.request_timeout(address, access)),
        hosts=named.with_port(_DEFAULT_PORT),
        tls=tls,
        base=settings.base_path_option(address, named.base),
        socket=named.socket,
        verify=verify,
        root=_root(address),
    )


def _root(address: Address) -> str:
    names = [name for name in address.path.split("/") if name]
    if any(name in (".", "..") for name in names):
        raise InvalidAddress(
            "the path must not have . or .. in it", hint="write the path without them", address=address.redacted
        )
    return "".join(f"/{name}" for name in names)


def _login(environment: Mapping[str, str]) -> tuple[str | None, Secret | None]:
    """Return etcdctl's user and password, also from one variable; those of API 2 override those of API 3."""
    name = environment.get("ETCDCTL_USERNAME") or environment.get("ETCDCTL_USER") or ""
    user, _, password = name.partition(":")
    password = environment.get("ETCDCTL_PASSWORD") or password
    return user or None, Secret(password) if password else None
