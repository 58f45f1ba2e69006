"""The command with a defect, which nothing else could provoke: asked for help, the app meets an unexpected exception.

    python -m tests.tui.crashing_app URL

What it says of that has a stranger's words in it, as the message of a library may have.
"""

import sys

from explorer.cli import main
from explorer.tui.screens.browse import BrowseScreen


def _fail(_: BrowseScreen) -> None:
    address = sys.argv[-1]  # with its password: the message must not be shown or kept
    raise RuntimeError("a defect\x1b]0;a title\x07\x1b[2J" + address)


if __name__ == "__main__":
    setattr(BrowseScreen, "do_help", _fail)  # noqa: B010 - the type says that it is never another
    sys.exit(main())
