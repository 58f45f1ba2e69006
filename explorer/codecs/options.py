"""Schemas and rules that a person names: on the command line, in a profile or in a call; light to import."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Final, TypeAlias

from explorer.config import Profile, folder, split_presets
from explorer.model.errors import SchemaFailed

PathName: TypeAlias = str | PathLike[str]
CodecNames: TypeAlias = PathName | Sequence[PathName]
"""A rule file, `preset:NAME`, or a list of presets and at most one rule file."""

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

    presets: tuple[str, ...] = ()
    """Names of presets of rules."""

    @classmethod
    def from_names(
        cls,
        proto: Iterable[PathName] = (),
        import_paths: Iterable[PathName] = (),
        codecs: CodecNames | None = None,
    ) -> "CodecOptions":
        """Return the options as they are named in a call or on the command line.

        Args:
            proto: As `--proto`.
            import_paths: As `-I`.
            codecs: As `--codecs`.

        Raises:
            SchemaFailed: `codecs` has more than one file.
        """
        names = [codecs] if isinstance(codecs, str | PathLike) else codecs or ()
        presets, files = split_presets(names)
        if len(files) > 1:
            raise SchemaFailed(f"more than one file of rules: {', '.join(files)}", hint="write preset: before a preset")
        return cls(
            tuple(map(Path, proto)), tuple(map(Path, import_paths)), next(map(Path, files), None), tuple(presets)
        )

    @classmethod
    def of(cls, profile: Profile) -> "CodecOptions":
        """Return the options of a profile."""
        return cls().or_of(profile)

    def or_of(self, profile: Profile) -> "CodecOptions":
        """Return these options; a profile has those that are not given."""
        return CodecOptions(
            self.protos or profile.protos,
            self.includes or profile.includes,
            self.codecs or profile.codecs,
            self.presets or profile.presets,
        )

    def without(self, setting: str) -> "CodecOptions":
        """Return these options without a setting of a profile, `proto` or `codecs`."""
        return replace(self, protos=(), includes=()) if setting == "proto" else replace(self, codecs=None, presets=())

    def failed_setting(self, profile: Profile, error: SchemaFailed) -> str | None:
        """Return the setting of a profile, `proto` or `codecs`, that an error of these options is about, or None."""
        if self.protos == profile.protos and any(str(path) in error.message for path in profile.protos):
            return "proto"
        if self.codecs is not None and self.codecs == profile.codecs and str(self.codecs) in error.message:
            return "codecs"
        return None

    @property
    def is_configured(self) -> bool:
        """True if an option or a settings file has schemas or rules."""
        return self != CodecOptions() or (folder("config") / "codecs.toml").exists()

    @property
    def has_constraints(self) -> bool:
        """True if the rule file may have constraints; nothing is parsed to find out."""
        try:
            return b"constraint" in (self.codecs or folder("config") / "codecs.toml").read_bytes()
        except OSError:
            return self.codecs is not None  # reading it again says what is wrong


def limit_problems(lines: Sequence[str]) -> Sequence[str]:
    """Return the first problems of schemas and rules, and a line with the number of further ones."""
    more = len(lines) - _MAX_PROBLEMS
    return lines if more <= 1 else (*lines[:_MAX_PROBLEMS], f"and {more} more problems of schemas or rules")
