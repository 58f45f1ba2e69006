"""The history of an etcd store as an independent recorder has it, and states derived from it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Change:
    """One key changed by one revision; `value` None deletes, and has neither `created` nor `version`."""

    revision: int
    key: str
    value: bytes | None
    created: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A change, and the last change of the key before it; None if the key was absent."""

    change: Change
    before: Change | None


@dataclass(frozen=True, slots=True)
class History:
    """All changes of the watched keys, in the order of the store."""

    changes: tuple[Change, ...]
    steps: tuple[Step, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(_steps(self.changes)))

    def between(self, after: int, until: float) -> tuple[Step, ...]:
        """Return the steps after one revision and up to another."""
        return tuple(step for step in self.steps if after < step.change.revision <= until)

    def state(self, revision: float) -> dict[str, Change]:
        """Return the last change of each key that exists at a revision."""
        return final_state(change for change in self.changes if change.revision <= revision)

    @property
    def last(self) -> int:
        """The last revision that changed a watched key."""
        return self.changes[-1].revision if self.changes else 0


def final_state(changes: Iterable[Change]) -> dict[str, Change]:
    """Return the last change of each key that exists after some changes."""
    state: dict[str, Change] = {}
    for change in changes:
        if change.value is None:
            state.pop(change.key, None)
        else:
            state[change.key] = change
    return state


def _steps(changes: Iterable[Change]) -> Iterator[Step]:
    state: dict[str, Change] = {}
    for change in changes:
        yield Step(change, state.get(change.key))
        if change.value is None:
            state.pop(change.key, None)
        else:
            state[change.key] = change
