"""Which key holds what: rules, each a pattern of keys and how their values are read."""

from dataclasses import dataclass

from explorer.codecs.base import Choice
from explorer.codecs.patterns import Pattern


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern and what the keys it matches hold."""

    pattern: Pattern
    choice: Choice
    name: str = "a rule"
    """What messages call it, such as `rule 3 of codecs.toml`."""
    priority: int = 0
    editable: bool = True

    @property
    def reason(self) -> str:
        """Why a value is read by this rule."""
        return f"{self.name}: {self.pattern} -> {self.choice}"

    @property
    def rank(self) -> tuple[int, bool, int]:
        """What decides between rules that match the same key; the higher one is taken."""
        return self.priority, self.pattern.exact, self.pattern.literal


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules, in the order they were written.

    Of those that match a key the one with the highest priority is taken, then one for this very key, then the one
    with the most literal characters, then the earliest.
    """

    rules: tuple[Rule, ...] = ()

    def find(self, key: str) -> Rule | None:
        """Give the rule for a key, spelled as the store does."""
        return max((rule for rule in self.rules if rule.pattern.matches(key)), key=lambda rule: rule.rank, default=None)

    def shadowed(self) -> tuple[str, ...]:
        """Name the rules that can never be taken because another one has the same pattern and goes first."""
        first: dict[str, Rule] = {}
        problems: list[str] = []
        for rule in sorted(self.rules, key=lambda rule: rule.priority, reverse=True):
            taken = first.setdefault(rule.pattern.expression.pattern, rule)
            if taken is not rule:
                problems.append(f"{rule.name} is never used: {taken.name} has the same keys and goes first")
        return tuple(problems)

    def __add__(self, others: "Rules") -> "Rules":
        return Rules(self.rules + others.rules)
