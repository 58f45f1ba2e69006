"""TLS contexts, and what a failed handshake means."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from explorer.model.address import Access, Host
from explorer.model.errors import NotReachable, Timeout, TlsFailed


class TlsFault(NamedTuple):
    """A reason why no trusted connection was made."""

    message: str
    hint: str


_OTHER_NAME: Final = TlsFault(
    "the server's certificate is for another name", "use the name in the certificate, or pass it (--server-name)"
)
_CLIENT_REFUSED: Final = TlsFault("client certificate refused", "use one that the server's authority signed (--cert)")
_CLIENT_REQUIRED: Final = TlsFault("client certificate required", "pass it and its key (--cert, --key)")
_NO_TLS: Final = TlsFault("the server does not speak TLS on this port", "use the URL without +tls")
_UNKNOWN: Final = TlsFault("TLS handshake failed", "is it a TLS port, and are the certificates right?")

_PROBE_TIMEOUT: Final = 1.0
_PROBE_SIZE: Final = 1024
_TLS_ALERT: Final = b"\x15\x03"
_FAULTS: Final = {
    "certificate has expired": TlsFault("the server's certificate has expired", "renew it on the server"),
    "Hostname mismatch": _OTHER_NAME,
    "Hostname Verification": _OTHER_NAME,
    "IP address mismatch": _OTHER_NAME,
    "Peer name": _OTHER_NAME,
    "CERTIFICATE_VERIFY_FAILED": TlsFault(
        "the server's certificate is signed by an unknown authority", "pass the authority's file (--cacert)"
    ),
    "CERTIFICATE_REQUIRED": _CLIENT_REQUIRED,
    "ertificate required": _CLIENT_REQUIRED,
    "BAD_CERTIFICATE": _CLIENT_REFUSED,
    "bad certificate": _CLIENT_REFUSED,
    "UNKNOWN_CA": _CLIENT_REFUSED,
    # In TLS 1.3 the server checks the client after the handshake; gRPC does not pass on the text of its alert.
    "TSI_DATA_CORRUPTED": TlsFault(
        "client certificate required or refused", "pass one that the server's authority signed (--cert, --key)"
    ),
    "Failed to create security handshaker": TlsFault(
        "a certificate or key cannot be used", "is the key that of the certificate, and are all files PEM?"
    ),
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "andshake failed": _UNKNOWN,
}
"""Parts of the texts of OpenSSL and gRPC, the first that fits."""


def find_tls_fault(text: str) -> TlsFault | None:
    """Return what the text of a failed connection says about TLS; None if it is not about TLS."""
    return next((fault for part, fault in _FAULTS.items() if part in text), None)


def tls_error(error: BaseException) -> TlsFailed:
    """Return the error for an exception that a handshake failed with."""
    message, hint = find_tls_fault(str(error)) or _UNKNOWN
    return TlsFailed(message, hint=hint)


async def raise_for_plain_port(hosts: Sequence[Host], error: NotReachable) -> None:
    """Raise TlsFailed if a server closed the connection during the handshake because it does not speak TLS.

    Some close it without a word, as one that is shutting down does. So it is asked without TLS, and with nothing that
    is secret, whether it answers.

    Args:
        hosts: Endpoints of the store.
        error: What the connection with TLS failed with.
    """
    if isinstance(error, TlsFailed | Timeout):
        return
    for host in hosts:
        if await _answers_without_tls(host):
            raise TlsFailed(_NO_TLS.message, hint=_NO_TLS.hint, address=error.address) from error


async def _answers_without_tls(host: Host) -> bool:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PROBE_TIMEOUT):
            reader, writer = await asyncio.open_connection(host.name, host.port)
            try:
                writer.write(b"GET / HTTP/1.0\r\n\r\n")  # Redis has a command of that name
                answer = await reader.read(_PROBE_SIZE)
            finally:
                writer.close()
            # Of a TLS port: an alert, or a page which says that it is one.
            return bool(answer) and not answer.startswith(_TLS_ALERT) and b"https" not in answer.lower()
    return False


def ssl_context(access: Access, *, verify: bool = True) -> ssl.SSLContext:
    """Return a client context with the certificates of an encrypted connection.

    Args:
        access: Names the files; `ca_file` may be a folder, all of whose files are trusted.
        verify: Whether the server's certificate has to be trusted.

    Raises:
        TlsFailed: A file cannot be used, or a client certificate comes without its key.
    """
    require_cert_and_key(access)
    path = access.ca_file
    try:
        if path is not None and path.is_dir():
            context = ssl.create_default_context(capath=path)
            for file in _files_of(path):
                path = file
                context.load_verify_locations(file)
        else:
            context = ssl.create_default_context(cafile=path)
        if not verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if access.cert_file is not None:
            path = access.cert_file
            context.load_cert_chain(access.cert_file, access.key_file)
    except ssl.SSLError as error:
        raise TlsFailed(
            f"{path} cannot be used: {error.reason or 'it is no PEM file'}",
            hint="pass a PEM file, and the key that belongs to the certificate",
        ) from error
    except OSError as error:
        raise TlsFailed(
            f"cannot read {error.filename or path}: {error.strerror}", hint="pass a readable PEM file"
        ) from error
    return context


def _files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def require_cert_and_key(access: Access) -> None:
    """Raise TlsFailed if there is a client certificate without its key, or a key without its certificate."""
    if (access.cert_file is None) != (access.key_file is None):
        raise TlsFailed("a client certificate and its key belong together", hint="pass both (--cert, --key)")
