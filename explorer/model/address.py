"""Addresses of stores: the parsed URL, and the credentials and certificates for the connection."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, unquote_to_bytes, urlencode, urlsplit

from explorer.model.errors import InvalidAddress
from explorer.model.keys import decode, encode

_SCHEME_HINT: Final = "write it like etcd://127.0.0.1:2379/ or demo:"
REVISION_OPTION: Final = "revision"
"""Option of a URL that shows a store as it was at an earlier revision."""
_HIGHEST_PORT: Final = 65535
_MAX_SOCKET_PATH: Final = 107
"""Bytes that the kernel takes as the path of a unix socket."""
_HOST: Final = r"(?:[^/@:,\[\]]+|\[[^/@\]]*\])(?::[0-9]{1,5})?"
_WITH_REVISION: Final = re.compile(
    rf"(@[^@/]+|[^:/@]+:(?://[^/]*/.*|//{_HOST}(?:,{_HOST})*|(?!//).*))@([1-9][0-9]*)\Z", re.DOTALL
)
"""A side with a revision; behind hosts without a slash, too, since no host has a number for its name."""
_SECRET_OPTION: Final = re.compile("pass|secret|token|key", re.IGNORECASE)
"""Names of options that drivers of others may take a secret by."""
FILE_SCHEMES: Final = ("bolt", "file")
"""Schemes of stores in a file or a folder: without a slash or `~` at its start, the path is relative."""
_ENCRYPTED_SCHEMES: Final = {"rediss": "redis"}
"""Schemes that other tools use for an encrypted connection, and the ones here that have `+tls`."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Text that must not be shown: its `str` and `repr` are stars, and it cannot be pickled."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """Return the text itself, to send to the store and nowhere else."""
        return self._text

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str | tuple[object, ...]:
        message = "a secret cannot be pickled"
        raise TypeError(message)


@dataclass(frozen=True, slots=True)
class Access:
    """Credentials, certificates and the time limit of a connection.

    A driver fills what is missing from the environment variables of its store's own tools.
    """

    user: str | None = None
    password: Secret | None = None
    ca_file: Path | None = None
    """File with the CA certificates (PEM) that the store's certificate is verified against."""
    cert_file: Path | None = None
    """File with the client certificate (PEM)."""
    key_file: Path | None = None
    """File with the private key (PEM) of the client certificate."""
    server_name: str | None = None
    """Name expected in the store's certificate, if it is not the host of the address."""
    timeout: float = 5.0
    """Time limit of one request, in seconds."""


