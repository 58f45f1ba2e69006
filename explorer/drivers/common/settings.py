"""What all network drivers take from a URL and from variables in the same way."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from explorer.model.address import Access, Address, Host, Secret, parse
from explorer.model.errors import InvalidAddress

_HINT = "host:port or https://host:port"
_TRUE = ("1", "t", "true")
_FALSE = ("0", "f", "false")


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Everything that is known before the first contact."""

    address: Address
    access: Access
    hosts: tuple[Host, ...]
    """Each with its port."""
    tls: bool

    @property
    def redacted(self) -> str:
        """The address for messages."""
        return replace(self.address, hosts=self.hosts, tls=self.tls).redacted


@dataclass(frozen=True, slots=True)
class HttpSettings(NetworkSettings):
    """What is known besides where HTTP is spoken."""

    base: str = field(default="", kw_only=True)
    """The path that stands before that of every request, such as `/consul` behind a proxy."""
    socket: Path | None = field(default=None, kw_only=True)
    """A unix socket to connect to instead of the host."""
    verify: bool = field(default=True, kw_only=True)
    """Whether the store's certificate has to be trusted."""


@dataclass(frozen=True, slots=True)
class WebAddress:
    """Where a variable says that HTTP is spoken."""

    hosts: tuple[Host, ...]
    tls: bool = False
    base: str = ""
    socket: Path | None = None

    @classmethod
    def at(cls, socket: Path) -> "WebAddress":
        """Return that of a unix socket."""
        return cls((Host(str(socket)),), socket=socket)

    def with_port(self, port: int) -> tuple[Host, ...]:
        """Return the hosts, each with a port; a unix socket has none."""
        return self.hosts if self.socket else tuple(host.with_port(port) for host in self.hosts)


def separator(address: Address) -> str:
    """Give the separator of the names in a key.

    Raises:
        InvalidAddress: It is empty.
    """
    text = address.option("separator", "/")
    if not text:
        raise InvalidAddress("the separator cannot be empty", hint="?separator=:", address=address.redacted)
    return text


def request_timeout(address: Address, access: Access) -> float:
    """Give the seconds that one request may take.

    Raises:
        InvalidAddress: The URL says something else than a number of seconds.
    """
    return seconds(address, "timeout", access.timeout)


def seconds(address: Address, option: str, default: float) -> float:
    """Give a number of seconds that the URL may name.

    Raises:
        InvalidAddress: It says something else.
    """
    text = address.option(option, "") or str(default)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise InvalidAddress(f"{text!r} is not a number of seconds", hint=f"?{option}=5", address=address.redacted)
    return number


def resolve_credentials(
    access: Access, address: Address, login: tuple[str | None, Secret | None] = (None, None)
) -> Access:
    """Complete who we are by what the URL and a login from elsewhere say.

    A password is never sent for another user: it has to stand beside this user's name, or beside none.
    """
    user = access.user or address.user or login[0]
    beside = (word for name, word in ((address.user, address.password), login) if word and name in (None, user))
    return replace(access, user=user, password=access.password or next(beside, None))


def tls_files_from_env(
    access: Access, environment: Mapping[str, str], *, authority: str, certificate: str, key: str
) -> Access:
    """Complete the files of an encrypted connection by those that three variables name."""
    return replace(
        access,
        ca_file=access.ca_file or path_from_env(environment, authority),
        cert_file=access.cert_file or path_from_env(environment, certificate),
        key_file=access.key_file or path_from_env(environment, key),
    )


def path_from_env(environment: Mapping[str, str], name: str) -> Path | None:
    """Give the file that a variable names; an empty variable is one that is not set."""
    value = environment.get(name)
    return Path(value) if value else None


def endpoints(variable: str, text: str) -> tuple[tuple[Host, ...], bool]:
    """Read the endpoints that a variable names, separated by commas, and whether one of them is encrypted.

    Raises:
        InvalidAddress: It cannot be read, or names none.
    """
    found = web_address(variable, text)
    if found.base or found.socket:
        raise InvalidAddress(f"{variable}: neither a path nor a unix socket is possible here", hint=_HINT)
    return found.hosts, found.tls


