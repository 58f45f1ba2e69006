"""Choose the type of a value: for one key, or for all keys that match a pattern."""

from typing import Final

from textual.screen import Screen

from explorer.codecs.base import Choice
from explorer.model.errors import SchemaFailed
from explorer.model.format import format_error
from explorer.session.session import Session
from explorer.session.states import Option
from explorer.session.type_options import (
    PATTERN_HELP,
    TYPE_QUESTION,
    MatchingKeys,
    TypeAnswer,
    TypeScope,
    automatic_option,
    pattern_title,
    rule_outcome,
    scope_options,
    type_options,
    type_scope_question,
)
from explorer.tui.dialogs.confirm import ChoiceDialog
from explorer.tui.dialogs.text import TextDialog
from explorer.tui.type_ahead import release_keys

_PATTERN_HELP: Final = f"{PATTERN_HELP}; enter stores it, esc goes back"


async def choose(screen: Screen[None], session: Session) -> None:
    """Ask for the type of the selected value, then for the keys that it applies to."""
    choice = await screen.app.push_screen_wait(_type_dialog(session))
    if isinstance(choice, Choice):
        await _choose_scope(screen, session, choice)
    elif choice is not None:
        session.detail.choose(None)
    release_keys()


def _type_dialog(session: Session) -> ChoiceDialog[TypeAnswer]:
    detail = session.detail

    async def find_more() -> list[Option[TypeAnswer]]:
        return type_options(detail, await detail.find_choices())

    choices = detail.choices
    options = [automatic_option(detail), *type_options(detail, choices or ())]
    return ChoiceDialog(TYPE_QUESTION, options, find_more=find_more if choices is None else None)


async def _choose_scope(screen: Screen[None], session: Session, choice: Choice) -> None:
    """Ask for the keys that are read so, and have them read."""
    key, patterns = session.detail.key, session.detail.patterns
    question: ChoiceDialog[TypeScope] = ChoiceDialog(type_scope_question(choice), scope_options(session.detail))
    scope = await screen.app.push_screen_wait(question)
    if scope is None or key != session.detail.key:
        return
    match scope:
        case "key":
            session.detail.choose(choice)
        case "other":
            pattern = await _ask_pattern(screen, choice, patterns[0] if patterns else "")
            await _add_rule(screen, session, choice, pattern)
        case MatchingKeys():
            await _add_rule(screen, session, choice, scope.pattern)


async def _ask_pattern(screen: Screen[None], choice: Choice, start: str, problem: str = "") -> str | None:
    dialog = TextDialog(pattern_title(choice), start, help=_PATTERN_HELP, problem=problem)
    return await screen.app.push_screen_wait(dialog)


async def _add_rule(screen: Screen[None], session: Session, choice: Choice, pattern: str | None) -> None:
    """Store a rule for a pattern; ask again if it cannot be stored."""
    while pattern:
        try:
            await session.detail.add_rule(pattern, choice)
        except SchemaFailed as error:
            pattern = await _ask_pattern(screen, choice, pattern, format_error(error))
        else:
            screen.notify(rule_outcome(pattern, choice))
            return
