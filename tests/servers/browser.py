"""Chromium or Chrome on PATH, for the tests of the notebook widgets.

    python3 tests/servers/browser.py

installs the distribution's Chromium where there is neither. Unlike the servers it cannot be unpacked: its hundred
libraries are the system's. So it takes root and apt-get, and only the continuous integration runs it.

Standard library only: this runs before anything else is installed.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

if not __package__:  # started as a script: the checkout is not yet where Python looks
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.servers.programs import Program, command

BROWSERS: Final = tuple(
    Program(name, name, "browser", f"usr/bin/{name}", ("--version",), r"(?:Chromium|Chrome)\D* (\d+\.\S+)")
    for name in ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome")
)
"""Each is asked for its version: what some distributions call chromium-browser only says where else to look."""

_PACKAGES: Final = ("chromium", "fonts-liberation")


def main() -> int:
    """Install Chromium unless a browser is there; the exit code says whether one is there now."""
    if any(command(browser) for browser in BROWSERS):
        return 0
    if os.geteuid() != 0:
        sys.stderr.write("no Chromium or Chrome on PATH, and only root can install one\n")
        return 1
    try:
        _apt("update")  # may fail for an archive that has no browser
        done = _apt("install", "--no-install-recommends", *_PACKAGES)
    except FileNotFoundError:
        sys.stderr.write("no Chromium or Chrome on PATH, and no apt-get to install one\n")
        return 1
    if done.returncode:
        sys.stderr.write(f"Chromium was not installed:\n{done.stderr}")
    return done.returncode


def _apt(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["apt-get", "-qq", "-y", "-oDPkg::Lock::Timeout=120", *arguments],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())
