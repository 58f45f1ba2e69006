"""Sessions made from profiles: used by the terminal app and the notebook widgets."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from explorer.codecs.lazy import LazyCodecs
from explorer.codecs.options import CodecOptions, limit_problems
from explorer.config import Profile, folder
from explorer.drivers.address_hints import address_hint
from explorer.drivers.base import Store
from explorer.journal import Journal
from explorer.model.address import REVISION_OPTION, at_revision, parse
from explorer.model.entries import Revision
from explorer.model.errors import SchemaFailed
from explorer.opener import opener
from explorer.session.actions import Actions
from explorer.session.commands import ACTIONS
from explorer.session.internal_errors import InternalErrors
from explorer.session.session import Session

if TYPE_CHECKING:  # imports protobuf
    from explorer.codecs.codecs import Codecs


READ_ONLY_PROFILE: Final = "read-only: its profile says so"


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session that is not entered yet, and what belongs to it."""

    session: Session
    codecs: LazyCodecs
    errors: InternalErrors
    messages: tuple[str, ...]
    """Warnings about the URL, and problems of schemas and rules, to be shown at the start."""
    at: Callable[[Revision | None], Session]
    """Return a session of the same store as it was at a revision, or of the present; raises CallNotSupported."""


def open_session(
    profile: Profile,
    options: CodecOptions,
    *,
    writable: bool = False,
    read_only: bool = False,
    read_only_reason: str = READ_ONLY_PROFILE,
    profile_name: str = "",
    actions: Actions = ACTIONS,
) -> OpenedSession:
    """Return a session of a profile's store. Call it on the event loop that enters the session.

    Args:
        profile: URL and access.
        options: Schemas and rules.
        writable: Whether writing is unlocked from the start.
        read_only: Whether writing cannot be unlocked.
        read_only_reason: Why it cannot.
        profile_name: `@NAME` if the store was opened by a profile.
        actions: Actions with the person's keys.

    Raises:
        ExplorerError: The address, the settings or a schema is invalid. A schema or rule file of the profile is not:
            values are shown without it, and a message says so.
    """
    messages: list[str] = []
    # not read-only, because the session itself refuses to write
    journal = Journal.default()
    address = parse(profile.url)
    present = at_revision(profile.url, None) if REVISION_OPTION in address.options else profile.url
    connect = opener(replace(profile, url=present, read_only=False), on_warning=messages.append, journal=journal)
    shown_at = address.options.get(REVISION_OPTION)
    first = connect(shown_at)
    codecs = LazyCodecs(partial(_load_codecs, first, options))
    while options.is_configured:  # errors of options are raised before anything is shown
        try:
            messages += limit_problems(codecs.prepare().problems)
            break
        except SchemaFailed as error:
            setting = options.failed_setting(profile, error)
            if setting is None:
                raise
            messages.append(f"{setting} of {profile_name or 'the profile'} is not used: {error.message}")
            options = options.without(setting)
            codecs = LazyCodecs(partial(_load_codecs, first, options))

    async def find_nearby() -> str | None:
        return await address_hint(first.address, profile.access)

    errors = InternalErrors(folder("state") / "errors")

    def session_of(store: Store, revision: Revision | None) -> Session:
        stores = chain([store], iter(partial(connect, revision), None))
        return Session(
            lambda: next(stores),
            codecs,
            writable=writable,
            read_only=read_only_reason if read_only else None,
            drafts=folder("state") / "drafts",
            actions=actions,
            find_nearby=find_nearby,
            errors=errors,
            profile=profile_name,
            journal=journal,
            is_masked=profile.masks,
            asks_reason=profile.asks_reason,
            connect=partial(_open_source, journal),
            plans=folder("state") / "plans",
        )

    def at(revision: Revision | None) -> Session:
        return session_of(connect(revision), revision)

    return OpenedSession(session_of(first, shown_at), codecs, errors, tuple(messages), at)


def _open_source(journal: Journal, source: str) -> Store:
    """Return the store of a URL or `@PROFILE`; warnings about it were shown to whoever wrote it."""
    return opener(source, journal=journal, on_warning=lambda _: None)()


def _load_codecs(store: Store, options: CodecOptions) -> "Codecs":
    from explorer.codecs.load import codecs_for  # noqa: PLC0415 - imports protobuf and yaml

    return codecs_for(store, options)
