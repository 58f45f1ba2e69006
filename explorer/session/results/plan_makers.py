"""Makers of plans: keys copied, moved or deleted, and drafts saved together."""

from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final

from explorer.drivers.base import Store
from explorer.model.entries import NO_META
from explorer.model.errors import CallNotSupported, InvalidKey, InvalidText
from explorer.model.key_text import typed_key
from explorer.model.keys import directory
from explorer.model.sanitize import pluralize
from explorer.plans.entry_meta import restored_meta
from explorer.plans.plan import Change, OmittedKey, Plan
from explorer.plans.selection import CopiedKey, change_set_plan, copy_plan, deletion_plan
from explorer.plans.side import PlanSide
from explorer.session.actions import Place
from explorer.session.decoder import Decoder
from explorer.session.editing.drafts import Draft
from explorer.session.results.plan_review import PlanMaker, PlanStores

NOTHING_MARKED: Final = "the marked keys were deleted"
MAX_STAGED: Final = 1000
"""Deletions that are staged at once; each is a file."""
_MAX_EXTENSION: Final = 5
"""Letters of the end of a name that says its format."""

if TYPE_CHECKING:
    from explorer.session.session import Session


def is_other_store(target: str) -> bool:
    """Return whether a typed target is a store, a URL or `@PROFILE`, and no key."""
    return target.startswith("@") or "://" in target


def keys_title(keys: Sequence[str]) -> str:
    """Return the keys of a plan in a few words."""
    return keys[0] if len(keys) == 1 else pluralize(len(keys), "key")


def target_help(keys: Sequence[str]) -> str:
    """Return what can be typed as the target of a copy."""
    return f"{'a folder' if len(keys) > 1 else 'a key, a folder with / at its end'}, a URL or @PROFILE"


def duplicate_name(session: "Session", key: str) -> str:
    """Return a name for a copy of a key beside it that the tree does not know yet."""
    folder, separator, name = key.rpartition(session.tree.separator)
    stem, dot, extension = name.rpartition(".")
    if not (stem and extension.isalpha() and len(extension) <= _MAX_EXTENSION):
        stem, dot, extension = name, "", ""
    for number in count(1):
        copy = f"{folder}{separator}{stem}-copy{'' if number == 1 else f'-{number}'}{dot}{extension}"
        if session.tree.node(copy) is None:
            return copy
    raise AssertionError(key)


def plan_copy(session: "Session", keys: Sequence[str], target: str, *, move: bool = False) -> None:
    """Plan to copy or move keys, which are unmarked when that is done.

    Raises:
        CallNotSupported: Another plan is being applied.
    """
    make = partial(copy_maker, keys, target, session.profile, move=move)
    title = f"{'move' if move else 'copy'} {keys_title(keys)} to {target}"
    session.results.plan_review.make(
        title, make(overwrite=False), overwriting=make(overwrite=True), on_applied=partial(_unmark, session, keys)
    )


def plan_deletion(session: "Session", keys: Sequence[str]) -> None:
    """Plan to delete keys with everything below them; they are unmarked when that is done.

    Raises:
        CallNotSupported: Another plan is being applied.
    """
    maker = deletion_maker(keys, session.profile)
    session.results.plan_review.make(f"delete {keys_title(keys)}", maker, on_applied=partial(_unmark, session, keys))


async def _unmark(session: "Session", keys: Sequence[str], _: Plan) -> None:
    session.marked.unmark(keys)


def plan_staged(session: "Session") -> None:
    """Plan to save all staged changes; their drafts are removed when that is done.

    Raises:
        CallNotSupported: There are none, or another plan is being applied.
    """
    drafts = session.editor.staged
    if not drafts:
        key = session.actions["stage"].key_hint(Place.REVIEW) or "the command Stage"
        raise CallNotSupported("no change is staged", hint=f"{key} in the review of an edit stages it")

    async def remove_drafts(_: Plan) -> None:
        for draft in drafts:
            await session.editor.discard(draft)

    maker = staged_maker(drafts, session.decoder, session.profile)
    session.results.plan_review.make(staged_title(drafts), maker, on_applied=remove_drafts)


async def stage_deletions(session: "Session", keys: Sequence[str]) -> str:
    """Stage the deletion of keys with everything below them, as they are now; return what was staged, in one line.

    Raises:
        CallNotSupported: There are too many, or they cannot be kept.
        KeyNotFound: There is nothing at a key.
    """
    plan = await deletion_plan("", PlanSide(session.connection.store), keys)
    if len(plan) > MAX_STAGED:
        raise CallNotSupported(f"{len(plan):,} keys are too many to be staged", hint="delete them by a plan")
    address, now = session.editor.store_address, session.clock.wall()
    await session.editor.keep_drafts(
        [Draft(address, one.key, "", one.old, one.base, None, now, staged=True, deletes=True) for one in plan]
    )
    session.marked.unmark(keys)
    left = f"; {len(plan.omitted):,} left as they are" if plan.omitted else ""
    return f"{pluralize(len(plan), 'deletion')} staged{left}"


