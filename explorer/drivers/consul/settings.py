"""How Consul's agents are reached: from the URL, the access given, and for the rest Consul's own variables.

A datacenter, namespace or partition comes from the URL (`?dc=`, `?ns=`, `?partition=`) or from CONSUL_NAMESPACE and
CONSUL_PARTITION, and is passed through; only Consul Enterprise knows the last two.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import urlsplit

from explorer.drivers.given import file_named, separator, time_limit
from explorer.model.address import Access, Address, Host, Secret, parse
from explorer.model.errors import InvalidAddress
from explorer.model.keys import directory

_PORT = 8500
_TLS_PORT = 8501
_SCOPES: Mapping[str, str] = MappingProxyType({"dc": "", "ns": "CONSUL_NAMESPACE", "partition": "CONSUL_PARTITION"})
_TRUE = ("1", "t", "true")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is known before the first contact."""

    address: Address
    access: Access
    hosts: tuple[Host, ...]
    tls: bool
    separator: str
    root: str
    """What stands before every key of ours in the store."""
    scope: Mapping[str, str]
    """What every request names besides: datacenter, namespace, partition."""

    @property
    def shown(self) -> str:
        """The address for messages."""
        return replace(self.address, hosts=self.hosts, tls=self.tls).shown


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
        hosts, tls = _agent(environment, address)
    divider = separator(address)
    token = environment.get("CONSUL_HTTP_TOKEN")
    return Settings(
        address=address,
        access=replace(
            access,
            password=access.password or address.password or (Secret(token) if token else None),
            authority=access.authority or file_named(environment, "CONSUL_CACERT"),
            certificate=access.certificate or file_named(environment, "CONSUL_CLIENT_CERT"),
            private_key=access.private_key or file_named(environment, "CONSUL_CLIENT_KEY"),
            server_name=access.server_name or environment.get("CONSUL_TLS_SERVER_NAME") or None,
            timeout=time_limit(address, access),
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


def _agent(environment: Mapping[str, str], address: Address) -> tuple[tuple[Host, ...], bool]:
    """Read where Consul's own tools would go; they know one agent."""
    text = environment.get("CONSUL_HTTP_ADDR") or "127.0.0.1"
    tls = address.tls or environment.get("CONSUL_HTTP_SSL", "").lower() in _TRUE
    try:
        url = urlsplit(text if "://" in text else f"//{text}")
    except ValueError as error:
        raise InvalidAddress("CONSUL_HTTP_ADDR cannot be read", hint="host:port or https://host:port") from error
    if url.scheme not in ("", "http", "https"):
        raise InvalidAddress(f"CONSUL_HTTP_ADDR: {url.scheme}:// is not known", hint="host:port or https://host:port")
    hosts = parse(f"consul://{url.netloc}").hosts
    if not hosts:
        raise InvalidAddress("CONSUL_HTTP_ADDR names no agent", hint="host:port or https://host:port")
    return hosts, tls or url.scheme == "https"
