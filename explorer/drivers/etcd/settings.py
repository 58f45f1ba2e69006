"""Connection settings from the URL, the access and etcdctl's variables."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import grpc

from explorer.drivers.common import settings
from explorer.drivers.common.tls import require_cert_and_key
from explorer.model.address import REVISION_OPTION, Access, Address, Secret
from explorer.model.errors import TlsFailed
from explorer.model.keys import directory, encode

_DEFAULT_PORT = 2379
_PEM_HEADER = b"-----BEGIN "


@dataclass(frozen=True, slots=True)
class EtcdSettings(settings.NetworkSettings):
    """Settings of a connection to a cluster, and the part of the store that the address names."""

    separator: str
    root: bytes
    """The beginning of every key of the address in the store."""
    revision: int = 0
    """Revision that is shown; 0 for the present."""

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Return the TLS credentials with the certificates read; None for a connection without TLS.

        Raises:
            TlsFailed: A file cannot be read, or a client certificate comes without its key.
        """
        if not self.tls:
            return None
        access = self.access
        require_cert_and_key(access)
        return grpc.ssl_channel_credentials(
            root_certificates=self._read_pem(access.ca_file),
            private_key=self._read_pem(access.key_file),
            certificate_chain=self._read_pem(access.cert_file),
        )

    def _read_pem(self, path: Path | None) -> bytes | None:
        if path is None:
            return None
        try:
            content = path.read_bytes()
        except OSError as error:
            raise TlsFailed(f"cannot read {path}: {error.strerror}", hint="name a readable PEM file") from error
        if _PEM_HEADER not in content:  # gRPC would only report that a handshake failed
            raise TlsFailed(f"{path} is no PEM file", hint="a PEM file has lines like -----BEGIN")
        return content

    def channel_options(self, options: Iterable[tuple[str, int]]) -> list[tuple[str, int | str]]:
        """Return the channel options with the server name to expect in the certificate."""
        complete: list[tuple[str, int | str]] = list(options)
        if self.tls and self.access.server_name:
            complete.append(("grpc.ssl_target_name_override", self.access.server_name))
        return complete


def load(address: Address, access: Access, environment: Mapping[str, str] = os.environ) -> EtcdSettings:
    """Return the settings; the access overrides the URL, and both override etcdctl's variables.

    Raises:
        InvalidAddress: One of them is invalid.
    """
    address.only_options("separator", "timeout", REVISION_OPTION)
    address.require_no_socket()
    hosts, tls = address.hosts, address.tls
    if not hosts:
        listed = environment.get("ETCDCTL_ENDPOINTS") or ""
        settings.require_no_discovery(listed, environment)
        hosts, has_tls = settings.parse_endpoints("ETCDCTL_ENDPOINTS", listed or "127.0.0.1")
        tls = tls or has_tls
    if tls and settings.bool_from_env(environment, "ETCDCTL_INSECURE_SKIP_TLS_VERIFY"):
        address = settings.with_warnings(
            address, ["ETCDCTL_INSECURE_SKIP_TLS_VERIFY is ignored: gRPC verifies every certificate (--cacert)"]
        )
    access = settings.resolve_credentials(access, address, _login(environment))
    separator = settings.separator_option(address)
    return EtcdSettings(
        address=address,
        access=replace(
            settings.tls_files_from_env(
                access, environment, ca_file="ETCDCTL_CACERT", cert_file="ETCDCTL_CERT", key_file="ETCDCTL_KEY"
            ),
            timeout=settings.request_timeout(address, access),
        ),
        hosts=tuple(host.with_port(_DEFAULT_PORT) for host in hosts),
        tls=tls,
        separator=separator,
        root=encode(directory(address.path, separator)),
        revision=settings.revision_option(address),
    )


def _login(environment: Mapping[str, str]) -> tuple[str | None, Secret | None]:
    """Return etcdctl's user and password; as there, an empty variable counts as unset."""
    user, password = environment.get("ETCDCTL_USER", ""), environment.get("ETCDCTL_PASSWORD", "")
    if not password:
        user, _, password = user.partition(":")
    return user or None, Secret(password) if password else None
