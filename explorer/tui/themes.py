"""Dark, light, high contrast and colour-blind-safe; without colour everything is still told by glyph and style."""

from pathlib import Path
from typing import Final

from textual.theme import Theme

DARK: Final = Theme(
    name="keyscope-dark",
    primary="#56B4E9",
    secondary="#0072B2",
    accent="#E69F00",
    warning="#E69F00",
    error="#D55E00",
    success="#4FB89A",
    foreground="#E4E6EB",
    background="#101418",
    surface="#161B21",
    panel="#222A33",
    dark=True,
)
"""The default; its colours are those of Okabe and Ito, which colour-blind people tell apart."""

LIGHT: Final = Theme(
    name="keyscope-light",
    primary="#005A8C",
    secondary="#0072B2",
    accent="#8A5A00",
    warning="#8A5A00",
    error="#A63C00",
    success="#00664A",
    foreground="#16191D",
    background="#FFFFFF",
    surface="#F7F8FA",
    panel="#E3E7EC",
    dark=False,
)

CONTRAST: Final = Theme(
    name="keyscope-contrast",
    primary="#FFFFFF",
    secondary="#9CDCFE",
    accent="#FFD700",
    warning="#FFD700",
    error="#FF9E64",
    success="#7FFFD4",
    foreground="#FFFFFF",
    background="#000000",
    surface="#000000",
    panel="#303030",
    dark=True,
)

THEMES: Final = (DARK, LIGHT, CONTRAST)
DEFAULT: Final = DARK.name


def remembered_theme(file: Path | None) -> str | None:
    """Return the theme that was chosen last, None if none is remembered or it is not known any more."""
    if file is None:
        return None
    try:
        name = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if name in {theme.name for theme in THEMES} or name.startswith(("ansi-", "textual-")) else None
