"""Shared URL, environment and credential parsing for network drivers."""

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from explorer.model.address import REVISION_OPTION, Access, Address, Host, Secret, parse
from explorer.model.errors import InvalidAddress
from explorer.model.keys import decode, encode

_HINT = "host:port or https://host:port"
_TRUE = ("1", "t", "true")
_FALSE = ("0", "f", "false")


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Settings of a connection."""

    address: Address
    access: Access
    hosts: tuple[Host, ...]
    """Hosts with their ports."""
    tls: bool

    @property
    def redacted(self) -> str:
        """The address for messages."""
        return replace(self.address, hosts=self.hosts, tls=self.tls).redacted


@dataclass(frozen=True, slots=True)
class HttpSettings(NetworkSettings):
    """Settings of a connection that speaks HTTP."""

    base: str = field(default="", kw_only=True)
    """Path before that of every request, such as `/consul` behind a proxy."""
    socket: Path | None = field(default=None, kw_only=True)
    """Unix socket to connect to instead of the host."""
    verify: bool = field(default=True, kw_only=True)
    """True if the server's certificate has to be trusted."""


@dataclass(frozen=True, slots=True)
class HttpEndpoints:
    """Endpoints that speak HTTP, as an environment variable names them."""

    hosts: tuple[Host, ...]
    tls: bool = False
    base: str = ""
    socket: Path | None = None

    @classmethod
    def at(cls, socket: Path) -> "HttpEndpoints":
        """Return the address of a unix socket."""
        return cls((Host(str(socket)),), socket=socket)

    def with_port(self, port: int) -> tuple[Host, ...]:
        """Return the hosts with their ports; a unix socket has none."""
        return self.hosts if self.socket else tuple(host.with_port(port) for host in self.hosts)


def revision_option(address: Address) -> int:
    """Return the revision that the URL asks to be shown; 0 for the present.

    Raises:
        InvalidAddress: It is no revision.
    """
    text = address.option(REVISION_OPTION, "")
    if REVISION_OPTION in address.options and not (text.isascii() and text.isdigit() and int(text)):
        raise InvalidAddress(
            f"{text!r} is no revision", hint="revisions are whole numbers from 1", address=address.redacted
        )
    return int(text or 0)


def separator_option(address: Address) -> str:
    """Return the separator of the names in a key.

    Raises:
        InvalidAddress: It is empty.
    """
    text = address.option("separator", "/")
    if not text:
        raise InvalidAddress("the separator cannot be empty", hint="?separator=:", address=address.redacted)
    return text


def request_timeout(address: Address, access: Access) -> float:
    """Return the seconds that one request may take.

    Raises:
        InvalidAddress: The URL has no number of seconds there.
    """
    return seconds_option(address, "timeout", access.timeout)


def seconds_option(address: Address, option: str, default: float) -> float:
    """Return the seconds of an option of the URL.

    Raises:
        InvalidAddress: It is no number of seconds.
    """
    text = address.option(option, "") or str(default)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise InvalidAddress(f"{text!r} is not a number of seconds", hint=f"?{option}=5", address=address.redacted)
    return number


def bool_option(address: Address, name: str, *, default: bool = False) -> bool:
    """Return whether an option of the URL is set: `?copy` and `?copy=true` set it.

    Raises:
        InvalidAddress: It is neither true nor false.
    """
    text = address.options.get(name, str(default)).lower()
    if text not in ("", *_TRUE, *_FALSE):
        raise InvalidAddress(f"{text!r} is neither true nor false", hint=f"?{name}=true", address=address.redacted)
    return text in ("", *_TRUE)


def resolve_credentials(
    access: Access, address: Address, login: tuple[str | None, Secret | None] = (None, None)
) -> Access:
    """Return the access with user and password from the URL, or from another login.

    A password is never sent for another user: it has to be given with this user's name, or with none.
    """
    user = access.user or address.user or login[0]
    passwords = (word for name, word in ((address.user, address.password), login) if word and name in (None, user))
    return replace(access, user=user, password=access.password or next(passwords, None))


def tls_files_from_env(
    access: Access, environment: Mapping[str, str], *, ca_file: str, cert_file: str, key_file: str
) -> Access:
    """Return the access with the TLS files that three environment variables name."""
    return replace(
        access,
        ca_file=access.ca_file or path_from_env(environment, ca_file),
        cert_file=access.cert_file or path_from_env(environment, cert_file),
        key_file=access.key_file or path_from_env(environment, key_file),
    )


def path_from_env(environment: Mapping[str, str], name: str) -> Path | None:
    """Return the path in an environment variable; None if it is not set or empty."""
    value = environment.get(name)
    return Path(value) if value else None


def require_file_path(address: Address, what: str = "file") -> None:
    """Raise unless the URL of a store in a file has a path, and no host or socket.

    Args:
        address: The address.
        what: Noun for what the path names.

    Raises:
        InvalidAddress: The URL has another form.
    """
    hint = f"write it like {address.scheme}:///path, with three slashes"
    if address.socket or address.tls or any(host.name != "localhost" for host in address.hosts):
        raise InvalidAddress("a file URL names no host", hint=hint, address=address.redacted)
    if not address.path.strip("/") or "\0" in address.path:
        raise InvalidAddress(f"the URL names no {what}", hint=hint, address=address.redacted)


