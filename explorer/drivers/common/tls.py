"""Encrypted connections by Python's own TLS: what is trusted, what we show, and what a failed handshake means."""

import ssl
from typing import Final

from explorer.model.address import Access
from explorer.model.errors import TlsFailed

_CLUES: Final = {
    "certificate has expired": ("the store's certificate has expired", "renew it on the server"),
    "Hostname mismatch": (
        "the store's certificate is for another name",
        "use the name that is in it, or say it (--server-name)",
    ),
    "IP address mismatch": (
        "the store's certificate is for another name",
        "use the name that is in it, or say it (--server-name)",
    ),
    "CERTIFICATE_VERIFY_FAILED": (
        "the store's certificate is from an authority that is not trusted",
        "name the authority's file (--cacert)",
    ),
    "CERTIFICATE_REQUIRED": ("the store wants a client certificate", "name it and its key (--cert, --key)"),
    "BAD_CERTIFICATE": ("the store does not accept the client certificate", "name one that its authority signed"),
    "UNKNOWN_CA": ("the store does not accept the client certificate", "name one that its authority signed"),
    "WRONG_VERSION_NUMBER": ("the store does not speak TLS there", "use the URL without +tls"),
    "RECORD_LAYER_FAILURE": ("the store does not speak TLS there", "use the URL without +tls"),
    "HTTP_REQUEST": ("the store does not speak TLS there", "use the URL without +tls"),
}
_UNKNOWN: Final = ("no TLS connection", "is it a TLS port, and are the certificates right?")


def ssl_context(access: Access, redacted: str, *, verify: bool = True) -> ssl.SSLContext:
    """Read the certificates of an encrypted connection.

    Args:
        access: Names the files; the authorities may be all files of a folder.
        redacted: The address for messages.
        verify: Whether the store's certificate has to be trusted.

    Raises:
        TlsFailed: A file cannot be used, or a client certificate comes without its key.
    """
    require_cert_and_key(access, redacted)
    path = access.ca_file
    try:
        if path is not None and path.is_dir():
            made = ssl.create_default_context(capath=path)
            for file in sorted(one for one in path.iterdir() if one.is_file()):
                path = file
                made.load_verify_locations(file)
        else:
            made = ssl.create_default_context(cafile=path)
        if not verify:
            made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        if access.cert_file is not None:
            path = access.cert_file
            made.load_cert_chain(access.cert_file, access.key_file)
    except ssl.SSLError as error:
        raise TlsFailed(
            f"{path} cannot be used: {error.reason or 'it is no PEM file'}",
            hint="name a PEM file, and the key that belongs to the certificate",
            address=redacted,
        ) from error
    except OSError as error:
        raise TlsFailed(
            f"cannot read {error.filename or path}: {error.strerror}", hint="name a readable PEM file", address=redacted
        ) from error
    return made


def require_cert_and_key(access: Access, redacted: str) -> None:
    """Refuse a client certificate without its key, and a key without its certificate.

    Raises:
        TlsFailed: There is one only.
    """
    if (access.cert_file is None) != (access.key_file is None):
        raise TlsFailed("a client certificate and its key belong together", hint="name both", address=redacted)


def tls_error(error: BaseException, redacted: str, key: str | None) -> TlsFailed:
    """Say in a person's words why no trusted connection was made."""
    text = str(error)
    message, hint = next((words for clue, words in _CLUES.items() if clue in text), _UNKNOWN)
    return TlsFailed(message, hint=hint, address=redacted, key=key)
