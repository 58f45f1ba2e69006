"""How Consul's agents are reached: from the URL, the access given, and for the rest Consul's own variables.

All that the consul command reads are used, in its order: a token's file counts more than a token. A datacenter,
namespace or partition comes from the URL (`?dc=`, `?ns=`, `?partition=`) or from CONSUL_NAMESPACE and CONSUL_PARTITION,
and is passed through; only Consul Enterprise knows the last two.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from explorer.drivers.common import settings
from explorer.model.address import Access, Address, Secret
from explorer.model.errors import InvalidAddress
from explorer.model.keys import directory

_PORT = 8500
_TLS_PORT = 8501
_SCOPES: Mapping[str, str] = MappingProxyType({"dc": "", "ns": "CONSUL_NAMESPACE", "partition": "CONSUL_PARTITION"})


@dataclass(frozen=True, slots=True)
class ConsulSettings(settings.HttpSettings):
    """How the agents are reached, and which keys are meant."""

    separator: str
    root: str
    """What stands before every key of ours in the store."""
    scope: Mapping[str, str]
    """What every request names besides: datacenter, namespace, partition."""
    login: Secret | None
    """User and password of a proxy before the agents, with a colon between."""


def load(address: Address, access: Access, environment: Mapping[str, str] = os.environ) -> ConsulSettings:
    """Bring together the URL, the access and Consul's variables; what is said nearer to the call counts more.

    Raises:
        InvalidAddress: One of them cannot be understood.
    """
    address.only_options("separator", "timeout", "path", *_SCOPES)
    if user := access.user or address.user:
        raise InvalidAddress(
            f"Consul knows no users, so {user!r} cannot be one",
            hint="give the token as the password, or in CONSUL_HTTP_TOKEN; a proxy's user in CONSUL_HTTP_AUTH",
            address=address.redacted,
        )
    named = settings.WebAddress(address.hosts, address.tls)
    if address.socket:
        named = settings.WebAddress.at(address.socket)
    elif not address.hosts:
        named = settings.web_address("CONSUL_HTTP_ADDR", environment.get("CONSUL_HTTP_ADDR") or "127.0.0.1")
    is_elsewhere = bool(address.hosts or named.socket)
    encrypted = address.tls or named.tls or (not is_elsewhere and settings.is_true(environment, "CONSUL_HTTP_SSL"))
    tls = encrypted and named.socket is None
    verify = settings.is_true(environment, "CONSUL_HTTP_SSL_VERIFY", default=True)
    if tls and not verify:
        address = settings.warned(address, ["CONSUL_HTTP_SSL_VERIFY: the certificate is not verified"])
    divider = settings.separator(address)
    files = settings.tls_files_from_env(
        access, environment, authority="CONSUL_CACERT", certificate="CONSUL_CLIENT_CERT", key="CONSUL_CLIENT_KEY"
    )
    login = environment.get("CONSUL_HTTP_AUTH")
    token = access.password or address.password or _token(environment)
    if token:
        settings.header_text(token.reveal(), "the token")
    return ConsulSettings(
        address=replace(address, socket=named.socket),
        access=replace(
            files,
            ca_file=files.ca_file or settings.path_from_env(environment, "CONSUL_CAPATH"),
            password=token,
            server_name=access.server_name or environment.get("CONSUL_TLS_SERVER_NAME") or None,
            timeout=settings.request_timeout(address, access),
        ),
        hosts=named.with_port(_TLS_PORT if tls else _PORT),
        tls=tls,
        base=settings.base_path(address, named.base),
        socket=named.socket,
        verify=verify,
        separator=divider,
        root=directory(address.path, divider),
        scope={
            name: value
            for name, variable in _SCOPES.items()
            if (value := address.option(name, environment.get(variable, "")))
        },
        login=Secret(settings.header_text(login, "CONSUL_HTTP_AUTH")) if login else None,
    )


def _token(environment: Mapping[str, str]) -> Secret | None:
    """Read the token as the consul command does: from its file, if one is named that is not empty."""
    token = environment.get("CONSUL_HTTP_TOKEN")
    file = settings.path_from_env(environment, "CONSUL_HTTP_TOKEN_FILE")
    if file is not None:
        try:
            token = file.read_text().strip() or token
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise InvalidAddress(
                f"CONSUL_HTTP_TOKEN_FILE: cannot read {file}: {reason}",
                hint="name a readable file with the token in it",
            ) from error
        if not token:
            raise InvalidAddress(
                f"CONSUL_HTTP_TOKEN_FILE: {file} is empty", hint="write the token into it, or unset the variable"
            )
    return Secret(token) if token else None
