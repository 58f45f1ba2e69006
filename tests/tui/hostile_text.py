"""Hostile contents of a store: texts that steer a terminal, are taken for markup, or deceive the eye."""

import base64
import re
import unicodedata
from typing import Final

from hypothesis import strategies as st

from tests.tui.terminal import pieces

STEERING: Final = (
    "\x1b]0;a title\x07",
    "\x1b]52;c;b3duZWQ=\x07",
    "\x1b]8;;http://stranger/\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]22;wait\x07",
    "\x1b[31mred\x1b[0m",
    "\x1b[2J\x1b[H",
    "\x1b[999;999H",
    "\x1b[6n",
    "\x1b[?1049l",
    "\x1b[201~pasted",
    "\x1bP+q544e\x1b\\",
    "\x1b_Gf=24;AAAA\x1b\\",
    "\x1b^private\x1b\\",
    "\x1bc",
    "\x1b(0",
    "\x1b",
    "\x9b2J",
    "\x9d0;a title\x9c",
    "\x90q\x9c",
    "\x84\x85\x88\x8d",
    "\x00\x05\x07\x08\x0b\x0c\x0e\x0f\x7f",
    "\r",
    "over\rwritten",
    "two\nlines",
    "a\ttab",
    "\n\n\n",
)
DECEIVING: Final = (
    "\u202egpj.exe\u202c",
    "\u2066isolated\u2069",
    "\u061c\u200e\u200f",
    "zero\u200b\u200c\u200dwidth\ufeff",
    "\u2060\u00ad\u034f\u180e\u3164\uffa0",
    "one\u2028two\u2029three",
    "variation\ufe0f\U000e0100",
    "\U000e0041\U000e0042\U000e007f",
    "Z" + "\u0335\u0489" * 20,
    "e\u0301\u0327\u0323",
    "\u0e01\u0e47\u0e47\u0e47\u0e47\u0e47\u0e47",
    "\u1112\u1161\u11ab\u1112\u1161\u11ab",
    "漢字とかな",
    "\uff57\uff49\uff44\uff45\u3000\uff53\uff50\uff41\uff43\uff45",
    "👩\u200d👩\u200d👧👍🏽🇩🇪☺\ufe0f1\ufe0f\u20e3",
    "שלום العربية",
    "न्क्षि",
    "\ue000\uf8ff\U000f0000",
    "\ufffe\uffff\U0001ffff",
    "\xa0\u2003\u3000",
    "\u0378\u05ff",
)
MARKUP: Final = (
    "[/markup]",
    "[/]",
    "[",
    "[bold",
    "[bold red]bold",
    "[@click=app.quit]click[/]",
    "[@click=app.quit('x')]",
    "[link=http://stranger/]y[/link]",
    "[$primary]x[/$primary]",
    "[#ff0000 on $error]x",
    "\\[bold]",
    "\\",
    "$text",
    "{0} {x} %s %(x)s",
    "#[fg=red]",
    ":smile:",
    "<b>&amp;</b>",
)
PLAIN: Final = ("", " ", "  ends  ", "a", '"', "'", "-rf", "~", ".", "..", "x" * 300)
BROKEN: Final = ("\udcff", "\udc80\udc9b2J", "half \udce2\udc82")
"""Bytes that are not UTF-8, as keys keep them."""
HALVES: Final = ("\ud800", "\udfff")
"""Characters that no store can hold, only a message of a library."""

STORED: Final = (*STEERING, *DECEIVING, *MARKUP, *PLAIN, *BROKEN)
STRANGE: Final = (*STORED, *HALVES)
KINDS: Final = {
    "steering": "".join(STEERING),
    "deceiving": "".join(DECEIVING),
    "markup": "".join(MARKUP),
    "broken": "".join((*BROKEN, *PLAIN)),
}
"""All of a kind in one text."""


def stored(text: str) -> bytes:
    """Return the bytes that a store has for a text."""
    return text.encode(errors="surrogateescape")


_IGNORABLE: Final = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's Default_Ignorable_Code_Point, which nobody can see, and the blank of Braille."""
_HIDDEN: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def suspects(text: str) -> list[str]:
    """Return the characters of a text that must not reach a terminal as they are."""
    return [
        repr(letter)
        for letter in text
        if unicodedata.category(letter) in _HIDDEN
        or (unicodedata.category(letter) == "Zs" and letter != " ")
        or _IGNORABLE.match(letter)
    ]


_PART: Final = r"(?:[0-9]|38;2;\d+;\d+;\d+|48;2;\d+;\d+;\d+)"
_OURS: Final = re.compile(
    rf"\x1b\[{_PART}(?:;{_PART})*m"
    r"|\x1b\[\d+;\d+H"  # on the screen, or at the end below it
    r"|\x1b\[\?(?:7|25|1000|1003|1004|1006|1015|1016|1049|2004|2026|2048)[hl]"
    r"|\x1b\[\?20(?:26|48)\$p"
    r"|\x1b\[>\d+u|\x1b\[<u"  # the keyboard of kitty
    r"|\x1b\]22;(?:default|pointer|text)\x07"  # the shape of the mouse
    r"|\x1b\]52;c;[A-Za-z0-9+/=]*\x07"
)
"""All that the app itself sends. Colours are always told as red, green and blue."""


def foreign(sent: bytes, size: tuple[int, int]) -> list[str]:
    """Return what an app sent to a terminal that is neither a sequence of its own nor text that can be seen."""
    columns, lines = size
    found = []
    for escape, piece in pieces(sent.decode()):
        if not escape:
            found += suspects(piece.replace("\r\n", ""))
        elif not _OURS.fullmatch(piece):
            found.append(repr(piece))
        elif place := re.fullmatch(r"\x1b\[(\d+);(\d+)H", piece):
            if not (1 <= int(place[1]) <= lines + 1 and 1 <= int(place[2]) <= columns):
                found.append(repr(piece))
        elif copied := re.fullmatch(r"\x1b\]52;c;(.*)\x07", piece):
            found += suspects(base64.b64decode(copied[1]).decode().replace("\n", "").replace("\t", ""))
    return found


_STEERED: Final = st.builds(
    lambda begin, parameters, end: f"{begin}{parameters}{end}",
    st.sampled_from(["\x1b[", "\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x1b", "\x9b", "\x9d", "\x90"]),
    st.text(st.sampled_from("0123456789;:?<=>$!abc"), max_size=8),
    st.sampled_from(["m", "H", "J", "n", "h", "\x07", "\x1b\\", "\x9c", "u", ""]),
)
_MARKED: Final = st.builds(
    lambda inside, after: f"[{inside}]{after}",
    st.text(st.sampled_from("/@#$abcz=.('\")[]\\ "), max_size=12),
    st.text(st.sampled_from("ab[/]\\"), max_size=4),
)
_HARD: Final = st.text(
    st.one_of(
        st.characters(categories=("Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs")),
        st.characters(categories=("Mn", "Me", "Mc", "Sk", "Lo")),
        st.characters(min_codepoint=0x1F1E6, max_codepoint=0x1FAFF),
    ),
    max_size=12,
)
texts: Final = st.lists(
    st.one_of(st.sampled_from(STRANGE), _STEERED, _MARKED, _HARD, st.text(max_size=12)), min_size=1, max_size=4
).map("".join)
"""Any text that a stranger may have written."""
