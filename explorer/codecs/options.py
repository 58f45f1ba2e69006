"""Schemas and rules that a person names: on the command line, in a profile or in a call; light to import."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from explorer.config import Profile, folder

_MAX_PROBLEMS: Final = 5
"""Problems of schemas and rules that are shown."""


@dataclass(frozen=True, slots=True)
class CodecOptions:
    """Schemas and rules for decoding values; missing ones come from the settings and the store."""

    protos: tuple[Path, ...] = ()
    """`.proto` files, descriptor sets, `*_pb2.py`, and folders of them."""
    includes: tuple[Path, ...] = ()
    """Folders that imports of schemas are relative to, as `-I` of protoc."""
    codecs: Path | None = None
    """Rule file; None for `codecs.toml` in the settings folder."""

    @classmethod
    def of(cls, profile: Profile) -> "CodecOptions":
        """Return the options of a profile."""
        return cls().or_of(profile)

    def or_of(self, profile: Profile) -> "CodecOptions":
        """Return these options; a profile has those that are not given."""
        return CodecOptions(
            self.protos or profile.protos, self.includes or profile.includes, self.codecs or profile.codecs
        )

    @property
    def is_configured(self) -> bool:
        """True if an option or a settings file has schemas or rules."""
        return self != CodecOptions() or (folder("config") / "codecs.toml").exists()


def limit_problems(lines: Sequence[str]) -> Sequence[str]:
    """Return the first problems of schemas and rules, and a line with the number of further ones."""
    more = len(lines) - _MAX_PROBLEMS
    return lines if more <= 1 else (*lines[:_MAX_PROBLEMS], f"and {more} more problems of schemas or rules")
