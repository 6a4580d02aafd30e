"""formula: a graph as text, with the fewest brackets; a gradient's formula is the whole derivative."""

from collections import Counter
from collections.abc import Container
from inspect import isfunction
from itertools import chain
from math import inf

from autograd_mini.graph import Graph
from autograd_mini.notation import PYTHON, Notation, Text, Written, plain
from autograd_mini.rules import TABLE, Rule, power
from autograd_mini.value import Value

# A longer expression is broken up: nobody could read it, and Python's parser has limits too.
LONGEST = 100


def formula(value: Value) -> Text:
    """The expression that computes the Value, in terms of labels and numbers, with no bracket that is not needed.

    A part that is used more than once, that has a label of its own, or that is very long, is named and follows in a
    line of its own, "where v3 = …", after the parts it needs. Read in Python, with the leaves' numbers under their
    labels, the text gives the number of the Value, bit for bit.

    >>> x, y = Value(3.0, "x"), Value(2.0, "y")
    >>> formula((x - (y - 1)) ** 2 / 2)
    (x - (y - 1)) ** 2 / 2
    >>> z = (x * y).named("z")
    >>> formula(z * (1 - z))
    z * (1 - z)
    where z = x * y
    """
    graph = Graph(value)
    if not value.operands:  # a number alone, such as the derivative of 3 * x, has no name
        return Text(graph.names[value] if value.label else plain(value.data))
    *parts, (_, whole) = straight_line(graph, PYTHON).items()
    return Text("\n".join([whole, *(f"where {graph.names[node]} = {text}" for node, text in parts)]))


def straight_line(graph: Graph, notation: Notation) -> dict[Value, str]:
    """The operations of a graph written one after another: each node that gets a line, and the expression it equals.

    The outputs get a line, and so does each node that is used more than once, that has a label, or whose expression is
    too long; the others are folded into the line that uses them.
    """
    uses = Counter(chain.from_iterable(node.operands for node in graph.order))
    uses.update(2 * [graph.output, *graph.others])  # so that an output is not folded into a line that uses it
    named = {node for node in graph.order if uses[node] > 1 or node.label}
    return expressions(graph, notation, named, LONGEST)


def expressions(graph: Graph, notation: Notation, named: Container[Value], longest: float = inf) -> dict[Value, str]:
    """How each of the named operations, and each that is too long, is computed from the others and from the leaves.

    A leaf that has no name is written as a number.
    """
    names = graph.names
    texts: dict[Value, str] = {}
    written: dict[Value | float, Written] = {}
    for node in graph.order:
        operands = node.operands
        if not operands:
            written[node] = notation.name(names[node]) if node in names else notation.number(node.data)
            continue
        parts = [written.get(each) or notation.number(float(each)) for each in operands]
        operation = notation.operation(node.rule, parts)
        if node in named or len(operation.text) > longest:
            texts[node] = operation.text
            operation = notation.name(names[node])
        written[node] = operation
    return texts


def partial_formula(graph: Graph, node: Value, position: int, notation: Notation = PYTHON) -> Text:
    """The local derivative of a node with respect to its operand at the position, in the names of node and operands.

    It is the rule of the table, evaluated on labels.

    >>> w, x = Value(0.5, "w"), Value(3.0, "x")
    >>> z = (w / x).named("z")
    >>> partial_formula(Graph(z), z, 0), partial_formula(Graph(z), z, 1)
    (1 / x, -z / x)
    """
    symbols: dict[Value | float, Value | float] = {
        each: Value(float(each), None if isinstance(each, float) else graph.names[each])
        for each in (*node.operands, node)
    }
    if node.rule is power and isinstance(node.operands[1], float):
        symbols[node.operands[1]] = node.operands[1]  # as a number, so that 3 * a ** (3 - 1) reads 3 * a ** 2
    derivative = node.rule.partials[position](symbols[node], *(symbols[each] for each in node.operands))
    if isinstance(derivative, Value) and derivative.operands:
        derived = Graph(derivative)
        derived.names = {each: name for each, name in derived.names.items() if each.operands or each.label}
        return Text(expressions(derived, notation, [derivative])[derivative])
    if isinstance(derivative, Value) and derivative.label:
        return Text(notation.name(derivative.label).text)
    return Text(notation.number(float(derivative)).text)


def described(rule: Rule) -> str:
    """What help(rule) says: what the operation computes, and its derivatives."""
    operands = [Value(0.25, "a"), Value(0.5, "b")][: len(rule.partials)]
    graph = Graph(rule(*operands).named("out"))
    derivatives = [
        f"{graph.derivative_name(graph.output, k)} = {partial_formula(graph, graph.output, k)}"
        for k in range(len(operands))
    ]
    # What Python says of its own functions need not hold of the row: math.log takes a base.
    meaning = rule.forward.__doc__ if isfunction(rule.forward) else None
    return "\n".join(filter(None, [graph.equation(graph.output), meaning, *derivatives]))


for row in TABLE:
    row.__doc__ = described(row)
