"""Progress of a plan that is applied, in a file: what is about to be sent, and what is done.

One JSON line each, written before what it announces and after what it reports::

    {"part": 0, "begin": [0, 1], "directories": ["new/"]}     these are sent now; the directories are missing yet
    [0, 0, 58]                                                change 0 of part 0 is done, at revision 58
    {"part": 0, "refused": [1]}                               change 1 was refused: nothing was written
    {"undone": "ID"}                                          a plan that takes all of it back was begun

A process that is killed leaves lines that begin without an end: only these changes are in doubt, and what is in the
store says which of them were done.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from io import BufferedWriter
from itertools import groupby
from types import MappingProxyType, TracebackType
from typing import NamedTuple, Self

from explorer.model.entries import Revision
from explorer.model.errors import InvalidPlan
from explorer.plans.plan import Plan


class ChangeIndex(NamedTuple):
    """Place of a change in its plan."""

    part: int
    number: int


class AppliedChange(NamedTuple):
    """A change that is done."""

    place: ChangeIndex
    revision: Revision | None
    """Revision of the key now; None if it was deleted."""


class ProgressRecord:
    """State that the lines of a file lead to."""

    def __init__(self) -> None:
        self.done: dict[ChangeIndex, Revision | None] = {}
        self.begun: dict[ChangeIndex, None] = {}
        self.refused: dict[ChangeIndex, None] = {}
        self.directories: dict[tuple[int, str], None] = {}
        self.undone_by: str | None = None

    def read(self, line: object, plan: Plan) -> None:
        """Take in one line.

        Raises:
            ValueError, TypeError, IndexError, KeyError: It is none.
        """
        if isinstance(line, dict):
            if "undone" in line:
                self.undone_by = str(line["undone"])
                return
            part = line["part"]
            for number in line.get("begin", ()):
                self.begin(_place(plan, part, number))
            for number in line.get("refused", ()):
                self.refuse(_place(plan, part, number))
            self.directories |= dict.fromkeys((part, str(name)) for name in line.get("directories", ()))
            return
        match line:
            case [part, number, int() | str() | None as revision]:
                self.finish(AppliedChange(_place(plan, part, number), revision))
            case _:
                raise TypeError(line)

    @property
    def may_have_done(self) -> bool:
        """True if changes are done, or in doubt."""
        return bool(self.done or self.begun)

    def is_finished(self, plan: Plan) -> bool:
        """Return whether every change is done, or was left since others changed its key."""
        return len(self.done) + len(self.refused) >= len(plan)

    def begin(self, place: ChangeIndex) -> None:
        """Note a change that is sent."""
        self.begun[place] = None
        self.refused.pop(place, None)

    def refuse(self, place: ChangeIndex) -> None:
        """Note a change that was not done."""
        self.begun.pop(place, None)
        self.refused[place] = None

    def finish(self, change: AppliedChange) -> None:
        """Note a change that is done."""
        self.begun.pop(change.place, None)
        self.done[change.place] = change.revision


class Progress:
    """The changes of one plan that are done, kept in its file.

    Args:
        plan: The plan.
        data: Content of the file; None if there was none.
        file: The file, open to append to.

    Raises:
        InvalidPlan: A line is damaged.
    """

    def __init__(self, plan: Plan, data: bytes | None, file: BufferedWriter) -> None:
        self._record = read_lines(plan, data or b"")
        self._file = file
        self.resumed = self._record.may_have_done
        """True if changes of the plan are done, or were sent, before."""

    @property
    def undone_by(self) -> str | None:
        """ID of the plan that takes this one back, if one was begun."""
        return self._record.undone_by

    @property
    def done(self) -> Mapping[ChangeIndex, Revision | None]:
        """Revisions that the changes produced."""
        return MappingProxyType(self._record.done)

    @property
    def doubtful(self) -> Sequence[ChangeIndex]:
        """Changes that were sent, and of which the answer is missing."""
        return tuple(self._record.begun)

    def directories(self, part: int) -> tuple[str, ...]:
        """Return the directories that the changes of a part made, each before those in it."""
        return tuple(sorted(name for of_part, name in self._record.directories if of_part == part))

    def begin(self, places: Sequence[ChangeIndex], directories: Sequence[str] = ()) -> None:
        """Note changes that are about to be sent, on the disk.

        Args:
            places: The changes, all of one part.
            directories: Directories above their keys that are missing.
        """
        for place in places:
            self._record.begin(place)
        part = places[0].part
        self._record.directories |= dict.fromkeys((part, name) for name in directories)
        extra = {"directories": list(directories)} if directories else {}
        self._write([{"part": part, "begin": [place.number for place in places], **extra}])
        os.fsync(self._file.fileno())

    def add(self, changes: Iterable[AppliedChange]) -> None:
        """Append changes that are done."""
        changes = tuple(changes)
        for change in changes:
            self._record.finish(change)
        self._write([[*change.place, change.revision] for change in changes])

    def refuse(self, places: Iterable[ChangeIndex]) -> None:
        """Note changes of which it is known that they were not done."""
        places = tuple(places)
        for place in places:
            self._record.refuse(place)
        self._write(
            [
                {"part": part, "refused": [place.number for place in of_part]}
                for part, of_part in groupby(places, key=lambda place: place.part)
            ]
        )

    def _write(self, lines: Iterable[object]) -> None:
        self._file.write(b"".join(json.dumps(line).encode("ascii") + b"\n" for line in lines))
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())


def _place(plan: Plan, part: object, number: object) -> ChangeIndex:
    if type(part) is not int or type(number) is not int or part < 0 or number < 0:
        raise TypeError(part, number)
    plan.parts[part].changes[number]
    return ChangeIndex(part, number)


def read_lines(plan: Plan, data: bytes) -> ProgressRecord:
    """Return what lines lead to; one that was cut off by a crash is none.

    Raises:
        InvalidPlan: A line is damaged.
    """
    record = ProgressRecord()
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            record.read(json.loads(line), plan)
        except (ValueError, TypeError, IndexError, KeyError, RecursionError) as error:
            raise InvalidPlan(f"the progress of the plan {plan.id} is damaged", hint="look at its keys") from error
    return record
