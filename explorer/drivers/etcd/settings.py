"""How an etcd cluster is reached: from the URL, the access given, and for the rest the variables that etcdctl reads."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import grpc

from explorer.drivers.common import settings
from explorer.drivers.common.tls import require_cert_and_key
from explorer.model.address import Access, Address, Secret
from explorer.model.errors import TlsFailed
from explorer.model.keys import directory, encode

_PORT = 2379
_PEM = b"-----BEGIN "


@dataclass(frozen=True, slots=True)
class EtcdSettings(settings.NetworkSettings):
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
        require_cert_and_key(access, self.redacted)
        return grpc.ssl_channel_credentials(
            root_certificates=self._file(access.ca_file),
            private_key=self._file(access.key_file),
            certificate_chain=self._file(access.cert_file),
        )

    def _file(self, path: Path | None) -> bytes | None:
        if path is None:
            return None
        try:
            content = path.read_bytes()
        except OSError as error:
            raise TlsFailed(
                f"cannot read {path}: {error.strerror}", hint="name a readable PEM file", address=self.redacted
            ) from error
        if _PEM not in content:  # gRPC would say no more than that a handshake failed
            raise TlsFailed(f"{path} is no PEM file", hint="it has lines like -----BEGIN", address=self.redacted)
        return content

    def channel_options(self, options: Iterable[tuple[str, int]]) -> list[tuple[str, int | str]]:
        """Complete the options of a connection with the name to expect in the certificate."""
        named: list[tuple[str, int | str]] = list(options)
        if self.tls and self.access.server_name:
            named.append(("grpc.ssl_target_name_override", self.access.server_name))
        return named


def load(address: Address, access: Access, environment: Mapping[str, str] = os.environ) -> EtcdSettings:
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
    access = settings.resolve_credentials(access, address, _login(environment))
    divider = settings.separator(address)
    return EtcdSettings(
        address=address,
        access=replace(
            settings.tls_files_from_env(
                access, environment, authority="ETCDCTL_CACERT", certificate="ETCDCTL_CERT", key="ETCDCTL_KEY"
            ),
            timeout=settings.request_timeout(address, access),
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
