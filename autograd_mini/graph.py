"""The computation graph of an output: its nodes in topological order, their names, and how each of them is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from autograd_mini.notation import PYTHON, Notation, plain, printable, some

if TYPE_CHECKING:
    from autograd_mini.value import Value

MOST_NAMES = 12  # of leaves, in an error


class Graph:
    """The graph that an output was computed from, and what every text about it shares.

    ``order`` holds the nodes in topological order: every operand before its results, each node once, however often it
    is used. Plain numbers among the operands are not nodes. ``names`` has a name for each node. Both depend on nothing
    but the graph, so they are the same in every run. ``Graph(C, w)`` is the graph of C, and of w beside it.

    Raises TypeError for anything that is not a Value.
    """

    def __init__(self, output: Value, *others: Value) -> None:
        require_values([output, *others])
        self.output = output
        self.others = others

    @cached_property
    def order(self) -> list[Value]:
        return topological_order(self.output, *self.others)

    @cached_property
    def names(self) -> dict[Value, str]:
        return names(self.order)

    @property
    def leaves(self) -> list[Value]:
        return [node for node in self.order if node.rule is None]

    def require_leaves(self, values: Iterable[Value]) -> None:
        """Raise ValueError if one of these is not a leaf of the graph."""
        leaves = self.leaves
        for value in values:
            if value not in leaves:
                known = some([self.names[leaf] for leaf in leaves], MOST_NAMES)
                raise ValueError(
                    f"{value!r} is not a leaf of {self.names[self.output]}'s graph; its leaves are {known}"
                )

    def expression(self, node: Value, notation: Notation = PYTHON) -> str:
        """The operation that made the node: "w * x", "v5 / 2"."""
        operands = [
            notation.number(operand) if isinstance(operand, float) else notation.name(self.names[operand])
            for operand in node.operands
        ]
        return notation.operation(node.rule, operands).text

    def equation(self, node: Value) -> str:
        """How the node was computed: "v5 = v4 ** 2"; just its name for a leaf."""
        name = self.names[node]
        return f"{name} = {self.expression(node)}" if node.operands else name

    def gradient_name(self, node: Value) -> str:
        """What the derivative of the output with respect to the node is called: "∂C/∂w"."""
        return self.quotient(self.output, node)

    @property
    def gradient_heading(self) -> str:
        """What stands above a column of gradients: "∂C/∂node"."""
        return f"∂{self._symbol(self.output)}/∂node"

    def derivative_name(self, node: Value, position: int) -> str:
        """What a local derivative is called: "∂v1/∂w", and what tells it from others of that name."""
        return self.quotient(node, node.operands[position]) + self.mark(node, position)

    def quotient(self, above: Value, below: Any) -> str:
        """The derivative of one node with respect to another: "∂v2/∂w"."""
        return f"∂{self._symbol(above)}/∂{self._symbol(below)}"

    def mark(self, node: Value, position: int) -> str:
        """What tells a local derivative from others of its name.

        That is "(1st)" or "(2nd)" where both operands are one node, and "(direct)" where an operand of the output
        reaches it another way too: ∂C/∂w without a mark is the sum over all ways.
        """
        operand = node.operands[position]
        if node.operands.count(operand) == 2:
            return (" (1st)", " (2nd)")[position]
        return " (direct)" if node is self.output and operand in self._inner else ""

    @cached_property
    def _inner(self) -> set[Any]:
        """The operands of the nodes inside the graph."""
        return {operand for node in self.order if node is not self.output for operand in node.operands}

    def _symbol(self, node: Any) -> str:
        return PYTHON.name(self.names[node]).bracketed(1)

    def at(self, node: Value) -> str:
        """The numbers that the node was computed from: " at w = 0.5, x = 3"."""
        at = {self.names[operand]: plain(operand.data) for operand in node.operands if not isinstance(operand, float)}
        return " at " + ", ".join(f"{name} = {number}" for name, number in at.items()) if at else ""

    def replay(self, leaf: Callable[[Value], Any]) -> dict[Value, Any]:
        """Compute the graph again, with ``leaf(node)`` in place of each leaf; gives what each node becomes.

        Where that is a float for every leaf, all are floats; where it is a Value, a graph is recorded.
        """
        new: dict[Any, Any] = {}
        for node in self.order:
            operands = [new.get(operand, operand) for operand in node.operands]
            new[node] = node.rule(*operands) if operands else leaf(node)
        return new


def topological_order(*outputs: Value) -> list[Value]:
    """The outputs and the nodes they were computed from, every operand before its results.

    It takes no recursion, so the graph may have any depth.
    """
    order: dict[Any, None] = {}  # a dict is an ordered set
    pending = [*reversed(outputs)]  # each output, and above it the way down to the node at hand
    while pending:
        node = pending[-1]
        if node._a is not None and node._a not in order:
            pending.append(node._a)
        elif node._b is not None and node._b not in order:
            pending.append(node._b)
        else:
            order[pending.pop()] = None
    return list(order)


def listed(values: Iterable[Value], example: str) -> list[Value]:
    """The Values as a list. Raises TypeError for a Value alone, with an example, and for anything that is not a Value."""
    if not isinstance(values, Iterable):
        raise TypeError(f"expected a list of Values, e.g. {example}, not {values!r}")
    values = list(values)
    require_values(values)
    return values


def require_values(values: Iterable[Any]) -> None:
    """Raise TypeError if one of these is not a Value: a label, say, or a number."""
    for value in values:
        if not hasattr(value, "rule"):
            raise TypeError(f"expected a Value, not {value!r} ({type(value).__name__})")


def names(nodes: Iterable[Value]) -> dict[Value, str]:
    """A name for each node, in topological order: its label, or v1, v2, … where it has none.

    No two nodes get the same name: the second node labelled w is w_2, and no node without a label gets a name that is
    the label of another.
    """
    labels = {node: printable(node.label) if node.label else "" for node in nodes}
    taken = {normalize("NFKC", label) for label in labels.values()}  # as Python reads them, ﬁ is fi

    def unused(stem: str, first: int) -> Iterator[str]:
        for k in count(first):
            if normalize("NFKC", f"{stem}{k}") not in taken:
                yield f"{stem}{k}"

    numbered = {"": unused("v", 1)}  # by label, the names of those that cannot have it
    named: dict[Value, str] = {}
    for node, label in labels.items():
        key = normalize("NFKC", label)
        if key in numbered:
            named[node] = next(numbered[key])
        else:
            named[node] = label
            numbered[key] = unused(f"{label}_", 2)
    return named
