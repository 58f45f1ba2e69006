"""How Consul's agents are reached: from the URL, the access given, and for the rest Consul's own variables.

A datacenter, namespace or partition comes from the URL (`?dc=`, `?ns=`, `?partition=`) or from CONSUL_NAMESPACE and
CONSUL_PARTITION, and is passed through; only Consul Enterprise knows the last two.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from explorer.drivers import given
from explorer.model.address import Access, Address, Secret
from explorer.model.errors import InvalidAddress
from explorer.model.keys import directory

_PORT = 8500
_TLS_PORT = 8501
_SCOPES: Mapping[str, str] = MappingProxyType({"dc": "", "ns": "CONSUL_NAMESPACE", "partition": "CONSUL_PARTITION"})
_TRUE = ("1", "t", "true")


@dataclass(frozen=True, slots=True)
class Settings(given.Settings):
    """How the agents are reached, and which keys are meant."""

    separator: str
    root: str
    """What stands before every key of ours in the store."""
    scope: Mapping[str, str]
    """What every request names besides: datacenter, namespace, partition."""


def gather(address: Address, access: Access, environment: Mapping[str, str] = os.environ) -> Settings:
    """Bring together the URL, the access and Consul's variables; what is said nearer to the call counts more.

    Raises:
        InvalidAddress: One of them cannot be understood.
    """
    address.only_options("separator", "timeout", *_SCOPES)
    if user := access.user or address.user:
        raise InvalidAddress(
            f"Consul knows no users, so {user!r} cannot be one",
            hint="give the token as the password, or in CONSUL_HTTP_TOKEN",
            address=address.shown,
        )
    hosts, tls = address.hosts, address.tls
    if not hosts:
        hosts, encrypted = given.endpoints("CONSUL_HTTP_ADDR", environment.get("CONSUL_HTTP_ADDR") or "127.0.0.1")
        tls = tls or encrypted or environment.get("CONSUL_HTTP_SSL", "").lower() in _TRUE
    divider = given.separator(address)
    token = environment.get("CONSUL_HTTP_TOKEN")
    return Settings(
        address=address,
        access=replace(
            given.files(
                access,
                environment,
                authority="CONSUL_CACERT",
                certificate="CONSUL_CLIENT_CERT",
                key="CONSUL_CLIENT_KEY",
            ),
            password=access.password or address.password or (Secret(token) if token else None),
            server_name=access.server_name or environment.get("CONSUL_TLS_SERVER_NAME") or None,
            timeout=given.time_limit(address, access),
        ),
        hosts=tuple(host.with_port(_TLS_PORT if tls else _PORT) for host in hosts),
        tls=tls,
        separator=divider,
        root=directory(address.path, divider),
        scope={
            name: value
            for name, variable in _SCOPES.items()
            if (value := address.option(name, environment.get(variable, "")))
        },
    )
