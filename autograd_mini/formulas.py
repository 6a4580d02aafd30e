"""A graph as text: the formula of a Value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from autograd_mini.graph import Text, names, plain, topological_order
from autograd_mini.rules import Rule, power
from autograd_mini.value import Value

# How strongly an operation holds its operands together; a function call, a name and a number hold best.
STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2, "negated": 3, "**": 4}
ATOM = 5

# An expression longer or nested deeper than this is broken up: nobody could read it, and Python's parser has limits too.
LONGEST = 100
DEEPEST = 40


Written: TypeAlias = tuple[str, int, int]  # a text, the strength that holds it together, and how deeply it is nested


class Notation:
    """How a graph is written: here as Python reads it. Subclasses write it in other ways."""

    def name(self, name: str) -> str:
        return name

    def number(self, number: float) -> str:
        return plain(number)

    def function(self, rule: Rule, operands: list[str]) -> str:
        return rule.expression(*operands)

    def operation(self, rule: Rule, operands: list[Written]) -> tuple[str, int]:
        """The operation as text, and its strength. Brackets keep the order in which the operations were recorded."""
        if rule.symbol.isidentifier():
            return self.function(rule, [text for text, _, _ in operands]), ATOM
        if rule.db is None:
            strength = STRENGTH["negated"]
            return rule.symbol + bracketed(operands[0], strength + 1), strength
        # Equals go from left to right, but a ** b ** c is a ** (b ** c); and a ** -b needs no brackets.
        strength = STRENGTH[rule.symbol]
        left, right = (strength + 1, STRENGTH["negated"]) if rule.symbol == "**" else (strength, strength + 1)
        return f"{bracketed(operands[0], left)} {rule.symbol} {bracketed(operands[1], right)}", strength


def bracketed(operand: Written, weakest: int) -> str:
    """The operand's text, in brackets if its strength is below the weakest that needs none."""
    text, strength, _ = operand
    return text if strength >= weakest else f"({text})"


PYTHON = Notation()


def formula(value: Value, notation: Notation = PYTHON) -> Text:
    """The expression that computes the Value, in terms of labels and numbers, with no bracket that is not needed.

    A part that is used more than once, that has a label of its own, or that is very long, is named and follows in a
    line of its own, "where v3 = …", after the parts it needs. Read in Python, with the leaves' numbers
    under their labels, the text gives the number of the Value, bit for bit.

    >>> x, y = Value(3.0, "x"), Value(2.0, "y")
    >>> formula((x - (y - 1)) ** 2 / 2)
    (x - (y - 1)) ** 2 / 2
    >>> z = (x * y).named("z")
    >>> formula(z * (1 - z))
    z * (1 - z)
    where z = x * y
    """
    order = topological_order(value)
    called = names(order)
    lines = straight_line([value], order, called, notation)
    if not lines:
        return Text(notation.name(called[value]))
    *parts, (_, whole) = lines
    return Text("\n".join([whole, *(f"where {notation.name(called[node])} = {text}" for node, text in parts)]))


def straight_line(
    outputs: Iterable[Value], order: Iterable[Value], called: Mapping[Value, str], notation: Notation
) -> list[tuple[Value, str]]:
    """The operations of a graph written one after another: each node that gets a line, and the expression it equals.

    The outputs get a line, and so does each node that is used more than once, that has a label, or whose expression is
    too long or nested too deeply; the others are folded into the line that uses them.
    """
    order = list(order)
    uses = Counter(operand for node in order for operand in node.operands if isinstance(operand, Value))
    uses.update(2 * list(outputs))  # so that an output is not folded into a line that uses it
    lines = []
    written: dict[Value, Written] = {}
    for node in order:
        if not node.operands:
            written[node] = _atom(notation.name(called[node]))
            continue
        operands = [
            written[operand] if isinstance(operand, Value) else _atom(notation.number(operand))
            for operand in node.operands
        ]
        text, strength = notation.operation(node._rule, operands)
        depth = 1 + max([operand[2] for operand in operands])
        if uses[node] > 1 or node.label or len(text) > LONGEST or depth >= DEEPEST:
            lines.append((node, text))
            text, strength, depth = notation.name(called[node]), ATOM, 0
        written[node] = text, strength, depth
    return lines


def _atom(text: str) -> Written:
    return text, STRENGTH["negated"] if text.startswith("-") else ATOM, 0


def partial_formula(node: Value, position: int, called: Mapping[Value, str], notation: Notation = PYTHON) -> Text:
    """The local derivative of a node with respect to its operand at the position, in the names of node and operands.

    It is the rule of the table, evaluated on labels.

    >>> w, x = Value(0.5, "w"), Value(3.0, "x")
    >>> z = (w / x).named("z")
    >>> called = names(topological_order(z))
    >>> partial_formula(z, 0, called), partial_formula(z, 1, called)
    (1 / x, -z / x)
    """
    label: dict[Value | float, Value | float] = {
        operand: Value(operand, plain(operand)) if isinstance(operand, float) else Value(operand._data, called[operand])
        for operand in node.operands
    }
    if node._rule is power and isinstance(node.operands[1], float):
        label[node.operands[1]] = node.operands[1]  # as a number, so that 3 * a ** (3 - 1) reads 3 * a ** 2
    operands = (label[operand] for operand in node.operands)
    derivative = node._rule.partials[position](Value(node._data, called[node]), *operands)
    if isinstance(derivative, Value):
        return formula(derivative, notation)
    return Text(notation.number(float(derivative)))
