"""How an etcd cluster is reached: from the URL, the access given, and for the rest the variables that etcdctl reads."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from explorer.model.address import Access, Address, Host, Secret, parse
from explorer.model.errors import InvalidAddress, TlsFailed
from explorer.model.keys import directory, encode

_PORT = 2379


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
            return path.read_bytes()
        except OSError as error:
            raise TlsFailed(
                f"cannot read {path}: {error.strerror}", hint="name a readable PEM file", address=self.shown
            ) from error

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
        hosts, tls = _endpoints(environment.get("ETCDCTL_ENDPOINTS", f"127.0.0.1:{_PORT}"), address)
    user, _, password = environment.get("ETCDCTL_USER", "").partition(":")
    password = environment.get("ETCDCTL_PASSWORD", password)
    secret = Secret(password) if password else None
    given = access.user or address.user
    separator = address.option("separator", "/")
    if not separator:
        raise InvalidAddress("the separator cannot be empty", hint="?separator=:", address=address.shown)
    return Settings(
        address=address,
        access=replace(
            access,
            user=given or user or None,
            password=access.password or address.password or (secret if given in (None, user) else None),
            authority=access.authority or _path(environment, "ETCDCTL_CACERT"),
            certificate=access.certificate or _path(environment, "ETCDCTL_CERT"),
            private_key=access.private_key or _path(environment, "ETCDCTL_KEY"),
            timeout=_seconds(address, access),
        ),
        hosts=tuple(host.with_port(_PORT) for host in hosts),
        tls=tls,
        separator=separator,
        root=encode(directory(address.path, separator)),
    )


def _endpoints(text: str, address: Address) -> tuple[tuple[Host, ...], bool]:
    hosts: list[Host] = []
    tls = address.tls
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        url = urlsplit(part if "://" in part else f"//{part}")
        if url.scheme not in ("", "http", "https"):
            raise InvalidAddress(
                f"ETCDCTL_ENDPOINTS: {url.scheme}:// is not known", hint="host:port or https://host:port"
            )
        tls = tls or url.scheme == "https"
        hosts.extend(parse(f"etcd://{url.netloc}").hosts)
    if not hosts:
        raise InvalidAddress("ETCDCTL_ENDPOINTS names no endpoint", hint="host:port,host:port")
    return tuple(hosts), tls


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    value = environment.get(name)
    return Path(value) if value else None


def _seconds(address: Address, access: Access) -> float:
    text = address.option("timeout", "")
    try:
        seconds = float(text) if text else access.timeout
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise InvalidAddress(f"{text!r} is not a number of seconds", hint="?timeout=5", address=address.shown)
    return seconds
