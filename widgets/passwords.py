"""Passwords of a widget's store that are in no cell: asked for at a prompt, or kept by the system's keyring."""

from dataclasses import replace
from getpass import getpass
from importlib import import_module
from typing import Final, Literal, TypeAlias

from explorer.config import Profile
from explorer.model.address import Access, Secret, parse
from explorer.model.errors import InvalidAddress

PasswordSource: TypeAlias = Literal["prompt", "keyring"]

SERVICE: Final = "keyscope"
"""Service under which passwords are kept in the keyring; the name there is `user@address`."""


def with_password(profile: Profile, source: PasswordSource | None) -> Profile:
    """Return a profile with the password of its user.

    Args:
        profile: The store; its access or its URL names the user.
        source: `prompt` asks in the cell, `keyring` reads the system's keyring; None changes nothing.

    Raises:
        InvalidAddress: No user is named, or the keyring has no password of it.
        ModuleNotFoundError: The package keyring is not installed.
    """
    if source is None:
        return profile
    address = parse(profile.url)
    user = profile.access.user or address.user
    if user is None:
        raise InvalidAddress("no user to find a password for", hint="name one in the URL: etcd://user@host/")
    name = f"{user}@{address.redacted}"
    password = getpass(f"Password of {name}: ") if source == "prompt" else _from_keyring(name)
    return replace(profile, access=_with_login(profile.access, user, password))


def _with_login(access: Access, user: str, password: str) -> Access:
    return replace(access, user=user, password=Secret(password))


def _from_keyring(name: str) -> str:
    try:
        keyring = import_module("keyring")
    except ModuleNotFoundError:
        message = "passwords of the keyring need the package keyring: pip install keyring"
        raise ModuleNotFoundError(message, name="keyring") from None
    password: str | None = keyring.get_password(SERVICE, name)
    if password is None:
        raise InvalidAddress(
            f"the keyring has no password of {name}", hint=f"keyring set {SERVICE} {name} stores it, in a terminal"
        )
    return password
