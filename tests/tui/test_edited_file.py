"""Text that comes from outside: pasted, or written by $EDITOR. Every character is kept, or what is not is said."""

import os
import stat
from pathlib import Path

import pytest
from textual.events import Paste

from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs
from explorer.tui.flows.edited_file import EditorError, decode_edited, editor_command
from tests.codecs.common import THREE, edges
from tests.session.fixtures import Place
from tests.tui.app_harness import browsing
from tests.tui.store_helpers import fill
from tests.tui.terminal import Terminal

STRANGE = "a\u2028b\u2029c\x85d\x0be\x0cf\x00g"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("vim -c 'set nu", "invalid EDITOR: no closing quotation: vim -c 'set nu"),
        ("nosuch --wait", "EDITOR is nosuch, which is not installed or not executable"),
        ("''", "EDITOR has no command: ''"),
        ("#", "EDITOR is #, which is not installed or not executable"),
    ],
)
def test_editor_command_unusable_raises_editor_error(value: str, why: str) -> None:
    """The message says what is in the variable and what is wrong with it."""
    with pytest.raises(EditorError) as caught:
        editor_command({"EDITOR": value, "PATH": os.defpath})
    assert str(caught.value) == why


def test_editor_command_takes_visual_first_and_keeps_quotes() -> None:
    """VISUAL goes before EDITOR, an empty one is passed over, arguments with spaces stay together."""
    assert editor_command({"VISUAL": "sh -c 'a b'", "EDITOR": "nosuch"}) == ["sh", "-c", "a b"]
    assert editor_command({"VISUAL": " ", "EDITOR": "sh"}) == ["sh"]


@pytest.mark.parametrize(
    ("sent", "written", "text", "remarks"),
    [
        ("uno", b"uno\n", "uno", 0),
        ("uno", b"uno", "uno", 0),
        ("uno", b"uno\r\ntwo\r\n", "uno\ntwo", 1),
        ("uno\n", b"uno\r\n", "uno\n", 1),
        ("uno\n", b"uno", "uno", 0),
        ("uno\ntwo\n", b"uno\r\ntwo\n", "uno\r\ntwo\n", 0),
        ("uno", b"\xef\xbb\xbfuno\n", "uno", 1),
        ("uno", "é\r\n".encode("utf-16"), "é", 2),
        ("uno", b"\xfe\xff" + "é\n".encode("utf-16-be"), "é", 1),
        ("uno", "é\n".encode("utf-32"), "é", 1),
        ("uno", b"", "", 0),
        ("", b"\n", "", 0),
        ("a\n", STRANGE.encode() + b"\n", f"{STRANGE}\n", 0),
    ],
)
def test_decode_edited_returns_text_and_remarks(sent: str, written: bytes, text: str, remarks: int) -> None:
    """Additions of editors are removed, with a remark where it is more than the last line feed."""
    found = decode_edited(written, sent)
    assert (found.text, len(found.remarks)) == (text, remarks)


@pytest.mark.parametrize(
    ("written", "why"), [(b"uno\xff\n", "not UTF-8: byte 0xff at 3"), (b"\xff\xfea", "not UTF-16: byte 0x61 at 2")]
)
def test_decode_edited_not_text_raises_editor_error(written: bytes, why: str) -> None:
    """The place of the wrong byte is said."""
    with pytest.raises(EditorError, match=why):
        decode_edited(written, "uno")


def test_paste_into_document_keeps_characters() -> None:
    """Text, JSON and messages are written so that an editor keeps each character; a draft has the form with it."""
    for choice in (Choice("text"), Choice("yaml")):
        document = Codecs().open("k", b"old", choice)
        other, text = document.adopt(STRANGE)
        assert text.splitlines() == text.split("\n")
        assert Codecs().open("k", b"old", other.choice).encode(text if choice.codec == "text" else "x").changed
        if choice.codec == "text":
            assert other.encode(text).value == STRANGE.encode()
            assert other.adopt(text) == (other, text)
            assert other.paste("\\") == (other, "\\\\")
    json = Codecs().open("k.json", b'{"a": 1}')
    other, text = json.adopt('{"a": "\u2028"}')
    assert other.encode(text).value == '{"a": "\u2028"}'.encode()
    for form, spelled in (("text", "\\342\\200\\250"), ("json", "\\u2028")):
        message = edges().open("k", b"", Choice("protobuf", THREE, "json" if form == "json" else "text"))
        assert message.adopt("\u2028") == (message, spelled)


@pytest.fixture
async def memory() -> Place:
    """A store with a line of text."""
    place = Place()
    async with place.other() as store:
        await store.put("app", b"one\\two")
    return place


@pytest.mark.parametrize("pasted", [STRANGE, "c\\new", "x\r\ny\rz", "tab\there"])
async def test_paste_into_text_area_keeps_characters(memory: Place, pasted: str) -> None:
    """Pasted text is stored as it is, line ends as line feeds, whatever else is in the text."""
    async with browsing(memory.connect, Codecs(), writable=True) as page:
        await page.press("e", "right")
        editor = page.app.screen.focused
        assert editor is not None
        editor.post_message(Paste(pasted))
        await page.settle()
        await page.type("!")
        await page.press("ctrl+s")
        await page.shows("Save app?")
        await page.press("ctrl+s")
        await page.shows("saved app")
    expected = pasted.replace("\r\n", "\n").replace("\r", "\n")
    async with memory.other() as store:
        assert (await store.get("app")).value == f"o{expected}!ne\\two".encode()


async def test_paste_of_lines_into_input_is_refused(memory: Place) -> None:
    """A prompt takes one line as it is; of several none is dropped without a word."""
    async with browsing(memory.connect, Codecs(), writable=True) as page:
        await page.press("n")
        field = page.app.screen.focused
        assert field is not None
        field.post_message(Paste("new\u2028key\r"))
        await page.settle()
        assert getattr(field, "value", None) == "new\u2028key"
        field.post_message(Paste("a\rb"))
        await page.shows("not pasted: 2 lines")


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        ("exit 3", ["exited with status 3", "The text was not changed."]),
        ("printf 'new\\n' > $1; exit 1", ["exited with status 1", "kept as a draft"]),
        ("printf 'a\\377' > $1", ["not UTF-8: byte 0xff at 1", "The file is kept:"]),
        ("rm $1", ["the editor removed its file"]),
        ("printf 'uno\\r\\ntwo\\r\\n' > $1", ["Save app?", "+uno", "+two"]),
        (None, ["invalid EDITOR"]),
    ],
)
def test_failing_editor_is_shown_until_dismissed(
    place: str, tmp_path: Path, script: str | None, shown: list[str]
) -> None:
    """Nothing that $EDITOR does ends the app or loses a text; a message waits for enter."""
    fill(place, app="uno dos")
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    editor.chmod(stat.S_IRWXU)
    variables = {"EDITOR": str(editor) if script else "vim 'x"}
    with Terminal("--write", place, home=tmp_path, variables=variables) as terminal:
        terminal.shows("LIVE", "uno dos")
        terminal.press("E")
        terminal.shows(*shown)
        terminal.press("enter")
        terminal.hides(shown[0])
        terminal.shows("LIVE")
