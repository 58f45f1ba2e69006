"""Plans that were applied, with what applying them produced: the source of resuming and of undo.

For each plan there are `ID.json`, the plan, and `ID.progress`, one JSON line for each change that is done, with the
revision that it produced. The lines reach the operating system before the next change is sent, so a process that is
killed leaves at most the changes of one request without a line.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from io import BufferedWriter
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, NamedTuple, Self

from explorer.model.entries import Revision
from explorer.model.errors import ExplorerError, InvalidPlan
from explorer.plans.plan import Plan
from explorer.plans.plan_file import read_plan, write_plan
from explorer.private_folder import PrivateFolder

MAX_PLAN_SIZE: Final = 2**30
"""Maximum size of a plan in bytes."""


class ChangeIndex(NamedTuple):
    """SideLocation of a change in its plan."""

    part: int
    number: int


class AppliedChange(NamedTuple):
    """A change that is done."""

    place: ChangeIndex
    revision: Revision | None
    """Revision of the key now; None if it was deleted."""


class Progress:
    """The changes of one plan that are done, kept in its file."""

    def __init__(self, done: Mapping[ChangeIndex, Revision | None], file: BufferedWriter, *, resumed: bool) -> None:
        self._done = dict(done)
        self._file = file
        self.resumed = resumed
        """True if the plan was applied before, so that changes without a line may be done."""

    @property
    def done(self) -> Mapping[ChangeIndex, Revision | None]:
        """Revisions that the changes produced."""
        return MappingProxyType(self._done)

    def add(self, changes: Iterable[AppliedChange]) -> None:
        """Append changes that are done."""
        for change in changes:
            self._done[change.place] = change.revision
            self._file.write(json.dumps([*change.place, change.revision]).encode("ascii") + b"\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())


class PlanFolder:
    """Folder of applied plans. Its methods block on disk access.

    Raises:
        ExplorerError: The folder cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, plan: Plan) -> None:
        """Keep a plan; one that is kept already stays as it is, but for the constraints that it overrides.

        Raises:
            InvalidPlan: Another plan with the same ID is kept.
        """
        text = write_plan(plan)
        try:
            with PrivateFolder(self.path, make=True) as folder:
                kept = folder.read(f"{plan.id}.json", MAX_PLAN_SIZE)
                if kept == text.encode():
                    return
                if kept is None or _is_same(kept, plan):
                    folder.write(f"{plan.id}.json", text.encode())
                else:
                    raise InvalidPlan(
                        f"the plan {plan.id} was edited after it was first applied", hint="make a new plan"
                    )
        except OSError as error:
            raise self._unusable(error) from error

    def read(self, identity: str) -> Plan | None:
        """Return a plan that is kept; None if there is none of this ID."""
        try:
            with PrivateFolder(self.path) as folder:
                data = folder.read(f"{identity}.json", MAX_PLAN_SIZE)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from error
        return None if data is None else read_plan(data.decode("utf-8", "replace"), identity)

    def progress(self, plan: Plan) -> Progress:
        """Return the progress of a plan, to be used as a context manager."""
        name = f"{plan.id}.progress"
        try:
            with PrivateFolder(self.path, make=True) as folder:
                data = folder.read(name, MAX_PLAN_SIZE)
                return Progress(_read_lines(plan, data or b""), folder.append(name), resumed=data is not None)
        except OSError as error:
            raise self._unusable(error) from error

    def was_begun(self, identity: str) -> bool:
        """Return whether a plan was applied, as a whole or in part."""
        return (self.path / f"{identity}.progress").exists()

    def list_plans(self) -> tuple[str, ...]:
        """Return the IDs of the plans that are kept, the newest first."""
        try:
            with PrivateFolder(self.path) as folder:
                names = folder.names()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._unusable(error) from error
        return tuple(sorted((name[: -len(".json")] for name in names if name.endswith(".json")), reverse=True))

    def _unusable(self, error: OSError) -> ExplorerError:
        return ExplorerError(
            f"no plan can be kept in {self.path}: {error.strerror or error}",
            hint="nothing was changed; another folder is named by XDG_STATE_HOME",
        )


def _is_same(kept: bytes, plan: Plan) -> bool:
    """Return whether a kept plan differs at most in the constraints that it overrides."""
    before = read_plan(kept.decode("utf-8", "replace"), plan.id)
    return write_plan(replace(before, overrides=())) == write_plan(replace(plan, overrides=()))


def _read_lines(plan: Plan, data: bytes) -> Mapping[ChangeIndex, Revision | None]:
    """Return the changes that are done; a line that was cut off by a crash is none.

    Raises:
        InvalidPlan: A line is damaged.
    """
    done: dict[ChangeIndex, Revision | None] = {}
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            part, number, revision = json.loads(line)
            plan.parts[part].changes[number]
        except (ValueError, TypeError, IndexError) as error:
            raise InvalidPlan(f"the progress of the plan {plan.id} is damaged", hint="look at its keys") from error
        done[ChangeIndex(part, number)] = revision
    return done
