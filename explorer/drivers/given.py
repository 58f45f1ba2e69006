"""What all network drivers take from a URL and from variables in the same way."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from explorer.model.address import Access, Address, Host, Secret, parse
from explorer.model.errors import InvalidAddress

_HINT = "host:port or https://host:port"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is known before the first contact."""

    address: Address
    access: Access
    hosts: tuple[Host, ...]
    """Each with its port."""
    tls: bool

    @property
    def shown(self) -> str:
        """The address for messages."""
        return replace(self.address, hosts=self.hosts, tls=self.tls).shown


def separator(address: Address) -> str:
    """Give the separator of the names in a key.

    Raises:
        InvalidAddress: It is empty.
    """
    text = address.option("separator", "/")
    if not text:
        raise InvalidAddress("the separator cannot be empty", hint="?separator=:", address=address.shown)
    return text


def time_limit(address: Address, access: Access) -> float:
    """Give the seconds that one request may take.

    Raises:
        InvalidAddress: The URL says something else than a number of seconds.
    """
    return seconds(address, "timeout", access.timeout)


def seconds(address: Address, option: str, default: float) -> float:
    """Give a number of seconds that the URL may name.

    Raises:
        InvalidAddress: It says something else.
    """
    text = address.option(option, "") or str(default)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise InvalidAddress(f"{text!r} is not a number of seconds", hint=f"?{option}=5", address=address.shown)
    return number


def credentials(access: Access, address: Address, login: tuple[str | None, Secret | None] = (None, None)) -> Access:
    """Complete who we are by what the URL and a login from elsewhere say.

    A password is never sent for another user: it has to stand beside this user's name, or beside none.
    """
    user = access.user or address.user or login[0]
    beside = (word for name, word in ((address.user, address.password), login) if word and name in (None, user))
    return replace(access, user=user, password=access.password or next(beside, None))


def files(access: Access, environment: Mapping[str, str], *, authority: str, certificate: str, key: str) -> Access:
    """Complete the files of an encrypted connection by those that three variables name."""
    return replace(
        access,
        authority=access.authority or file_named(environment, authority),
        certificate=access.certificate or file_named(environment, certificate),
        private_key=access.private_key or file_named(environment, key),
    )


def file_named(environment: Mapping[str, str], name: str) -> Path | None:
    """Give the file that a variable names; an empty variable is one that is not set."""
    value = environment.get(name)
    return Path(value) if value else None


def endpoints(variable: str, text: str) -> tuple[tuple[Host, ...], bool]:
    """Read the endpoints that a variable names, separated by commas, and whether one of them is encrypted.

    Raises:
        InvalidAddress: It cannot be read, or names none.
    """
    hosts: list[Host] = []
    tls = False
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        try:
            url = urlsplit(part if "://" in part else f"//{part}")
        except ValueError as error:
            raise InvalidAddress(f"{variable} cannot be read", hint=_HINT) from error
        if url.scheme not in ("", "http", "https"):
            raise InvalidAddress(f"{variable}: {url.scheme}:// is not known", hint=_HINT)
        tls = tls or url.scheme == "https"
        hosts.extend(parse(f"store://{url.netloc}").hosts)
    if not hosts:
        raise InvalidAddress(f"{variable} names no endpoint", hint=_HINT)
    return tuple(hosts), tls
