"""Options of the questions about the selected value: its type, and what to copy of it."""

from explorer.codecs.base import Choice
from explorer.session.copy_options import CopySource, copied_text, copy_command, copy_options, not_copied_text
from explorer.session.states import Option
from explorer.session.type_options import MatchingKeys, automatic_option, scope_options, type_options
from tests.session.fixtures import Place, opened, shown


async def test_type_options_begin_with_the_current_type() -> None:
    place = Place()
    async with place.other() as other:
        await other.put("a/1", b'{"x": 1}')
    async with opened(place) as session:
        loaded = await shown(session, "a/1")
        assert automatic_option(session.detail).details == "chosen now; by rules and content"
        options = type_options(session.detail, await session.detail.find_choices())
        assert (options[0].value, options[0].details) == (loaded.document.choice, "shown now")
        chosen = next(one.value for one in options if isinstance(one.value, Choice) and not one.details)
        session.detail.choose(chosen)
        await session.idle()
        options = type_options(session.detail, await session.detail.find_choices())
        assert (options[0].value, options[0].details) == (chosen, "chosen now")
        assert automatic_option(session.detail).details == "by rules and content"
        scopes = [one.value for one in scope_options(session.detail)]
        assert scopes == ["key", *(MatchingKeys(one) for one in session.detail.patterns), "other"]


async def test_copy_options_of_a_value_and_a_folder() -> None:
    place = Place()
    async with place.other() as other:
        await other.put("a/1", b"x\x1b")
    async with opened(place) as session:
        await shown(session, "a/1")
        options = copy_options(session)
        assert [one.title for one in options] == ["Key", "Value", "Key and value", "Command"]
        assert options[0].value() == "a/1"
        assert options[3].value() == copy_command(session) == f"keyscope get {session.address} a/1"
        session.select("a")
        await session.idle()
        assert [one.title for one in copy_options(session)] == ["Key", "Command"]
        assert copy_command(session) == f"keyscope ls {session.address} a/"
        assert options[1].value() is None
        assert not_copied_text(session).startswith("nothing was copied: ")


def test_copied_text_has_no_control_characters() -> None:
    option: Option[CopySource] = Option("Key and value", lambda: None)
    assert copied_text(option, "a\nb") == ("a\nb", "copied: key and value")
    escaped = "copied: key and value, with escapes for invisible characters"
    assert copied_text(option, "a\x1b") == ("a\\x1b", escaped)
