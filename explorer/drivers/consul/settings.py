"""Settings for Consul, from the URL, the access and the variables of the consul command.

All variables that the consul command reads are used, with its precedence: a token file comes before a token. The
datacenter, namespace and partition come from the URL (`?dc=`, `?ns=`, `?partition=`) or from CONSUL_NAMESPACE and
CONSUL_PARTITION and are passed on; only Consul Enterprise knows the last two.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from explorer.drivers.common import settings
from explorer.model.address import Access, Address, Secret
from explorer.model.errors import InvalidAddress
from explorer.model.keys import directory

_PORT: Final = 8500
_TLS_PORT: Final = 8501
_SCOPE_VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {"dc": "", "ns": "CONSUL_NAMESPACE", "partition": "CONSUL_PARTITION"}
)


@dataclass(frozen=True, slots=True)
class ConsulSettings(settings.HttpSettings):
    """Addresses of the agents, credentials, TLS files and key space."""

    separator: str
    root: str
    """Prefix of all keys in the store."""
    scope: Mapping[str, str]
    """Query parameters of every request: datacenter, namespace, partition."""
    login: Secret | None
    """User and password for a proxy before the agents, separated by a colon."""


def load(address: Address, access: Access, environment: Mapping[str, str] = os.environ) -> ConsulSettings:
    """Return the settings from the access, the URL and Consul's variables, in this order of precedence.

    Raises:
        InvalidAddress: One of them is invalid.
    """
    address.only_options("separator", "timeout", "path", *_SCOPE_VARIABLES)
    if user := access.user or address.user:
        raise InvalidAddress(
            f"Consul has no users: {user!r}",
            hint="give the token as the password, or in CONSUL_HTTP_TOKEN; the user for a proxy in CONSUL_HTTP_AUTH",
            address=address.redacted,
        )
    web = settings.HttpEndpoints(address.hosts, address.tls)
    if address.socket:
        web = settings.HttpEndpoints.at(address.socket)
    elif not address.hosts:
        web = settings.parse_http_endpoints("CONSUL_HTTP_ADDR", environment.get("CONSUL_HTTP_ADDR") or "127.0.0.1")
    has_own_address = bool(address.hosts or web.socket)
    use_tls = address.tls or web.tls or (not has_own_address and settings.bool_from_env(environment, "CONSUL_HTTP_SSL"))
    tls = use_tls and web.socket is None
    verify = settings.bool_from_env(environment, "CONSUL_HTTP_SSL_VERIFY", default=True)
    if tls and not verify:
        address = settings.with_warnings(address, ["CONSUL_HTTP_SSL_VERIFY: the certificate is not verified"])
    separator = settings.separator_option(address)
    files = settings.tls_files_from_env(
        access, environment, ca_file="CONSUL_CACERT", cert_file="CONSUL_CLIENT_CERT", key_file="CONSUL_CLIENT_KEY"
    )
    login = environment.get("CONSUL_HTTP_AUTH")
    token = access.password or address.password or _token(environment)
    if token:
        settings.require_header_text(token.reveal(), "the token")
    return ConsulSettings(
        address=replace(address, socket=web.socket),
        access=replace(
            files,
            ca_file=files.ca_file or settings.path_from_env(environment, "CONSUL_CAPATH"),
            password=token,
            server_name=access.server_name or environment.get("CONSUL_TLS_SERVER_NAME") or None,
            timeout=settings.request_timeout(address, access),
        ),
        hosts=web.with_port(_TLS_PORT if tls else _PORT),
        tls=tls,
        base=settings.base_path_option(address, web.base),
        socket=web.socket,
        verify=verify,
        separator=separator,
        root=directory(address.path, separator),
        scope={
            name: value
            for name, variable in _SCOPE_VARIABLES.items()
            if (value := address.option(name, environment.get(variable, "")))
        },
        login=Secret(settings.require_header_text(login, "CONSUL_HTTP_AUTH")) if login else None,
    )


def _token(environment: Mapping[str, str]) -> Secret | None:
    """Return the token as the consul command reads it: a token file that is not empty comes before the variable."""
    token = environment.get("CONSUL_HTTP_TOKEN")
    file = settings.path_from_env(environment, "CONSUL_HTTP_TOKEN_FILE")
    if file is not None:
        try:
            token = file.read_text().strip() or token
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text file"
            raise InvalidAddress(
                f"CONSUL_HTTP_TOKEN_FILE: cannot read {file}: {reason}",
                hint="give a readable file that contains the token",
            ) from error
        if not token:
            raise InvalidAddress(
                f"CONSUL_HTTP_TOKEN_FILE: {file} is empty", hint="write the token into it, or unset the variable"
            )
    return Secret(token) if token else None
