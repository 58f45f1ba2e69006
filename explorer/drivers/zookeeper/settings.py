"""Settings for ZooKeeper, from the URL and the access; ZooKeeper's own tools read no variables.

`zk://h1,h2/config`: all keys are below the path (ZooKeeper's tools call it a chroot). Options: the session timeout in
seconds (`?session=10`), the port of the AdminServer (`?admin=8080`), and `?sasl=DIGEST-MD5` or `?sasl=GSSAPI` for
SASL; without it, a user and password are sent by the digest scheme.
"""

from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Final

from explorer.drivers.common import settings
from explorer.drivers.zookeeper.acl import ANYONE, Identity, digest_identity
from explorer.drivers.zookeeper.keyspace import invalid_reason
from explorer.model.address import Access, Address, Host
from explorer.model.errors import BackendNotSupported, InvalidAddress

_PORT: Final = 2181
_TLS_PORT: Final = 2281
_SESSION_TIMEOUT: Final = 10.0
_ADMIN_PORT: Final = "8080"
_MAX_PORT: Final = 65535
_SASL_MECHANISMS: Final = ("DIGEST-MD5", "GSSAPI")


@dataclass(frozen=True, slots=True)
class ZooKeeperSettings(settings.NetworkSettings):
    """Addresses of the servers, credentials, TLS files, session and root node."""

    root: str
    """Path of the node that all keys are below, without a final slash; empty for the root."""
    session: float
    """Requested session timeout in seconds; the servers may grant another one."""
    sasl: str | None
    """SASL mechanism; None for the digest scheme."""
    admin: int
    """Port of the servers' AdminServer."""

    @property
    def identities(self) -> frozenset[Identity]:
        """Identities that permissions may be given to, as far as they are known without asking a server."""
        user, password = self.access.user, self.access.password
        if user is None:
            return frozenset({ANYONE})
        if self.sasl is None:
            return frozenset({ANYONE, digest_identity(user, password.reveal() if password else "")})
        return frozenset({ANYONE, Identity("sasl", user)})


def load(address: Address, access: Access) -> ZooKeeperSettings:
    """Return the settings from the access and the URL.

    Raises:
        InvalidAddress: One of them is invalid.
        BackendNotSupported: SASL is requested, and its library is not installed.
    """
    address.only_options("timeout", "session", "sasl", "admin")
    address.require_no_socket()
    port = _TLS_PORT if address.tls else _PORT
    hosts = address.hosts or (Host("127.0.0.1"),)
    root = address.path.strip("/")
    if root and (reason := invalid_reason(root)):
        raise InvalidAddress(f"invalid path: {reason}", hint="zk://host/config", address=address.redacted)
    return ZooKeeperSettings(
        address=address,
        access=replace(
            settings.resolve_credentials(access, address), timeout=settings.request_timeout(address, access)
        ),
        hosts=tuple(host.with_port(port) for host in hosts),
        tls=address.tls,
        root=f"/{root}" if root else "",
        session=settings.seconds_option(address, "session", _SESSION_TIMEOUT),
        sasl=_sasl_mechanism(address),
        admin=_admin_port(address),
    )


def _admin_port(address: Address) -> int:
    text = address.option("admin", _ADMIN_PORT)
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MAX_PORT):
        raise InvalidAddress(f"invalid port: {text!r}", hint="?admin=8080", address=address.redacted)
    return int(text)


def _sasl_mechanism(address: Address) -> str | None:
    mechanism = address.option("sasl", "").upper()
    if not mechanism:
        return None
    if mechanism not in _SASL_MECHANISMS:
        raise InvalidAddress(
            f"unknown SASL mechanism: {mechanism!r}",
            hint=f"?sasl={' or '.join(_SASL_MECHANISMS)}",
            address=address.redacted,
        )
    if find_spec("puresasl") is None:
        raise BackendNotSupported(
            "SASL needs puresasl, which is not installed",
            hint="pip install keyscope[sasl] (pure-sasl)",
            address=address.redacted,
        )
    return mechanism