def absolute_path(path: str) -> str:
    """Return the path of a file URL.

    One that begins with `./` or `../` is relative to the working directory, one with `~/` to the home folder.
    """
    first = path.partition("/")[0]
    if first == "~":
        path = os.path.expanduser(path)  # noqa: PTH111 - a text, with bytes that are not UTF-8
    elif first not in (".", ".."):
        path = f"/{path}"
    return decode(os.path.abspath(encode(path)))  # noqa: PTH100 - Path.resolve follows links


def parse_endpoints(variable: str, text: str) -> tuple[tuple[Host, ...], bool]:
    """Parse comma-separated endpoints, and return the hosts and whether one of them uses TLS.

    Raises:
        InvalidAddress: The variable has an invalid endpoint, or none.
    """
    found = parse_http_endpoints(variable, text)
    if found.base or found.socket:
        raise InvalidAddress(f"{variable}: a path or a unix socket is not supported here", hint=_HINT)
    return found.hosts, found.tls


def parse_http_endpoints(variable: str, text: str) -> HttpEndpoints:
    """Parse comma-separated endpoints that speak HTTP, which may have a path or be a unix socket.

    Raises:
        InvalidAddress: The variable has an invalid or unsupported endpoint, or none.
    """
    hosts: list[Host] = []
    bases: set[str] = set()
    tls = False
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        try:
            url = urlsplit(part if "://" in part else f"//{part}")
        except ValueError as error:
            raise InvalidAddress(f"{variable}: invalid endpoint", hint=_HINT) from error
        if url.scheme == "unix" and (url.netloc or not url.path.strip("/")):
            raise InvalidAddress(f"{variable}: a unix socket needs an absolute path", hint="unix:///path")
        if url.scheme == "unix":
            if text.strip() != part:
                raise InvalidAddress(f"{variable}: a unix socket must be the only endpoint", hint="unix:///path")
            return HttpEndpoints.at(Path(url.path))
        if url.scheme not in ("", "http", "https"):
            raise InvalidAddress(f"{variable}: unknown scheme {url.scheme}://", hint=_HINT)
        if "@" in url.netloc or url.query or url.fragment:
            raise InvalidAddress(f"{variable}: a user or a query is not supported here", hint=_HINT)
        tls = tls or url.scheme == "https"
        bases.add(url.path.rstrip("/"))
        try:
            hosts.extend(parse(f"store://{url.netloc}").hosts)
        except InvalidAddress as error:
            raise InvalidAddress(f"{variable}: {error.message}", hint=error.hint) from error
    if not hosts:
        raise InvalidAddress(f"{variable} names no endpoint", hint=_HINT)
    if len(bases) > 1:
        raise InvalidAddress(f"{variable}: all endpoints must have the same path", hint=_HINT)
    return HttpEndpoints(tuple(hosts), tls, bases.pop())


def require_no_discovery(named: str, environment: Mapping[str, str]) -> None:
    """Refuse the default endpoint where etcdctl would look its endpoints up in DNS.

    Raises:
        InvalidAddress: No variable names endpoints, and one names a domain for discovery.
    """
    if not named and environment.get("ETCDCTL_DISCOVERY_SRV"):
        raise InvalidAddress(
            "ETCDCTL_DISCOVERY_SRV is not supported: endpoints are not looked up in DNS",
            hint="name them in the URL or in ETCDCTL_ENDPOINTS",
        )


def base_path_option(address: Address, default: str = "") -> str:
    """Return the path before that of every request, from the URL's `?path=/consul` or a default.

    Raises:
        InvalidAddress: It is not a valid path.
    """
    text = address.option("path", default).rstrip("/")
    if text and not (text.startswith("/") and text.isascii() and text.isprintable() and not set(text) & set(" ?#%")):
        raise InvalidAddress(f"{text!r} is not a valid path", hint="?path=/consul", address=address.redacted)
    return text


def with_warnings(address: Address, warnings: Iterable[str]) -> Address:
    """Return the address with more warnings, such as about a variable that is not used."""
    return replace(address, warnings=(*address.warnings, *warnings))


def bool_from_env(environment: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    """Return the boolean value of a variable, as Go's tools read it (strconv.ParseBool).

    Raises:
        InvalidAddress: It is neither true nor false.
    """
    text = environment.get(name, "").lower()
    if text not in ("", *_TRUE, *_FALSE):
        raise InvalidAddress(f"{name}={text!r} is neither true nor false", hint="true or false")
    return text in _TRUE if text else default


def require_header_text(text: str, name: str) -> str:
    """Return the text if an HTTP header can hold it.

    Raises:
        InvalidAddress: It has a line break or another control character.
    """
    if not text.isprintable():
        raise InvalidAddress(f"{name} has a line break or another control character", hint="remove it")
    return text
