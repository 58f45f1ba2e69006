"""Rules from key patterns to codecs and message types."""

from dataclasses import dataclass

from explorer.codecs.base import Choice
from explorer.codecs.patterns import Pattern


@dataclass(frozen=True, slots=True)
class Rule:
    """Pattern of keys and the codec of their values."""

    pattern: Pattern
    choice: Choice
    name: str = "rule"
    """Name in messages, such as `rule 3 of codecs.toml`."""
    priority: int = 0
    editable: bool = True
    hint: str = ""
    """Command or option that gets the schema of its type, if that is known to be missing."""

    @property
    def reason(self) -> str:
        """Reason of the documents that this rule opens."""
        return f"{self.name}: {self.pattern} -> {self.choice}"

    @property
    def rank(self) -> tuple[int, bool, int]:
        """Precedence among rules that match the same key; the highest wins."""
        return self.priority, self.pattern.exact, self.pattern.literal


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules in file order.

    Precedence: the highest priority, then an exact key, then the most literal characters, then the earliest.
    """

    rules: tuple[Rule, ...] = ()

    def find(self, key: str) -> Rule | None:
        """Return the rule for a whole key, or None."""
        return max((rule for rule in self.rules if rule.pattern.matches(key)), key=lambda rule: rule.rank, default=None)

    def shadowed(self) -> tuple[str, ...]:
        """Return a line for each rule that is never used because another with the same pattern takes precedence."""
        first: dict[str, Rule] = {}
        problems: list[str] = []
        for rule in sorted(self.rules, key=lambda rule: rule.priority, reverse=True):
            used = first.setdefault(rule.pattern.expression.pattern, rule)
            if used is not rule:
                problems.append(f"{rule.name} is never used: {used.name} has the same pattern and takes precedence")
        return tuple(problems)

    def __add__(self, others: "Rules") -> "Rules":
        return Rules(self.rules + others.rules)