def web_address(variable: str, text: str) -> WebAddress:
    """Read likewise endpoints that speak HTTP: they may have a path, or be a unix socket.

    Raises:
        InvalidAddress: It cannot be read, names none, or says more than can be used.
    """
    hosts: list[Host] = []
    bases: set[str] = set()
    tls = False
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        try:
            url = urlsplit(part if "://" in part else f"//{part}")
        except ValueError as error:
            raise InvalidAddress(f"{variable} cannot be read", hint=_HINT) from error
        if url.scheme == "unix" and (url.netloc or not url.path.strip("/")):
            raise InvalidAddress(f"{variable}: a unix socket needs an absolute path", hint="unix:///path")
        if url.scheme == "unix":
            if text.strip() != part:
                raise InvalidAddress(f"{variable}: a unix socket stands alone", hint="unix:///path")
            return WebAddress.at(Path(url.path))
        if url.scheme not in ("", "http", "https"):
            raise InvalidAddress(f"{variable}: {url.scheme}:// is not known", hint=_HINT)
        if "@" in url.netloc or url.query or url.fragment:
            raise InvalidAddress(f"{variable}: no user and no query is used there", hint=_HINT)
        tls = tls or url.scheme == "https"
        bases.add(url.path.rstrip("/"))
        try:
            hosts.extend(parse(f"store://{url.netloc}").hosts)
        except InvalidAddress as error:
            raise InvalidAddress(f"{variable}: {error.message}", hint=error.hint) from error
    if not hosts:
        raise InvalidAddress(f"{variable} names no endpoint", hint=_HINT)
    if len(bases) > 1:
        raise InvalidAddress(f"{variable}: all endpoints have the same path", hint=_HINT)
    return WebAddress(tuple(hosts), tls, bases.pop())


def require_no_discovery(named: str, environment: Mapping[str, str]) -> None:
    """Refuse to speak to this machine where etcdctl would look its endpoints up in DNS.

    Raises:
        InvalidAddress: No variable names endpoints, and one names a domain to find them by.
    """
    if not named and environment.get("ETCDCTL_DISCOVERY_SRV"):
        raise InvalidAddress(
            "ETCDCTL_DISCOVERY_SRV is not used: endpoints are not looked up in DNS",
            hint="name them in the URL or in ETCDCTL_ENDPOINTS",
        )


def base_path(address: Address, otherwise: str = "") -> str:
    """Return the path before that of every request, which the URL may name as `?path=/consul`.

    Raises:
        InvalidAddress: It is no path.
    """
    text = address.option("path", otherwise).rstrip("/")
    if text and not (text.startswith("/") and text.isascii() and text.isprintable() and not set(text) & set(" ?#%")):
        raise InvalidAddress(f"{text!r} is no path", hint="?path=/consul", address=address.redacted)
    return text


def warned(address: Address, warnings: Iterable[str]) -> Address:
    """Return the address with more that the person should know, such as a variable that is not used."""
    return replace(address, warnings=(*address.warnings, *warnings))


def is_true(environment: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    """Return what a variable says as Go's tools read it (strconv.ParseBool).

    Raises:
        InvalidAddress: It says neither yes nor no.
    """
    text = environment.get(name, "").lower()
    if text not in ("", *_TRUE, *_FALSE):
        raise InvalidAddress(f"{name}={text!r} is neither true nor false", hint="true or false")
    return text in _TRUE if text else default


def header_text(text: str, name: str) -> str:
    """Return text that goes into an HTTP header.

    Raises:
        InvalidAddress: It has a line break or another control character, which no header can hold.
    """
    if not text.isprintable():
        raise InvalidAddress(f"{name} has a line break or another control character", hint="write it without")
    return text
