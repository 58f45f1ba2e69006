"""How ZooKeeper's servers are reached: from the URL and the access given. Its own tools read no variables.

`zk://h1,h2/config`: the path is what every key is relative to (what ZooKeeper's tools call a chroot). Options: the
session's time-out in seconds (`?session=10`), the port of the AdminServer (`?admin=8080`), and `?sasl=DIGEST-MD5` or
`?sasl=GSSAPI` for who proves himself by SASL; without it a user and password are proved by the digest scheme.
"""

from dataclasses import dataclass, replace
from importlib.util import find_spec

from explorer.drivers.common import settings
from explorer.drivers.zookeeper.keyspace import invalid_reason
from explorer.model.address import Access, Address, Host
from explorer.model.errors import BackendNotSupported, InvalidAddress

_PORT = 2181
_TLS_PORT = 2281
_SESSION = 10.0
_ADMIN = "8080"
_HIGHEST_PORT = 65535
_MECHANISMS = ("DIGEST-MD5", "GSSAPI")


@dataclass(frozen=True, slots=True)
class ZooKeeperSettings(settings.NetworkSettings):
    """How the servers are reached, and which nodes are meant."""

    root: str
    """The node that every key is relative to, as a path without a slash at its end; empty for the top."""
    session: float
    """Seconds of silence after which the servers end our session; they may grant another number."""
    sasl: str | None
    admin: int
    """The port of the servers' AdminServer."""


def load(address: Address, access: Access) -> ZooKeeperSettings:
    """Bring together the URL and the access.

    Raises:
        InvalidAddress: One of them cannot be understood.
        BackendNotSupported: SASL is asked for, and its library is not installed.
    """
    address.only_options("timeout", "session", "sasl", "admin")
    address.require_no_socket()
    port = _TLS_PORT if address.tls else _PORT
    hosts = address.hosts or (Host("127.0.0.1"),)
    root = address.path.strip("/")
    if root and (trouble := invalid_reason(root)):
        raise InvalidAddress(f"no node can be called so: {trouble}", hint="zk://host/config", address=address.redacted)
    return ZooKeeperSettings(
        address=address,
        access=replace(
            settings.resolve_credentials(access, address), timeout=settings.request_timeout(address, access)
        ),
        hosts=tuple(host.with_port(port) for host in hosts),
        tls=address.tls,
        root=f"/{root}" if root else "",
        session=settings.seconds(address, "session", _SESSION),
        sasl=_sasl(address),
        admin=_admin(address),
    )


def _admin(address: Address) -> int:
    text = address.option("admin", _ADMIN)
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _HIGHEST_PORT):
        raise InvalidAddress(f"{text!r} is no port", hint="?admin=8080", address=address.redacted)
    return int(text)


def _sasl(address: Address) -> str | None:
    mechanism = address.option("sasl", "").upper()
    if not mechanism:
        return None
    if mechanism not in _MECHANISMS:
        raise InvalidAddress(
            f"SASL by {mechanism!r} is not known", hint=f"?sasl={' or '.join(_MECHANISMS)}", address=address.redacted
        )
    if find_spec("puresasl") is None:
        raise BackendNotSupported(
            "SASL needs puresasl, which is not installed",
            hint="pip install keyscope[sasl], which is pure-sasl",
            address=address.redacted,
        )
    return mechanism
