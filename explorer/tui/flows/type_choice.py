"""The choice of how values are read: of one key, or of all keys like it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from textual.screen import Screen

from explorer.codecs.base import Choice
from explorer.model.errors import SchemaFailed
from explorer.model.sanitize import sanitize
from explorer.session.session import Session
from explorer.tui.dialogs.confirm import ChoiceDialog, Option
from explorer.tui.dialogs.pattern import PatternDialog


@dataclass(frozen=True, slots=True)
class _Similar:
    """All keys that match a pattern."""

    pattern: str


Scope: TypeAlias = Literal["key", "other"] | _Similar
_KEPT: Final = "kept for next time"
_AUTOMATIC: Final = "automatic"


def ask_type(screen: Screen[None], session: Session) -> None:
    """Ask how the selected value is to be read, then for which keys."""
    detail = session.detail
    shown = None if detail.loaded is None else detail.loaded.document.choice
    automatic = "what the rules and the value itself say"
    if detail.chosen is None:
        automatic = f"chosen now; {automatic}"
    options: list[Option[Choice | str]] = [Option("Automatic", _AUTOMATIC, automatic)]

    def others(choices: Iterable[Choice]) -> list[Option[Choice | str]]:
        found: list[Option[Choice | str]] = [
            Option(str(one), one, _remark(one, detail.chosen, shown)) for one in choices
        ]
        return sorted(found, key=lambda option: not option.more)

    async def find_rest() -> list[Option[Choice | str]]:
        return others(await detail.find_choices())

    choices = detail.choices

    def answered(answer: Choice | str | None) -> None:
        if isinstance(answer, Choice):
            _ask_scope(screen, session, answer)
        elif answer is not None:
            detail.choose(None)

    dialog = ChoiceDialog(
        "Read this value as", options + others(choices or ()), rest=find_rest if choices is None else None
    )
    screen.app.push_screen(dialog, answered)


def _remark(option: Choice, chosen: Choice | None, shown: Choice | None) -> str:
    if option == chosen:
        return "chosen now"
    return "shown now" if option == shown else ""


def _ask_scope(screen: Screen[None], session: Session, choice: Choice) -> None:
    key, patterns = session.detail.key, session.detail.patterns
    options: list[Option[Scope]] = [Option("This key only", "key", "until the app ends")]
    options += [Option(f"All keys like {sanitize(one)}", _Similar(one), _KEPT) for one in patterns]
    options.append(Option("Another pattern", "other", _KEPT))

    def answered(answer: Scope | None) -> None:
        if answer is None or key != session.detail.key:
            return
        match answer:
            case "key":
                session.detail.choose(choice)
            case "other":
                _ask_pattern(screen, session, choice, patterns[0] if patterns else "")
            case _Similar(pattern=pattern):
                screen.run_worker(_keep(screen, session, choice, pattern))

    screen.app.push_screen(ChoiceDialog(f"{choice}: for which keys?", options), answered)


def _ask_pattern(screen: Screen[None], session: Session, choice: Choice, start: str, problem: str = "") -> None:
    def answered(pattern: str | None) -> None:
        if pattern:
            screen.run_worker(_keep(screen, session, choice, pattern))

    screen.app.push_screen(PatternDialog(f"Keys read as {choice}", start, problem), answered)


async def _keep(screen: Screen[None], session: Session, choice: Choice, pattern: str) -> None:
    try:
        await session.detail.add_rule(pattern, choice)
    except SchemaFailed as error:
        _ask_pattern(screen, session, choice, pattern, f"{error.message}. {error.hint or ''}".strip())
        return
    screen.notify(sanitize(f"{pattern} is read as {choice} from now on"), markup=False)