@dataclass(frozen=True, slots=True)
class Host:
    """One endpoint of a store."""

    name: str
    port: int | None = None

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port is None else f"{name}:{self.port}"

    def with_port(self, port: int) -> "Host":
        """Return the host with its own port, or with `port` if it has none."""
        return self if self.port is not None else replace(self, port=port)


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed store URL.

    `etcd://h1:2379,h2:2379/config/?separator=:`: the scheme with or without `+tls`, the hosts, the path after its
    first slash, to which all keys are relative, and the options. `etcd://host//registry/` has the path `/registry/`.
    """

    scheme: str
    hosts: tuple[Host, ...] = ()
    path: str = ""
    tls: bool = False
    user: str | None = None
    password: Secret | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    """Warnings about the URL as it was given, one line each."""
    socket: Path | None = None
    """Unix socket to connect to instead of hosts."""

    @property
    def redacted(self) -> str:
        """The URL for messages and titles: without user, password and options (compare Go's `url.Redacted`).

        A revision that is shown instead of the present is kept.
        """
        at = f"@{self.options[REVISION_OPTION]}" if REVISION_OPTION in self.options else ""
        if self.socket:
            spelled = f"{quote(str(self.socket), safe='')}/{self.path}" if self.path else self.socket
            return f"{self.scheme}+unix://{spelled}{at}"
        scheme = f"{self.scheme}+tls" if self.tls else self.scheme
        if not self.hosts and not self.path:
            return f"{scheme}:{at}"
        return f"{scheme}://{','.join(map(str, self.hosts))}/{self.path}{at}"

    @property
    def public_url(self) -> str:
        """The URL by which the store can be opened again: without user and password, with quoted path and options."""
        bare = replace(self, path=quote(encode(self.path), safe="/:@"), options={}).redacted
        options = {name: value for name, value in self.options.items() if not _SECRET_OPTION.search(name)}
        return bare + (f"?{urlencode(options)}" if options else "")

    def __str__(self) -> str:
        return self.redacted

    def option(self, name: str, default: str) -> str:
        """Return an option of the URL, or the default."""
        return self.options.get(name, default)

    def only_options(self, *known: str) -> None:
        """Raise if the URL has an option that the store does not know, so that a typing error is not ignored.

        Raises:
            InvalidAddress: There is an unknown option.
        """
        for name in self.options:
            if name not in known:
                raise InvalidAddress(
                    f"unknown option {name!r} in the URL",
                    hint=f"known here: {', '.join(known) or 'none'}",
                    address=self.redacted,
                )

    def require_no_socket(self) -> None:
        """Raise if the URL names a unix socket.

        Raises:
            InvalidAddress: The URL names one.
        """
        if self.socket:
            raise InvalidAddress(
                f"{self.scheme} does not support unix sockets",
                hint="name a host: only consul+unix://, etcd2+unix:// and redis+unix:// take a socket",
                address=self.redacted,
            )


def parse(url: str) -> Address:
    """Parse the URL of a store.

    Raises:
        InvalidAddress: The URL is malformed; the message does not repeat a password.
    """
    scheme, colon, rest = url.partition(":")
    if not colon or not scheme.replace("+", "").isalnum():
        redacted = repr(url) if "@" not in url else "the URL"
        raise InvalidAddress(f"{redacted} does not name a store", hint=_SCHEME_HINT)
    scheme, _, transport = scheme.lower().partition("+")
    if scheme in _ENCRYPTED_SCHEMES and transport in ("", "tls"):
        scheme, transport = _ENCRYPTED_SCHEMES[scheme], "tls"
    if transport not in ("", "tls", "unix"):
        raise InvalidAddress(f"unknown scheme {scheme}+{transport}", hint=f"encrypted connections are {scheme}+tls://")
    try:
        parts = urlsplit(f"store:{rest}", allow_fragments=False)
    except ValueError:  # which would repeat the URL, and a password in it
        raise InvalidAddress(f"the hosts of the {scheme} URL cannot be read", hint=_SCHEME_HINT) from None
    userinfo, _, hosts = parts.netloc.rpartition("@")
    user, has_password, password = userinfo.partition(":")
    path, socket = parts.path.removeprefix("/"), None
    if scheme in FILE_SCHEMES and path and not rest.startswith(("/", "./", "../", "~/")):
        path = f"./{path}"
    if transport == "unix":
        socket, path = _socket(scheme, hosts, parts.path)
        hosts = ""
    return Address(
        scheme=scheme,
        hosts=tuple(_host(text, secret="@" in rest) for text in hosts.split(",") if text),
        path=decode(unquote_to_bytes(encode(path))),
        tls=transport == "tls",
        user=unquote(user) or None,
        password=Secret(unquote(password)) if has_password else None,
        options=dict(parse_qsl(parts.query, keep_blank_values=True)),
        warnings=("a password in a URL ends up in shell history and process lists",) if has_password else (),
        socket=socket,
    )


def at_revision(url: str, revision: int | str | None) -> str:
    """Return the URL of a store as it was at a revision; None stands for the present."""
    bare, _, query = url.partition("?")
    options = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != REVISION_OPTION]
    if revision is not None:
        options.append((REVISION_OPTION, str(revision)))
    return f"{bare}?{urlencode(options)}" if options else bare


def split_revision(side: str) -> tuple[str, int | None]:
    """Split `URL@REVISION` or `@PROFILE@REVISION`; None without a revision. A password may have an @, too."""
    found = _WITH_REVISION.match(side)
    return (found[1], int(found[2])) if found else (side, None)


def _socket(scheme: str, quoted: str, path: str) -> tuple[Path, str]:
    """Return the unix socket and the path of a URL.

    The socket is given in the place of hosts, with %2F for /, or as the whole path.

    Raises:
        InvalidAddress: The socket is not an absolute path.
    """
    socket, path = (unquote(quoted), path.removeprefix("/")) if quoted else (unquote(path), "")
    if not socket.startswith("/") or not socket.strip("/") or not socket.isprintable():
        raise InvalidAddress(
            "a unix socket needs an absolute path",
            hint=f"{scheme}+unix:///run/it.sock, or {scheme}+unix://%2Frun%2Fit.sock/prefix/",
        )
    if len(os.fsencode(socket)) > _MAX_SOCKET_PATH:
        raise InvalidAddress("the path of the unix socket is too long", hint=f"it may have {_MAX_SOCKET_PATH} bytes")
    return Path(socket), path


def _host(text: str, *, secret: bool) -> Host:
    """Parse a host and port; with `secret`, errors do not repeat the text, which may be part of a password."""
    name, port = text, ""
    bracketed = text.startswith("[")
    if bracketed:
        name, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif ":" in text:
        name, _, port = text.rpartition(":")
    bare_ipv6 = ":" in name and not bracketed  # its last part is not a port
    if not name or bare_ipv6 or (port and not (port.isascii() and port.isdigit() and 0 < int(port) <= _HIGHEST_PORT)):
        redacted = "the part before the path" if secret else repr(text)
        quoting = "; quote signs in a password: %2F for /" if secret else ""
        raise InvalidAddress(
            f"{redacted} is not a host and port", hint=f"write host:port, [::1]:port for IPv6{quoting}"
        )
    return Host(unquote(name), int(port) if port else None)
