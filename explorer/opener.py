"""Stores made from URLs and profiles: used by the library, the command and the app."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from explorer.config import Profile, read_profile
from explorer.drivers.base import Store
from explorer.drivers.registry import make
from explorer.journal import Journal
from explorer.model.address import Access, at_revision
from explorer.model.entries import Revision


class StoreOpener(Protocol):
    """A function that makes connections to one store."""

    def __call__(self, revision: Revision | None = None) -> Store:
        """Return a connection that is not open yet.

        Args:
            revision: Show the store as it was at a revision, read-only; None shows what its URL says.

        Raises:
            CallNotSupported: The store cannot show an earlier revision.
        """


def open(url: str, access: Access | None = None) -> Store:  # noqa: A001 - the contract's word, as in `explorer.open`
    """Return the store of a URL, not yet connected; `async with` connects and closes it.

    Args:
        url: `etcd://host:2379,host2:2379/prefix/`, `zk+tls://...`, `demo:`, any of `drivers.registry.DRIVERS`; or
            `@NAME`, a profile. The store of a read-only profile refuses every write.
        access: Credentials, certificates and the time limit of a request. What it leaves out comes from the variables
            of the store's own tools. None takes the profile's, if there is one.

    Raises:
        InvalidAddress: The URL is invalid, or the profile is missing or invalid.
        BackendNotSupported: There is no driver for the scheme.
    """
    store = open_profile(_resolve(url, access))
    for warning in store.address.warnings:
        warnings.warn(warning, UserWarning, stacklevel=2)
    return store


def open_profile(profile: Profile, *, journal: Journal | None = None) -> Store:
    """Return the store of a profile, not yet connected. The warnings about its URL are in `address.warnings`.

    Args:
        profile: URL and access.
        journal: Journal of what is written; None keeps none, which is right for programs.

    Raises:
        InvalidAddress: The URL is invalid.
        BackendNotSupported: There is no driver for the scheme.
    """
    store = make(profile.url, profile.access, read_only=profile.read_only, journal=journal)
    store.profile = profile
    return store


def opener(
    source: str | Profile,
    access: Access | None = None,
    *,
    on_warning: Callable[[str], object] | None = None,
    journal: Journal | None = None,
) -> "StoreOpener":
    """Return a factory of connections to one store; each call returns one more, not yet connected.

    Args:
        source: A URL, `@NAME`, or a profile.
        access: Replaces the access of the profile.
        on_warning: Called with each warning about the URL; by default it is a UserWarning.
        journal: Journal of what is written; None keeps none.

    Raises:
        InvalidAddress: The URL is invalid, or the profile is missing or invalid.
        BackendNotSupported: There is no driver for the scheme.
    """
    profile = _resolve(source, access)
    first = open_profile(profile, journal=journal)
    for warning in first.address.warnings:
        if on_warning is None:
            warnings.warn(warning, UserWarning, stacklevel=2)
        else:
            on_warning(warning)
    unused = [first]

    def connect(revision: Revision | None = None) -> Store:
        if revision is None:
            store = unused.pop() if unused else first.clone() or open_profile(profile, journal=journal)
        else:
            earlier = replace(profile, url=at_revision(profile.url, revision))
            store = first.clone(revision=revision) or open_profile(earlier, journal=journal)
        store.profile = first.profile  # a clone has none
        return store

    return connect


def _resolve(source: str | Profile, access: Access | None) -> Profile:
    if isinstance(source, Profile):
        profile = source
    else:
        profile = read_profile(source[1:]) if source.startswith("@") else Profile(source)
    return profile if access is None else replace(profile, access=access)
