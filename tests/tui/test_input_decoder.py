"""The input decoder, fed in any pieces: keys as they are, pastes as text."""

from codecs import getincrementaldecoder

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.tui.terminal.input_decoder import LenientDecoder

BEGIN, END = b"\x1b[200~", b"\x1b[201~"
PICTURE = "\N{SYMBOL FOR ESCAPE}".encode()


def read(pieces: list[bytes]) -> str:
    reading = LenientDecoder(getincrementaldecoder("utf-8")(errors="replace"))
    return "".join([*map(reading.decode, pieces), reading.decode(b"", final=True)])


def cut(sent: bytes, places: list[int]) -> list[bytes]:
    """Cut what is sent into pieces."""
    ends = sorted({place % (len(sent) + 1) for place in places} | {len(sent)})
    pieces = [sent[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return [piece for piece in pieces if piece]


PARTS = st.lists(st.sampled_from([b"a", b"\x1b", b"\x1b[2", b"\x1b[20", b"\x1b[31m", b"201~", "\xe9".encode(), b"\n"]))
TYPED = st.lists(st.sampled_from([b"a", b"\x1b", b"\x1b[A", b"\x1b[20~", "\xe9".encode()])).map(b"".join)


@given(st.lists(st.tuples(TYPED, PARTS.map(b"".join))), TYPED, st.lists(st.integers(0, 500)))
def test_input_decoder_keeps_keys_and_cleans_pastes(
    alternating: list[tuple[bytes, bytes]], last: bytes, places: list[int]
) -> None:
    sent, expected = b"", b""
    for typed, pasted in alternating:
        if BEGIN in typed + BEGIN[:-1] or END in pasted + END[:-1]:
            continue
        sent += typed + BEGIN + pasted + END
        expected += typed + BEGIN + pasted.replace(b"\x1b", PICTURE) + END
    assert read(cut(sent + last, places)) == (expected + last).decode()


@given(TYPED, st.lists(st.integers(0, 500)))
def test_input_decoder_holds_no_key_back(typed: bytes, places: list[int]) -> None:
    reading = LenientDecoder(getincrementaldecoder("utf-8")(errors="replace"))
    half = getincrementaldecoder("utf-8")()
    for piece in cut(typed, places):
        assert reading.decode(piece) == half.decode(piece)


def test_input_decoder_end_of_input_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[bool] = []
    monkeypatch.setattr("explorer.tui.terminal.input_decoder.hang_up", lambda: gone.append(True))
    reading = LenientDecoder(getincrementaldecoder("utf-8")(errors="replace"))
    assert reading.decode(b"last") == "last"
    assert not gone
    reading.decode(b"")
    assert gone


def test_input_decoder_replaces_invalid_utf_8() -> None:
    assert read([b"a\xff", b"\xc3", b"\xa9", b"\xe2\x82"]) == "a\ufffd\xe9\ufffd"


def test_input_decoder_returns_unfinished_paste() -> None:
    assert read([BEGIN + b"half\x1b[20"]) == BEGIN.decode() + "half\x1b[20"


def test_input_decoder_early_line_feed_is_enter() -> None:
    """The terminal still makes line feeds of it then; in a paste they stay."""
    assert read([b":a\n", b"j\n" + BEGIN + b"1\n2" + END]) == ":a\rj\r" + BEGIN.decode() + "1\n2" + END.decode()