async def unstage(session: "Session", keys: Sequence[str]) -> str:
    """Take the changes of keys, and of all below them, out of the staged ones; return how many, in one line."""
    separator = session.tree.separator
    folders = tuple(directory(key, separator) for key in keys)
    staged = {draft.key for draft in session.editor.staged}
    number = await session.editor.unstage({key for key in staged if key in keys or key.startswith(folders)})
    return f"{pluralize(number, 'change')} unstaged" if number else "no change of it is staged"


def staged_title(drafts: Sequence[Draft]) -> str:
    """Return the title of the plan that saves staged changes."""
    return f"save {pluralize(len(drafts), 'staged change')}"


def copy_maker(
    keys: Sequence[str], target: str, profile: str, *, overwrite: bool = False, move: bool = False
) -> PlanMaker:
    """Return what makes the plan that copies or moves keys, each with everything below it.

    Args:
        keys: The keys.
        target: The name of the copy of a single key; a folder for the copies if it ends with the separator, if there
            are several keys, or if it is the URL or `@PROFILE` of another store.
        profile: `@NAME` if the session's store was opened by a profile.
        overwrite: Replace values that differ.
        move: Delete what was copied.
    """

    async def make(stores: PlanStores) -> Plan:
        own = stores.own
        if is_other_store(target):
            store, base = await stores.open(target), ""
            names = [_last_name(key, own.separator) for key in keys]
        else:
            store, base = own, typed_key(target)
            into = len(keys) > 1 or base.endswith(own.separator) or not base
            base = directory(base, own.separator) if into else base
            names = [_last_name(key, own.separator) if into else "" for key in keys]
        side = partial(PlanSide, separator=store.separator, has_key=True)
        items = [
            CopiedKey(
                side(own, key, profile=profile.removeprefix("@") or None),
                side(store, base + name, profile=_profile_of(store, own, target, profile)),
            )
            for key, name in zip(keys, names, strict=True)
        ]
        title = f"{'move' if move else 'copy'} {keys_title(keys)} to {target or own.redacted}"
        return await copy_plan(title, items, overwrite=overwrite, move=move)

    return make


def deletion_maker(keys: Sequence[str], profile: str) -> PlanMaker:
    """Return what makes the plan that deletes keys with everything below them."""

    async def make(stores: PlanStores) -> Plan:
        side = PlanSide(stores.own, profile=profile.removeprefix("@") or None)
        return await deletion_plan(f"delete {keys_title(keys)}", side, keys)

    return make


def staged_maker(drafts: Sequence[Draft], decoder: Decoder, profile: str) -> PlanMaker:
    """Return what makes the plan that saves drafts together."""

    async def make(stores: PlanStores) -> Plan:
        changes: list[Change] = []
        conflicts: list[OmittedKey] = []
        for draft in drafts:
            try:
                change = await _change_of(draft, decoder, stores.own)
            except InvalidText as error:
                conflicts.append(OmittedKey(draft.key, f"its text cannot be saved: {error.message}"))
            else:
                changes += [] if change is None else [change]
        side = PlanSide(stores.own, profile=profile.removeprefix("@") or None)
        return await change_set_plan(staged_title(drafts), side, changes, conflicts)

    return make


async def _change_of(draft: Draft, decoder: Decoder, store: Store) -> Change | None:
    """Return the change that saves a draft; None if it would change nothing."""
    if draft.deletes:
        return Change(draft.key, draft.revision, draft.base, None)
    document = await decoder.open(draft.key, draft.base or b"", draft.choice)
    new = (await decoder.encode(document, draft.text)).value
    if new == draft.base:
        return None
    if draft.base is not None:
        return Change(draft.key, draft.revision, draft.base, new)
    meta, _ = restored_meta(draft.meta or NO_META, store)
    return Change(draft.key, None, None, new, meta=meta)


def _last_name(key: str, separator: str) -> str:
    """Return the last name of a key.

    Raises:
        InvalidKey: It has an empty name.
    """
    name = key.removesuffix(separator).rpartition(separator)[2]
    if not name:
        raise InvalidKey("a key without a name cannot be copied into a folder", key=key)
    return name


def _profile_of(store: Store, own: Store, target: str, profile: str) -> str | None:
    name = profile if store is own else target
    return name[1:] if name.startswith("@") else None
