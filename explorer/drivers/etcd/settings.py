"""How an etcd cluster is reached: from the URL, the access given, and for the rest the variables that etcdctl reads."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import grpc

from explorer.drivers.common import settings
from explorer.drivers.common.tls import paired
from explorer.model.address import Access, Address, Secret
from explorer.model.errors import TlsFailed
from explorer.model.keys import directory, encode

_PORT = 2379
_PEM = b"-----BEGIN "


@dataclass(frozen=True, slots=True)
class Settings(settings.Settings):
    """How a cluster is reached, and which part of it is meant."""

    separator: str
    root: bytes
    """What stands before every key of ours in the store."""

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Read the certificates of an encrypted connection; None for a plain one.

        Raises:
            TlsFailed: A file cannot be read, or a client certificate comes without its key.
        """
        if not self.tls:
            return None
        access = self.access
        paired(access, self.shown)
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
    address.require_no_socket()
    hosts, tls = address.hosts, address.tls
    if not hosts:
        named = environment.get("ETCDCTL_ENDPOINTS") or ""
        settings.require_no_discovery(named, environment)
        hosts, encrypted = settings.endpoints("ETCDCTL_ENDPOINTS", named or "127.0.0.1")
        tls = tls or encrypted
    if tls and settings.is_true(environment, "ETCDCTL_INSECURE_SKIP_TLS_VERIFY"):
        address = settings.warned(
            address, ["ETCDCTL_INSECURE_SKIP_TLS_VERIFY is not used: gRPC verifies every certificate (--cacert)"]
        )
    access = settings.credentials(access, address, _login(environment))
    divider = settings.separator(address)
    return Settings(
        address=address,
        access=replace(
            settings.files(
                access, environment, authority="ETCDCTL_CACERT", certificate="ETCDCTL_CERT", key="ETCDCTL_KEY"
            ),
            timeout=settings.time_limit(address, access),
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
