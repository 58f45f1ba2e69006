"""How an etcd cluster is reached: from the URL, the access given, and for the rest the variables that etcdctl reads."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from explorer.drivers.given import file_named, separator, time_limit
from explorer.model.address import Access, Address, Host, Secret, parse
from explorer.model.errors import InvalidAddress, TlsFailed
from explorer.model.keys import directory, encode

_PORT = 2379
_PEM = b"-----BEGIN "


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is known before the first contact."""

    address: Address
    access: Access
    hosts: tuple[Host, ...]
    tls: bool
    separator: str
    root: bytes
    """What stands before every key of ours in the store."""

    @property
    def shown(self) -> str:
        """The address for messages."""
        return replace(self.address, hosts=self.hosts, tls=self.tls).shown

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Read the certificates of an encrypted connection; None for a plain one.

        Raises:
            TlsFailed: A file cannot be read, or a client certificate comes without its key.
        """
        if not self.tls:
            return None
        access = self.access
        if (access.certificate is None) != (access.private_key is None):
            raise TlsFailed("a client certificate and its key belong together", hint="name both", address=self.shown)
        return grpc.ssl_channel_credentials(
            root_certificates=self._file(access.authority),
            private_key=self._file(access.private_key),
            certificate_chain=self._file(access.certificate),
        )

    def _file(self, path: Path | None) -> bytes | None:
        if path is None:
            return None
        try:
            content = path.read_bytes()
        except OSError as error:
            raise TlsFailed(
                f"cannot read {path}: {error.strerror}", hint="name a readable PEM file", address=self.shown
            ) from error
        if _PEM not in content:  # gRPC would say no more than that a handshake failed
            raise TlsFailed(f"{path} is no PEM file", hint="it has lines like -----BEGIN", address=self.shown)
        return content

    def channel_options(self, options: Iterable[tuple[str, int]]) -> list[tuple[str, int | str]]:
        """Complete the options of a connection with the name to expect in the certificate."""
        named: list[tuple[str, int | str]] = list(options)
        if self.tls and self.access.server_name:
            named.append(("grpc.ssl_target_name_override", self.access.server_name))
        return named


def gather(address: Address, access: Access, environment: Mapping[str, str] = os.environ) -> Settings:
    """Bring together the URL, the access and etcdctl's variables; what is said nearer to the call counts more.

    Raises:
        InvalidAddress: One of them cannot be understood.
    """
    address.only_options("separator", "timeout")
    hosts, tls = address.hosts, address.tls
    if not hosts:
        hosts, tls = _endpoints(environment.get("ETCDCTL_ENDPOINTS") or f"127.0.0.1:{_PORT}", address)
    user = access.user or address.user or _login(environment)[0]
    divider = separator(address)
    return Settings(
        address=address,
        access=replace(
            access,
            user=user,
            password=access.password or _password_of(user, address, environment),
            authority=access.authority or file_named(environment, "ETCDCTL_CACERT"),
            certificate=access.certificate or file_named(environment, "ETCDCTL_CERT"),
            private_key=access.private_key or file_named(environment, "ETCDCTL_KEY"),
            timeout=time_limit(address, access),
        ),
        hosts=tuple(host.with_port(_PORT) for host in hosts),
        tls=tls,
        separator=divider,
        root=encode(directory(address.path, divider)),
    )


def _login(environment: Mapping[str, str]) -> tuple[str | None, Secret | None]:
    """Read etcdctl's user and password; as there, an empty variable is one that is not set."""
    user, password = environment.get("ETCDCTL_USER", ""), environment.get("ETCDCTL_PASSWORD", "")
    if not password:
        user, _, password = user.partition(":")
    return user or None, Secret(password) if password else None


def _password_of(user: str | None, address: Address, environment: Mapping[str, str]) -> Secret | None:
    """Give the password that stands beside this user's name or beside none; it is never sent for another user."""
    for name, password in ((address.user, address.password), _login(environment)):
        if password is not None and name in (None, user):
            return password
    return None


def _endpoints(text: str, address: Address) -> tuple[tuple[Host, ...], bool]:
    hosts: list[Host] = []
    tls = address.tls
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        try:
            url = urlsplit(part if "://" in part else f"//{part}")
        except ValueError as error:
            raise InvalidAddress("ETCDCTL_ENDPOINTS cannot be read", hint="host:port or https://host:port") from error
        if url.scheme not in ("", "http", "https"):
            raise InvalidAddress(
                f"ETCDCTL_ENDPOINTS: {url.scheme}:// is not known", hint="host:port or https://host:port"
            )
        tls = tls or url.scheme == "https"
        hosts.extend(parse(f"etcd://{url.netloc}").hosts)
    if not hosts:
        raise InvalidAddress("ETCDCTL_ENDPOINTS names no endpoint", hint="host:port,host:port")
    return tuple(hosts), tls
