"""The semaphore of Consul's Go client (`consul lock -n`): a list of holders at `<prefix>/.lock`, in JSON."""

import json
from dataclasses import dataclass
from typing import Final

from explorer.drivers.consul.answers import Stored

SEMAPHORE_FLAG: Final = 0xE0F69A2BAA414DE0
"""What Consul's Go client writes into the flags of a semaphore's keys."""
SEMAPHORE: Final = "semaphore"
"""The name of the layout."""
LIST: Final = "/.lock"
"""The end of the list's key."""


@dataclass(frozen=True, slots=True)
class Semaphore:
    """What a semaphore's list says."""

    limit: int
    holders: tuple[str, ...]
    """Sessions."""

    @classmethod
    def of(cls, stored: Stored) -> "Semaphore | None":
        """Read one; None if this is no such list."""
        if stored.flags != SEMAPHORE_FLAG or not stored.key.endswith(LIST):
            return None
        try:
            match json.loads(stored.value):
                case {"Limit": int(limit), "Holders": dict(holders)}:
                    return cls(limit, tuple(sorted(holders)))
        except ValueError:
            pass
        return None
