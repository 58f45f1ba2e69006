"""Choose the type of a value: for one key, or for all keys that match a pattern."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from textual.screen import Screen

from explorer.codecs.base import Choice
from explorer.model.errors import SchemaFailed
from explorer.model.format import format_error
from explorer.model.sanitize import sanitize
from explorer.session.session import Session
from explorer.session.states import Option
from explorer.tui.dialogs.confirm import ChoiceDialog
from explorer.tui.dialogs.pattern import PatternDialog


@dataclass(frozen=True, slots=True)
class _MatchingKeys:
    """All keys that match a pattern."""

    pattern: str


Scope: TypeAlias = Literal["key", "other"] | _MatchingKeys
_STORED: Final = "stored in codecs.toml"
_AUTOMATIC: Final = "automatic"


def choose(screen: Screen[None], session: Session) -> None:
    """Ask for the type of the selected value, then for the keys that it applies to."""
    detail = session.detail
    current = None if detail.loaded is None else detail.loaded.document.choice
    automatic = "by rules and content"
    if detail.chosen is None:
        automatic = f"chosen now; {automatic}"
    options: list[Option[Choice | str]] = [Option("Automatic", _AUTOMATIC, automatic)]

    def options_for(choices: Iterable[Choice]) -> list[Option[Choice | str]]:
        found: list[Option[Choice | str]] = [
            Option(str(one), one, _details(one, detail.chosen, current)) for one in choices
        ]
        return sorted(found, key=lambda option: not option.details)

    async def find_more() -> list[Option[Choice | str]]:
        return options_for(await detail.find_choices())

    choices = detail.choices

    def on_choice(choice: Choice | str | None) -> None:
        if isinstance(choice, Choice):
            _choose_scope(screen, session, choice)
        elif choice is not None:
            detail.choose(None)

    dialog = ChoiceDialog(
        "Read this value as", options + options_for(choices or ()), find_more=find_more if choices is None else None
    )
    screen.app.push_screen(dialog, on_choice)


def _details(option: Choice, chosen: Choice | None, current: Choice | None) -> str:
    if option == chosen:
        return "chosen now"
    return "shown now" if option == current else ""


def _choose_scope(screen: Screen[None], session: Session, choice: Choice) -> None:
    key, patterns = session.detail.key, session.detail.patterns
    options: list[Option[Scope]] = [Option("This key only", "key", "until the app ends")]
    options += [Option(f"All keys like {sanitize(one)}", _MatchingKeys(one), _STORED) for one in patterns]
    options.append(Option("Another pattern", "other", _STORED))

    def on_choice(scope: Scope | None) -> None:
        if scope is None or key != session.detail.key:
            return
        match scope:
            case "key":
                session.detail.choose(choice)
            case "other":
                _ask_pattern(screen, session, choice, patterns[0] if patterns else "")
            case _MatchingKeys(pattern=pattern):
                screen.run_worker(_add_rule(screen, session, choice, pattern))

    screen.app.push_screen(ChoiceDialog(f"{choice}: for which keys?", options), on_choice)


def _ask_pattern(screen: Screen[None], session: Session, choice: Choice, start: str, problem: str = "") -> None:
    def on_pattern(pattern: str | None) -> None:
        if pattern:
            screen.run_worker(_add_rule(screen, session, choice, pattern))

    screen.app.push_screen(PatternDialog(f"Keys read as {choice}", start, problem), on_pattern)


async def _add_rule(screen: Screen[None], session: Session, choice: Choice, pattern: str) -> None:
    try:
        await session.detail.add_rule(pattern, choice)
    except SchemaFailed as error:
        _ask_pattern(screen, session, choice, pattern, format_error(error))
        return
    screen.notify(f"{pattern} is read as {choice} from now on")
