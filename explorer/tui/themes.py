"""Themes: dark, light and high contrast, all safe for colour-blind people.

Nothing is shown by colour alone: signs and styles show the same.
"""

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
"""The default theme, with the colours of Okabe and Ito."""

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
    """Return the theme that was chosen last; None if none is stored, or it does not exist any more."""
    if file is None:
        return None
    try:
        name = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if name in {theme.name for theme in THEMES} or name.startswith(("ansi-", "textual-")) else None
