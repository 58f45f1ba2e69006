"""Plans that were applied, with what applying them produced: the source of resuming and of undo.

For each plan there are `ID.json`, the plan, and `ID.progress`, see `progress`.
"""

import fcntl
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from explorer.model.errors import ExplorerError, InvalidPlan
from explorer.plans.plan import Plan
from explorer.plans.plan_file import read_plan, write_plan
from explorer.plans.progress import Progress, ProgressRecord, read_lines
from explorer.private_folder import PrivateFolder

MAX_PLAN_SIZE: Final = 2**30
"""Maximum size of a plan in bytes."""


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
        data = write_plan(plan).encode()
        try:
            with PrivateFolder(self.path, make=True) as folder:
                kept = folder.read(f"{plan.id}.json", MAX_PLAN_SIZE)
                if kept == data:
                    return
                if kept is None or _is_same(kept, plan):
                    folder.write(f"{plan.id}.json", data)
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
        """Return the progress of a plan, to be used as a context manager.

        Raises:
            InvalidPlan: Another process applies the plan at the moment, or a line of its progress is damaged.
        """
        name = f"{plan.id}.progress"
        try:
            with PrivateFolder(self.path, make=True) as folder:
                is_new = name not in folder.names()
                file = folder.append(name)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # released with the file
                    data = None if is_new else _existing(folder, name)
                    if is_new and plan.undoes and f"{plan.undoes}.progress" in folder.names():
                        with folder.append(f"{plan.undoes}.progress") as other:
                            other.write(json.dumps({"undone": plan.id}).encode("ascii") + b"\n")
                    if data is not None:  # what a crash cut off is no line
                        os.ftruncate(file.fileno(), data.rfind(b"\n") + 1)
                    return Progress(plan, data, file)
                except BaseException:
                    file.close()
                    raise
        except BlockingIOError as error:
            raise InvalidPlan(f"the plan {plan.id} is being applied by another process", hint="wait for it") from error
        except OSError as error:
            raise self._unusable(error) from error

    def was_begun(self, identity: str) -> bool:
        """Return whether a plan was applied, as a whole or in part."""
        return (self.path / f"{identity}.progress").exists()

    def plan_to_undo(self, identity: str | None = None) -> Plan:
        """Return a plan that was applied and is to be taken back, or one that takes it back and is not finished.

        Args:
            identity: ID of the plan, or of the one that takes it back; None for the newest that is not taken back.
                A plan that takes another back is itself taken back only by its ID, and so is one that was applied
                before a plan that did nothing: nobody who wants that one undone means another.

        Raises:
            InvalidPlan: There is none, or it is taken back already.
        """
        idle: Plan | None = None
        for name in self.list_plans() if identity is None else [identity]:
            plan = self.read(name)
            if plan is not None and identity is not None and plan.undoes and not self.was_begun(plan.id):
                plan = self.read(plan.undoes)
            if plan is None or not self.was_begun(plan.id) or (plan.undoes and identity is None):
                continue
            if identity is None and not self.record(plan).may_have_done:
                idle = idle or plan
                continue
            if idle is not None:
                hint = f"keyscope undo {plan.id} takes back the one before: {plan.title}"
                raise InvalidPlan(f"the newest plan has done nothing: {idle.title}", hint=hint)
            undo = self._begun_undo(plan)
            if undo is None:
                return plan
            if not self.is_finished(undo):
                return undo
            if identity is not None:
                raise InvalidPlan(f"the plan {plan.id} is taken back already", hint=f"undo {undo.id} does it again")
        raise InvalidPlan(
            "there is nothing to take back" if identity is None else f"no applied plan has the ID {identity!r}",
            hint="copy, move and apply print the ID when they are done",
        )

    def is_finished(self, plan: Plan) -> bool:
        """Return whether every change is done, or was left since others changed its key."""
        return self.record(plan).is_finished(plan)

    def record(self, plan: Plan) -> ProgressRecord:
        """Return how far a plan is; one that was not applied has done nothing."""
        if not self.was_begun(plan.id):
            return ProgressRecord()
        with PrivateFolder(self.path) as folder:
            return read_lines(plan, folder.read(f"{plan.id}.progress", MAX_PLAN_SIZE) or b"")

    def _begun_undo(self, plan: Plan) -> Plan | None:
        undone_by = self.record(plan).undone_by
        return None if undone_by is None else self.read(undone_by)

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


def _existing(folder: PrivateFolder, name: str) -> bytes:
    data = folder.read(name, MAX_PLAN_SIZE)
    if data is None:
        raise PermissionError(0, "the progress of the plan cannot be read", name)
    return data


def _is_same(kept: bytes, plan: Plan) -> bool:
    """Return whether a kept plan differs at most in the constraints that it overrides."""
    before = read_plan(kept.decode("utf-8", "replace"), plan.id)
    return write_plan(replace(before, overrides=())) == write_plan(replace(plan, overrides=()))
