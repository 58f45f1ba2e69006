"""Choose the type of a value: for one key, or for all keys that match a pattern."""

from textual.screen import Screen

from explorer.codecs.base import Choice
from explorer.model.errors import SchemaFailed
from explorer.model.format import format_error
from explorer.session.session import Session
from explorer.session.states import Option
from explorer.session.type_options import (
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
from explorer.tui.dialogs.pattern import PatternDialog


def choose(screen: Screen[None], session: Session) -> None:
    """Ask for the type of the selected value, then for the keys that it applies to."""
    detail = session.detail

    async def find_more() -> list[Option[TypeAnswer]]:
        return type_options(detail, await detail.find_choices())

    choices = detail.choices

    def on_choice(choice: TypeAnswer | None) -> None:
        if isinstance(choice, Choice):
            _choose_scope(screen, session, choice)
        elif choice is not None:
            detail.choose(None)

    options = [automatic_option(detail), *type_options(detail, choices or ())]
    dialog = ChoiceDialog(TYPE_QUESTION, options, find_more=find_more if choices is None else None)
    screen.app.push_screen(dialog, on_choice)


def _choose_scope(screen: Screen[None], session: Session, choice: Choice) -> None:
    key, patterns = session.detail.key, session.detail.patterns

    def on_choice(scope: TypeScope | None) -> None:
        if scope is None or key != session.detail.key:
            return
        match scope:
            case "key":
                session.detail.choose(choice)
            case "other":
                _ask_pattern(screen, session, choice, patterns[0] if patterns else "")
            case MatchingKeys(pattern=pattern):
                screen.run_worker(_add_rule(screen, session, choice, pattern))

    screen.app.push_screen(ChoiceDialog(type_scope_question(choice), scope_options(session.detail)), on_choice)


def _ask_pattern(screen: Screen[None], session: Session, choice: Choice, start: str, problem: str = "") -> None:
    def on_pattern(pattern: str | None) -> None:
        if pattern:
            screen.run_worker(_add_rule(screen, session, choice, pattern))

    screen.app.push_screen(PatternDialog(pattern_title(choice), start, problem), on_pattern)


async def _add_rule(screen: Screen[None], session: Session, choice: Choice, pattern: str) -> None:
    try:
        await session.detail.add_rule(pattern, choice)
    except SchemaFailed as error:
        _ask_pattern(screen, session, choice, pattern, format_error(error))
        return
    screen.notify(rule_outcome(pattern, choice))
