"""How an operation is written, given its operands: in Python's notation, with no bracket that is not needed.

Every text about a graph is written here. LaTeX, programs and other notations are subclasses of Notation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from autograd_mini import rules
from autograd_mini.rules import Operator, Rule

# How strongly an operation holds its operands together; a function call, a name and a number hold best.
STRENGTH: dict[Rule, int] = {rules.add: 1, rules.sub: 1, rules.mul: 2, rules.div: 2, rules.neg: 3, rules.power: 4}
NEGATED, ATOM = 3, 5


class Text(str):
    """A text about a graph: a str that shows itself in the REPL as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(slots=True)
class Written:
    """A text, and the strength that holds it together."""

    text: str
    strength: int = ATOM

    def bracketed(self, weakest: int) -> str:
        """The text, in brackets if its strength is below the weakest that needs none."""
        return self.text if self.strength >= weakest else f"({self.text})"


class Notation:
    """How a graph is written: here as Python reads it. Subclasses write it in other ways."""

    signs: ClassVar[Mapping[Rule, str]] = {}  # of the operations that are not written by their symbol

    def name(self, name: str) -> Written:
        """A node, by its name. A label that is not a single name ("x1*w1 + b") holds its parts together not at all."""
        return Written(name, ATOM if name.isidentifier() else 0)

    def number(self, number: float) -> Written:
        return signed(plain(number))

    def function(self, rule: Rule, operands: Sequence[Written]) -> str:
        """The call of a function."""
        texts = [operand.bracketed(0 if len(operands) == 1 else 1) for operand in operands]
        return f"{self.signs.get(rule, rule.symbol)}({', '.join(texts)})"

    def operator(self, rule: Rule, operands: Sequence[Written]) -> str:
        """An operation of the six that have a sign. Brackets keep the order in which the operations were recorded."""
        strength, sign = STRENGTH[rule], self.signs.get(rule, rule.symbol)
        if len(operands) == 1:
            return sign + operands[0].bracketed(strength + 1)
        # Equals go from left to right, but a ** b ** c is a ** (b ** c); and a ** -b needs no brackets.
        left, right = (strength + 1, NEGATED) if rule is rules.power else (strength, strength + 1)
        return f"{operands[0].bracketed(left)} {sign} {operands[1].bracketed(right)}"

    def operation(self, rule: Rule, operands: Sequence[Written]) -> Written:
        """The operation on operands that have been written."""
        if isinstance(rule, Operator):
            return Written(self.operator(rule, operands), STRENGTH[rule])
        return Written(self.function(rule, operands))


PYTHON = Notation()


def labelled(operand: Any, write: Callable[[float], str]) -> Written:
    """An operand by its label, or else by its number."""
    label = label_of(operand)
    return PYTHON.name(label) if label else signed(write(getattr(operand, "_data", operand)))


def label_of(operand: Any) -> str:
    """The label of a Value as it is printed; "" if it has none, or is anything else."""
    label = getattr(operand, "label", None)
    return printable(label) if isinstance(label, str) else ""


def signed(text: str) -> Written:
    """A number that has been written: a minus holds it less well together."""
    return Written(text, NEGATED if text.startswith("-") else ATOM)


def plain(number: float) -> str:
    """The shortest text that reads back as the number, whole numbers without their ".0": 2, 0.1, 1e+22, -0.0."""
    text = repr(number).removesuffix(".0")
    return "-0.0" if text == "-0" else text


def figure(number: float) -> str:
    """A number for people: six digits, and never -0."""
    return f"{number + 0.0:.6g}"  # -0.0 + 0.0 is 0.0


def columns(rows: Sequence[Sequence[str]], sides: str, between: str = "  ") -> list[str]:
    """The rows as lines of a table, each column aligned to its side: "<" or ">"."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = [[f"{text:{side}{width}}" for text, side, width in zip(row, sides, widths, strict=True)] for row in rows]
    return [between.join(line).rstrip() for line in cells]


def some(texts: Sequence[str], most: int) -> str:
    """The texts as a list for people, cut off where there are more than so many: "w, b, …"."""
    return ", ".join([*texts[:most], *["…"] * (len(texts) > most)])


def printable(label: str) -> str:
    r"""A label with \n for a line break, and so on: what cannot be printed would break the texts it stands in."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in label)
