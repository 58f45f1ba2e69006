"""The forms in which a value is shown and edited, and what differs inside a line."""

from pathlib import Path

import pytest
from textual.widgets import TextArea

from explorer.codecs.codecs import Codecs
from explorer.codecs.rule_file import RuleFile
from explorer.tui.screens.edit import EditScreen
from tests.codecs.common import THREE, edges
from tests.session.fixtures import Place
from tests.tui.app_harness import NARROW, WIDE, browsing

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "160x50"])
LINE = b'{"on":false,"rps":20,"hosts":["a","b"]}'


@pytest.fixture
async def place() -> Place:
    """A store with JSON in one line."""
    place = Place()
    async with place.other() as store:
        await store.put("app", LINE)
    return place


async def stored(place: Place, key: str = "app") -> bytes | None:
    """Return what is stored."""
    async with place.other() as store:
        return (await store.get(key)).value


@SIZES
async def test_json_on_one_line_is_edited_indented(place: Place, size: tuple[int, int]) -> None:
    """The pane says which form it is, the form key switches it, and an edit changes one value of the stored line."""
    async with browsing(place.connect, Codecs(), size=size, writable=True) as page:
        await page.shows("json, indented: valid JSON", '  "on": false,', '    "a",')
        await page.press("i")
        await page.shows("json, as stored", '{"on":false,"rps":20')
        await page.press("i")
        await page.shows('  "on": false,')
        await page.press("e")
        await page.shows("json, indented)", '  "rps": 20,')
        await page.press("ctrl+home", "down", "down", "end", "left", "backspace", "5", "ctrl+s")
        await page.shows('-  "rps": 20,', '+  "rps": 25,', "^^", "the layout that is stored is kept")
        await page.press("ctrl+s")
        await page.shows("saved app")
    assert await stored(place) == LINE.replace(b"20", b"25")


async def test_editor_form_switch_keeps_text(place: Place) -> None:
    """In the editor the form key goes on with the same edit as stored, and back."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("e", "ctrl+home", "down", "down", "end", "left", "7", "ctrl+t")
        await page.shows("json, as stored)", '"rps":207,')
        await page.press("ctrl+s")
        await page.shows('-  "rps": 20,', '+  "rps": 207,')
        await page.press("escape", "ctrl+t")
        await page.shows("json, indented)", '  "rps": 207,')
        await page.press("ctrl+s", "ctrl+s")
        await page.shows("saved app")
    assert await stored(place) == LINE.replace(b"20", b"207")


async def test_editor_without_other_form_says_so(place: Place) -> None:
    """Text has one form; a text that is not valid has none but its own."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("e", "ctrl+end", "x", "ctrl+t")
        await page.shows("not valid JSON")
        await page.leave_editor("down", "down", "enter")
        await page.shows("1 Keys")


async def test_draft_of_indented_value_is_continued(place: Place, tmp_path: Path) -> None:
    """A draft typed in one form is opened in the same form."""
    async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
        await page.press("i", "e")
        await page.shows("json, as stored)")
        await page.press("end", "x")
        await page.leave_editor("down", "enter")
        await page.shows("the draft is kept")
        await page.press("e", "enter")
        await page.shows("json, as stored)", "]}x")


async def test_review_shows_changed_white_space(place: Place) -> None:
    """A trailing space is a dot, a tab an arrow, each with carets below; no colour is needed to see them."""
    async with place.other() as store:
        await store.put("app", b"one two\nthree\n")
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.shows("text: ")
        await page.press("e")
        await page.shows("not modified")
        await page.press("ctrl+home", "end", "space", "down", "down", "backspace")
        await page.press("ctrl+s")
        await page.shows("-one two", "+one two·", "        ^", "no line feed at the end")


async def test_type_rule_is_stored_for_matching_keys(tmp_path: Path) -> None:
    """After the type it is asked for which keys; the rule is written, and other keys are read so at once."""
    place = Place()
    async with place.other() as store:
        for number in range(3):
            await store.put(f"orders/{number}", b"\x08\x96\x01")
    file = tmp_path / "codecs.toml"
    codecs = Codecs(edges().schemas, rule_file=RuleFile(file, "memory:"))
    async with browsing(place.connect, codecs) as page:
        await page.press("l", "down")
        await page.shows("hex: ", "t chooses a message type")
        await page.press("t")
        await page.shows("Automatic  chosen now")
        await page.type(f"{THREE} json")
        await page.press("enter")
        await page.shows("for which keys?", "This key only", "All keys like orders/{id:digits}", "Another pattern")
        await page.press("5")  # another pattern
        await page.shows("orders/{id:digits}")
        await page.press("backspace", "enter")
        await page.shows("brace")
        await page.type("}")
        await page.press("enter")
        await page.shows(f"{THREE} as JSON: rule")
        await page.press("down")
        await page.shows("orders/1", f"{THREE} as JSON: rule")
        await page.press("t")
        await page.shows("shown now")
        await page.type("hex")
        await page.press("enter", "enter", "t")
        await page.shows("hex  chosen now")
    assert 'key = "orders/{id:digits}"' in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "wrong", "why"), [("bad.json", '{"a": ', "not valid JSON"), ("b.yml", "a: [", "not valid YAML")]
)
async def test_new_key_is_checked_by_extension(place: Place, name: str, wrong: str, why: str) -> None:
    """A new key named as JSON or YAML is of that kind from the first letter on."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("n")
        await page.type(name)
        await page.press("enter")
        await page.shows(f"(new key, {'json' if 'json' in name else 'yaml'})")
        await page.type(wrong)
        await page.shows(why)
        await page.press("ctrl+s")
        await page.shows(why)


async def test_conflict_marks_differences_inside_lines(place: Place) -> None:
    """In a conflict of one-line JSON the three are shown indented, with carets below what each side changed."""
    async with browsing(place.connect, Codecs(), size=WIDE, writable=True) as page:
        await page.press("e", "ctrl+home", "down", "down", "end", "left", "backspace", "5")
        async with place.other() as store:
            await store.put("app", LINE.replace(b'"b"', b'"b "'))
        await page.shows("Another client has changed this key meanwhile")
        await page.press("ctrl+s", "ctrl+s")
        await page.shows("The changes can be merged without a conflict", '  "rps": 25,')
        lines = page.lines()
        mine = next(at for at, line in enumerate(lines) if '"rps": 25,' in line)
        theirs = next(at for at, line in enumerate(lines) if '"b·"' in line)
        assert lines[mine + 1].find("^^") == lines[mine].find("25,")
        assert lines[theirs + 1].find("^") == lines[theirs].find("·")
        await page.press("b")
        await page.shows("json, indented)", '  "rps": 25,', '"b "')


async def test_save_right_after_letter_includes_it(place: Place) -> None:
    """A key that saves before the editor heard of the letter takes it over first: nothing is lost, or saved unseen."""
    async with place.other() as store:
        await store.put("plain", b"text")
    async with browsing(place.connect, Codecs(), writable=True) as page:
        page.session.select("plain")
        await page.settle()
        await page.app.push_screen(EditScreen(page.session, page.session.edit()))
        page.app.screen.query_one(TextArea).insert("X")
        page.app.action_perform("save")
        await page.shows("Save plain?", "+Xtext")
