"""Base of all widgets: a widget owns a bridge to its pages, and a live session alone or together with others."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self, TypeVar

import anywidget
import traitlets

from explorer.codecs.options import CodecNames, CodecOptions
from explorer.model.address import Access
from explorer.model.key_text import escape_key
from explorer.plans.plan import Plan
from explorer.session.results.export import export_keys
from explorer.session.results.plan_makers import plan_copy, plan_deletion, plan_staged, stage_deletions, unstage
from widgets import cells, front_end
from widgets.bridge import Bridge
from widgets.fallback import html_fallback
from widgets.live_session import LiveSession, Selection
from widgets.panes.base import Json
from widgets.passwords import PasswordSource
from widgets.plan_calls import applied, made

_FIRST_READ_TIMEOUT: Final = 0.4
"""Seconds for which the first display waits for what the store holds, for the output without a kernel."""

_MAX_EXACT_INT: Final = 1 << 53

Result = TypeVar("Result")


class SessionWidget(anywidget.AnyWidget):
    """A widget on a live session. Traits hold layout only: keys and values come as messages, which are not saved."""

    _esm = front_end.module_text()
    _css = front_end.stylesheet()
    panes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    height = traitlets.Int(520).tag(sync=True)
    """Height in pixels."""

    PANES: ClassVar[Sequence[str]] = ()
    """Panes that this widget shows."""
    CAN_EDIT: ClassVar[bool] = True
    """False if it only shows, even in a session with `write=True`."""

    def __init__(
        self,
        source: str | LiveSession,
        *,
        write: bool = False,
        access: Access | None = None,
        password: PasswordSource | None = None,
        proto: Sequence[str | Path] = (),
        import_paths: Sequence[str | Path] = (),
        codecs: CodecNames | None = None,
        height: int = 520,
        sync_selection: bool = False,
        save_values: bool = False,
    ) -> None:
        """Open a store and show it; the store need not answer yet.

        Args:
            source: URL, or `@NAME` for a profile; or the live session of another widget, to share it.
            write: Whether writing is unlocked; without it, nothing can be changed.
            access: Credentials, certificates and time limit; by default those of the profile and the environment.
            password: `prompt` asks for the password in the cell, `keyring` reads it from the system's keyring; by
                default it is that of the profile or the environment.
            proto: `.proto` files, descriptor sets, `*_pb2.py`, and folders of them.
            import_paths: Folders that imports of schemas are relative to.
            codecs: Rule file, `preset:NAME`, or a list of them; by default `codecs.toml` in the settings folder.
            height: Height in pixels.
            sync_selection: Whether `selected` is a synced trait, so that other cells can react to it. Then the key is
                in the saved state of widgets.
            save_values: Whether the output that is saved with the notebook, for pages without a kernel, shows the
                beginnings of the values of the top level beside their keys.

        Raises:
            ExplorerError: The address, the settings or a schema is invalid.
        """
        self._closed = True  # until there is something to close
        self._owns_session = isinstance(source, str)
        if isinstance(source, str):
            options = CodecOptions.from_names(proto, import_paths, codecs)
            live = LiveSession.open(source, access, options, password=password, writable=write)
        else:
            live = source
        self._live = live
        self._saves_values = save_values
        super().__init__(panes=list(self.PANES), height=height)
        self._bridge = Bridge(live, self.PANES, self._send_message, can_edit=self.CAN_EDIT)
        if sync_selection:
            self.add_traits(selected=traitlets.Dict(allow_none=True, default_value=None).tag(sync=True))
            live.post(partial(live.on_selection.append, self._sync_selection))
        live.post(partial(live.attach, self._bridge))
        self.on_msg(self._on_message)
        if hasattr(self.comm, "_reply_subshell_for"):
            # ipykernel 7.4 hands a message to the thread that the comm last sent from, not to the subshell that the
            # page chose: mostly to the main thread, where it waits for the end of a cell.
            self.comm._reply_subshell_for = None  # noqa: SLF001 - there is no other way
        self._closed = False
        cells.register(self)

    # Messages, on any thread

    def _on_message(self, _widget: object, content: object, buffers: Sequence[object]) -> None:
        """Hand a message of a page over to the session's loop; a kernel calls this on any of its threads."""
        self._live.post(partial(self._bridge.receive, content, buffers))

    def _send_message(self, message: Mapping[str, Json], buffers: Sequence[bytes]) -> None:
        if self.comm is not None:
            self.send(message, list(buffers))

    # Selection

    @property
    def selected(self) -> dict[str, object] | None:
        """Selected key as `key`, and the revision of its value as `revision`; None without one."""
        return None if self._live.is_closed else _selected(self._live.selection)

    def _sync_selection(self, selection: Selection | None) -> None:
        self.set_trait("selected", _selected(selection))

    def go(self, key: str) -> None:
        """Select a key or a folder; the folders above it are opened.

        Raises:
            KeyNotFound: There is no such key or folder.
            ExplorerError: The store could not be read.
        """
        self._run(self._live.go(key))

    def follow(self, prefix: str) -> None:
        """Open a folder and show what is below it, as it changes.

        Raises:
            KeyNotFound: There is no such folder.
            ExplorerError: The store could not be read.
        """
        self._run(self._live.go(prefix, is_open=True))

    # Plans

    @property
    def marked(self) -> list[str]:
        """Marked keys and folders, without those that were deleted."""
        session = self._live.session
        return self._run(_result_of(lambda: session.marked.present(session.tree)))

    @property
    def plan(self) -> Plan | None:
        """The plan that was made last, by this widget or in a page."""
        return self._live.session.results.plan_review.plan

    def plan_copy(self, target: str, *keys: str, move: bool = False) -> Plan:
        """Plan to copy keys with everything below them; nothing is changed.

        Args:
            target: The new key; a folder if it ends with the separator, or for several keys; a URL or `@PROFILE`.
            keys: The keys; by default those that are marked, else the selected one.
            move: Delete what was copied.

        Raises:
            ExplorerError: It cannot be planned; the message says why.
        """
        session = self._live.session
        chosen = self._chosen(keys)
        return self._run(made(session, lambda: plan_copy(session, chosen, target, move=move)))

    def plan_deletion(self, *keys: str) -> Plan:
        """Plan to delete keys with everything below them; nothing is changed.

        Args:
            keys: The keys; by default those that are marked, else the selected one.

        Raises:
            ExplorerError: It cannot be planned; the message says why.
        """
        session = self._live.session
        chosen = self._chosen(keys)
        return self._run(made(session, lambda: plan_deletion(session, chosen)))

    def plan_staged(self) -> Plan:
        """Plan to save all staged changes; nothing is changed.

        Raises:
            ExplorerError: No change is staged.
        """
        session = self._live.session
        return self._run(made(session, lambda: plan_staged(session)))

    def stage_deletion(self, *keys: str) -> str:
        """Stage the deletion of keys with everything below them; `plan_staged` shows all staged changes.

        Args:
            keys: The keys; by default those that are marked, else the selected one.

        Raises:
            ExplorerError: It cannot be staged; the message says why.
        """
        session = self._live.session
        return self._run(stage_deletions(session, self._chosen(keys)))

    def unstage(self, *keys: str) -> str:
        """Take changes of keys, by default of those that are marked or selected, out of the staged ones."""
        session = self._live.session
        return self._run(unstage(session, self._chosen(keys)))

    def export(self, file: str, *keys: str, overwrite: bool = False) -> str:
        """Write keys with everything below them to a file that `keyscope import` reads.

        Args:
            file: Name of the file, which ends with .jsonl, .json or .yaml.
            keys: The keys; by default those that are marked, else the selected one.
            overwrite: Replace a file that exists.

        Raises:
            FileExistsError: There is such a file.
            ExplorerError: The keys cannot be exported; the message says why.
        """
        session = self._live.session
        return self._run(export_keys(session, self._chosen(keys), file, overwrite=overwrite))

    def _chosen(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        return keys or self._run(_result_of(lambda: tuple(self._live.session.targets)))

    def plan_undo(self) -> Plan:
        """Plan to take back what was applied last here; nothing is changed.

        Raises:
            ExplorerError: Nothing was applied.
        """
        session = self._live.session
        return self._run(made(session, session.results.plan_review.take_back))

    def apply(self, plan: Plan, *, reason: str = "") -> int:
        """Apply a plan, and return the number of changes that are done.

        Args:
            plan: The plan.
            reason: Why, for the journal; a profile may demand it.

        Raises:
            ExplorerError: It cannot be applied, or stopped; what is done stays done, and applying it again goes on.
        """
        return self._run(applied(self._live.session, plan, reason))

    def _run(self, work: Coroutine[object, object, Result]) -> Result:
        if self._closed or self._live.is_closed:
            work.close()
            message = "the widget is closed"
            raise RuntimeError(message)
        return self._live.run(work)

    # Life

    def close(self) -> None:
        """Close the widget in all pages; the session too, if this widget opened it."""
        if self._closed:
            return
        self._closed = True
        cells.forget(self)
        if self._owns_session:
            self._live.close()
        else:
            self._live.post(partial(self._live.forget_listener, self._sync_selection))
            self._live.post(partial(self._bridge.send_closed, "the widget was closed"))
            self._live.post(partial(self._live.detach, self._bridge))
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Output

    @property
    def address(self) -> str:
        """Address of the store, without secrets."""
        return self._live.session.address

    def __repr__(self) -> str:
        state = " (closed)" if self._closed or self._live.is_closed else ""
        return f"<{type(self).__name__} {self.address}{state}>"

    def _repr_mimebundle_(self, **_options: object) -> tuple[dict[str, object], dict[str, object]]:
        """Return the view, and what is shown where no kernel runs."""
        self._live.wait_first_rows(_FIRST_READ_TIMEOUT)
        bundle: dict[str, object] = {
            "text/plain": repr(self),
            "text/html": html_fallback(self._live, values=self._saves_values),
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.model_id,
            },
        }
        return bundle, {}


def _selected(selection: Selection | None) -> dict[str, object] | None:
    """Return a selection as JSON: a key that is no text with escapes, a revision that is no exact number as a text."""
    if selection is None:
        return None
    key, revision = selection
    is_text = not any("\ud800" <= letter <= "\udfff" for letter in key)
    is_exact = revision is None or (isinstance(revision, int) and abs(revision) < _MAX_EXACT_INT)
    return {"key": key if is_text else escape_key(key), "revision": revision if is_exact else str(revision)}


async def _result_of(call: Callable[[], Result]) -> Result:
    """Return the result of a call on the session's loop."""
    return call()
