"""Editor: opens one edit at a time and keeps a draft of its text on disk."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar, TypeVarTuple

from explorer.codecs.base import Choice, Document
from explorer.drivers.base import Store
from explorer.model.clock import SystemClock
from explorer.model.entries import NO_META, Entry, Meta
from explorer.model.errors import CallNotSupported, ExplorerError, KeyNotFound
from explorer.model.events import Deleted, Put
from explorer.session.decoder import Decoder
from explorer.session.detail import LoadedValue
from explorer.session.editing.drafts import Draft, DraftError, Drafts
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Conflicted, Drafting, Refused, Reviewing, Saved, Saving, Unknown
from explorer.session.jobs import Jobs, Task
from explorer.session.states import Part

Args = TypeVarTuple("Args")
Result = TypeVar("Result")

DRAFT_DELAY: Final = 0.4
"""Seconds after a keystroke at which the draft is written, with all text typed by then."""
_VALIDATION_DELAY: Final = 0.15
"""Seconds without a keystroke after which the text is validated."""

STILL_SAVING: Final = "the key is still being saved"


class Editor:
    """Opens and closes edits, and keeps their drafts."""

    def __init__(
        self,
        decoder: Decoder,
        jobs: Jobs,
        get_store: Callable[[], Store],
        clock: SystemClock,
        mark_dirty: Callable[[Part], None],
        *,
        folder: Path | None,
    ) -> None:
        """Prepare the editor.

        Args:
            decoder: Decodes and encodes values.
            jobs: Owner of the tasks.
            get_store: Returns the connected store, or raises why there is none.
            clock: Clock of the drafts' dates.
            mark_dirty: Called with each part that changed.
            folder: Folder for drafts; None keeps none.
        """
        self.edit: Edit | None = None
        self.store_address = ""
        """The store's address without secrets."""
        self.drafts: tuple[Draft, ...] = ()
        """Drafts of this store on disk, to be resumed or discarded."""
        self._decoder = decoder
        self._jobs = jobs
        self._get_store = get_store
        self._clock = clock
        self._mark_dirty = mark_dirty
        self._draft_files = None if folder is None else Drafts(folder)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="keyscope-drafts")
        self._is_writing = False
        self._resolving: set[Edit] = set()
        """Edits whose unknown outcome is being resolved."""
        self._left_unresolved: dict[Edit, Draft | None] = {}
        """Edits that were left with an unknown outcome, and their drafts, which are removed if they were saved."""
        self._claim: Task | None = None
        """Task that decides which file the open edit's draft is written to."""
        self._draft_text: str | None = None
        """Text of the draft on disk; None without one."""

    async def _in_thread(self, call: Callable[[*Args], Result], *args: *Args) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call, *args)

    async def find_drafts(self) -> None:
        """List the drafts of this store."""
        if self._draft_files is not None:
            self.drafts = await self._in_thread(self._draft_files.list_drafts, self.store_address)
            self._mark_dirty(Part.EDIT)

    @property
    def draft_keys(self) -> frozenset[str]:
        """Keys of this store with a draft, the open edit's included."""
        keys = {draft.key for draft in self.drafts}
        if self.edit is not None and self.edit.is_unsaved and self._draft_files is not None:
            keys.add(self.edit.key)
        return frozenset(keys)

    @property
    def staged(self) -> tuple[Draft, ...]:
        """Drafts that are staged: reviewed, to be saved together."""
        return tuple(draft for draft in self.drafts if draft.staged)

    # Opening

    def open(self, loaded: LoadedValue) -> Edit:
        """Open an edit of a value."""
        base = None if loaded.deleted else loaded.entry
        edit = self._new_edit(loaded.entry.key, base, loaded.document)
        if base is not None and base.ttl is not None:
            edit.expires_at = loaded.read_at + base.ttl
        self._activate(edit)
        return edit

    async def restore(self, loaded: LoadedValue, value: bytes, *, is_meta_known: bool = True) -> Edit:
        """Open an edit of a value with the text of an earlier one, in a form that shows both.

        Raises:
            CallNotSupported: An edit of the key was left and is still being saved.
        """
        key = loaded.entry.key
        self._refuse_while_saving(key)
        base = None if loaded.deleted else loaded.entry
        earlier = await self._decoder.open(key, value, loaded.document.choice)
        document = await self._decoder.open(key, loaded.entry.value or b"", earlier.choice)
        if document.choice != earlier.choice or earlier.read_only_reason is not None:
            earlier = await self._decoder.open(key, value, Choice("hex"))
            document = await self._decoder.open(key, loaded.entry.value or b"", Choice("hex"))
        edit = self._new_edit(key, base, document)
        edit.meta = loaded.entry.meta if is_meta_known else None
        self._activate(edit)
        edit.set_text(earlier.text)
        return edit

    async def bring_back(self, key: str, value: bytes, meta: Meta | None) -> Edit:
        """Open an edit that gives a key an earlier value, or creates the key with it, and with its metadata if known.

        Raises:
            ExplorerError: An edit of the key was left and is still being saved, or the key could not be read.
        """
        entry: Entry | None = None
        with suppress(KeyNotFound):
            entry = await self._get_store().get(key)
        stored = entry or Entry(key, b"", "", meta=meta or NO_META)
        document = await self._decoder.open(key, stored.value or b"")
        loaded = LoadedValue(stored, document, self._clock.now(), self._clock.wall(), deleted=entry is None)
        return await self.restore(loaded, value, is_meta_known=bool(entry) or meta is not None)

    async def create(self, key: str, choice: Choice | None = None) -> Edit:
        """Open an edit that creates a key.

        Raises:
            CallNotSupported: An edit of the key was left and is still being saved.
        """
        self._refuse_while_saving(key)
        edit = self._new_edit(key, None, await self._decoder.open(key, b"", choice))
        self._activate(edit)
        return edit

    async def resume_draft(self, draft: Draft) -> Edit:
        """Open an edit with a draft's text, on the value that the draft began with: a later change is a conflict.

        Raises:
            ExplorerError: An edit of the key was left and is still being saved, or the key could not be read.
        """
        self._refuse_while_saving(draft.key)
        document = await self._decoder.open(draft.key, draft.base or b"", draft.choice)
        edit = self._new_edit(draft.key, draft.base_entry, document)
        self._activate(edit, resumed=draft)
        self._draft_text = draft.text
        self._hide(draft)
        for left, its_draft in self._left_unresolved.items():
            if its_draft is not None and its_draft.file == draft.file:
                self._left_unresolved[left] = None  # the file belongs to this edit now
        edit.set_text(draft.text)
        edit.is_staged, edit.meta = draft.staged, draft.meta
        await self._compare_with_store(edit)
        return edit

    async def resync(self) -> None:
        """Compare the open edit with the stored value: no event reports what the store's history has lost."""
        if self.edit is not None:
            with suppress(ExplorerError):  # the save detects it, too
                await self._compare_with_store(self.edit)

    async def _compare_with_store(self, edit: Edit) -> None:
        before = edit.theirs
        try:
            event: Put | Deleted = Put(await self._get_store().get(edit.key))
        except KeyNotFound:
            event = Deleted(edit.key, None)
        if edit.theirs is before and (edit.base is not None or isinstance(event, Put)):  # else an event was newer
            edit.on_event(event)

    async def discard(self, draft: Draft) -> None:
        """Remove a draft from disk."""
        self._hide(draft)
        if self._draft_files is not None:
            await self._in_thread(self._draft_files.discard, draft)
            self._hide(draft)  # again: a list that was read before may have shown it meanwhile
        self._mark_dirty(Part.EDIT)

    def _hide(self, draft: Draft) -> None:
        self.drafts = tuple(other for other in self.drafts if other.file != draft.file)

    def _new_edit(self, key: str, base: Entry | None, document: Document) -> Edit:
        return Edit(
            key, base, document, decoder=self._decoder, get_store=self._get_store, on_change=self._on_edit_change
        )

    def _activate(self, edit: Edit, *, resumed: Draft | None = None) -> None:
        self.edit, self._draft_text = edit, None
        self._claim = self._jobs.start(self._claim_file(edit.key, resumed), name="claim a draft file")
        if self._decoder.codecs.has_constraints(edit.key):  # the stored value may break one
            self._jobs.replace(self._validate(edit), name="validate a text")
        self._mark_dirty(Part.EDIT)

    async def _claim_file(self, key: str, resumed: Draft | None) -> None:
        """Write the draft to a new file, or to the file of the draft that is resumed."""
        if self._draft_files is None:
            return
        if resumed is None:
            await self._in_thread(self._draft_files.release, self.store_address, key)
        else:
            await self._in_thread(self._draft_files.adopt, resumed)
            self._hide(resumed)  # again, as in `discard`

    # Leaving

    async def leave(self, *, keep: bool = False) -> bool:
        """Close the edit and remove its draft; keep the draft if `keep`, or while the save has no outcome.

        A save that is under way goes on; its draft is removed once it is known to be saved.

        Returns:
            False if the edit stays open, because its save has no outcome yet and no draft of it can be kept.
        """
        edit = self.edit
        if edit is None:
            return True
        keep = keep or not edit.is_settled
        if keep:
            await self.flush()
        if not edit.is_settled:
            if edit.is_unsaved and (self._draft_files is None or edit.draft_error is not None):
                return False
            self._left_unresolved[edit] = None
        if self.edit is edit:  # else another one was opened while the draft was written
            self.edit = None
        if not keep:
            await self._remove_draft(edit)
        elif self._draft_files is not None:
            file = await self._in_thread(self._draft_files.release, self.store_address, edit.key)
            self.drafts = await self._in_thread(self._draft_files.list_drafts, self.store_address)
            left = next((draft for draft in self.drafts if draft.file == file), None)
            if edit in self._left_unresolved:
                self._left_unresolved[edit] = left
            elif left is not None and not edit.is_open:  # resolved while the file was released
                await self.discard(left)
        self._mark_dirty(Part.EDIT)
        return True

    async def stage(self) -> None:
        """Close the reviewed edit, and keep its draft as staged, in place of an earlier one of the key.

        Raises:
            CallNotSupported: No draft of it can be kept; the edit stays open.
        """
        edit = self.edit
        if edit is None or not isinstance(edit.state, Reviewing):
            raise CallNotSupported("no change is being reviewed")
        if self._draft_files is None or not edit.is_unsaved:
            reason = "no drafts are kept" if self._draft_files is None else "an empty new key has no draft"
            raise CallNotSupported(reason, key=edit.key)
        edit.is_staged, self._draft_text = True, None
        await self.flush()
        if edit.draft_error is not None:
            edit.is_staged = False
            raise CallNotSupported(edit.draft_error, key=edit.key)
        await self.unstage([edit.key])
        await self.leave(keep=True)

    async def keep_drafts(self, drafts: Sequence[Draft]) -> None:
        """Keep drafts that no edit is open for, in place of staged changes of their keys.

        Raises:
            CallNotSupported: One cannot be kept.
        """
        if self._draft_files is None:
            raise CallNotSupported("no drafts are kept")
        await self.unstage([draft.key for draft in drafts])
        try:
            await self._in_thread(self._draft_files.add, drafts)
        except DraftError as error:
            raise CallNotSupported(str(error)) from error
        finally:
            await self.find_drafts()

    async def unstage(self, keys: Collection[str]) -> int:
        """Take changes out of the staged ones: a text stays a draft, a deletion is forgotten; return their number."""
        staged = [draft for draft in self.staged if draft.key in keys]
        if staged and self._draft_files is not None:
            await self._in_thread(self._draft_files.unstage, staged)
            await self.find_drafts()
        return len(staged)

    def is_saving(self, key: str) -> bool:
        """Return whether an edit of a key was left and is still being saved."""
        return any(edit.key == key and isinstance(edit.state, Saving) for edit in self._left_unresolved)

    def _refuse_while_saving(self, key: str) -> None:
        if self.is_saving(key):
            raise CallNotSupported(STILL_SAVING, key=key)

    async def flush(self) -> None:
        """Write the draft of the current text."""
        if self.edit is not None and self.edit.is_unsaved:
            await self._write_draft(self.edit)

    def close(self) -> None:
        """End the thread after everything was written."""
        self._executor.shutdown(wait=True)

    # Events

    def on_event(self, event: Put | Deleted) -> None:
        """Pass a change of the edited key to the edit."""
        if self.edit is not None and event.key == self.edit.key:
            self.edit.on_event(event)

    def on_store_answered(self) -> None:
        """Note that the store answers: a save that could not be sent can be tried again."""
        if self.edit is not None:
            self.edit.on_store_answered()

    def _on_edit_change(self, edit: Edit) -> None:
        self._mark_dirty(Part.EDIT)
        jobs = self._jobs
        match edit.state:
            case Saved():
                jobs.start(self._remove_draft(edit), name="remove a draft")
            case Conflicted() | Refused():
                self._left_unresolved.pop(edit, None)  # not saved: its draft stays
            case Unknown() if edit not in self._resolving:
                self._resolving.add(edit)
                jobs.start(self._resolve(edit), name="resolve the outcome of a save", user_initiated=False)
            case Drafting(checked=False) if edit is self.edit:
                jobs.replace(self._validate(edit), name="validate a text")
        if edit is self.edit and edit.is_unsaved and edit.text != self._draft_text and not self._is_writing:
            self._is_writing = True
            jobs.start(self._write_drafts(), name="write a draft")

    async def _resolve(self, edit: Edit) -> None:
        try:
            await edit.resolve_outcome()
        finally:
            self._resolving.discard(edit)

    async def _validate(self, edit: Edit) -> None:
        await asyncio.sleep(_VALIDATION_DELAY)
        await edit.validate()

    async def _write_drafts(self) -> None:
        """Write drafts until the one on disk has the current text."""
        try:
            while (edit := self.edit) is not None and edit.is_unsaved and edit.text != self._draft_text:
                await asyncio.sleep(DRAFT_DELAY)
                if edit is self.edit and edit.is_unsaved:
                    await self._write_draft(edit)
        finally:
            self._is_writing = False

    async def _write_draft(self, edit: Edit) -> None:
        if self._draft_files is None:
            self._draft_text = edit.text
            return
        value, revision = (None, None) if edit.base is None else (edit.base.value, edit.base.revision)
        choice, now, meta = edit.document.choice, self._clock.wall(), edit.meta
        draft = Draft(self.store_address, edit.key, edit.text, value, revision, choice, now, edit.is_staged, meta=meta)
        failure = None
        if self._claim is not None:
            await asyncio.wait([self._claim])
            if edit is not self.edit or not edit.is_unsaved:  # left, or saved, meanwhile
                return
        try:
            await self._in_thread(self._draft_files.save, draft)
        except DraftError as error:
            failure = str(error)
        self._draft_text = draft.text
        if failure != edit.draft_error:
            edit.draft_error = failure
            self._mark_dirty(Part.EDIT)

    async def _remove_draft(self, edit: Edit) -> None:
        if edit in self._left_unresolved:
            left = self._left_unresolved.pop(edit)
            if left is not None:
                await self.discard(left)
            return
        self._draft_text = None
        if self._draft_files is not None:
            await self._in_thread(self._draft_files.remove, self.store_address, edit.key)
