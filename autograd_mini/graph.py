"""The computation graph seen from one of its nodes: the order its numbers depend on, and the names they are shown by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar


class Node(Protocol):
    """What can be told of a node without knowing more: its label and its number, and what it was computed by and from.

    Value is the one class of nodes, and explains its slots.
    """

    label: str | None
    _data: float
    _rule: Any
    _a: Any
    _b: Any
    _x: Any
    _y: Any

    @property
    def operands(self) -> tuple[Any, ...]: ...


N = TypeVar("N", bound=Node)


class Text(str):
    """A text about a graph: a str that shows itself in the REPL as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def topological_order(*outputs: N) -> list[N]:
    """The nodes that the outputs were computed from and the outputs themselves, every operand before its results.

    Each node stands once, however often it is used. Plain numbers among the operands are not nodes. The order depends
    on nothing but the graph, so it is the same in every run; it takes no recursion, so the graph may have any depth.
    Raises TypeError for what is no Value.
    """
    require_values(outputs)
    order: dict[N, None] = {}  # a dict is an ordered set
    for output in outputs:
        path = [(output, iter(output.operands))]  # from the output down to the node at hand, with what is left of each
        while path:
            node, operands = path[-1]
            for operand in operands:
                if not isinstance(operand, float) and operand not in order:
                    path.append((operand, iter(operand.operands)))
                    break
            else:
                order[node] = None
                path.pop()
    return list(order)


def require_values(values: Iterable[Any]) -> None:
    """Raise TypeError if one of these is no Value: a label, say, or a number."""
    for value in values:
        if not hasattr(value, "operands"):
            raise TypeError(f"expected a Value, not {value!r} ({type(value).__name__})")


def quotient(node: Any, position: int, called: Mapping[Any, str]) -> str:
    """What a local derivative is called: "∂v1/∂w", with "(1st)" or "(2nd)" behind where both operands are one node."""
    operand = node.operands[position]
    place = (" (1st)", " (2nd)")[position] if node.operands.count(operand) == 2 else ""
    return f"∂{called[node]}/∂{called[operand]}{place}"


def names(order: Iterable[N]) -> dict[N, str]:
    """A name for each node, in topological order: its label, or v1, v2, … where it has none.

    No two nodes get the same name: the second node labelled w is w_2, and no node without a label gets a name that is
    the label of another. Raises TypeError for a label that is no str.
    """
    order = list(order)
    labels = {node.label for node in order}
    for label in labels:
        if label is not None and not isinstance(label, str):
            raise TypeError(f"the label of a Value is a str, not {label!r}")
    named: dict[N, str] = {}
    given: set[str] = set()
    count: dict[str, int] = {}
    for node in order:
        if node.label and node.label not in given:
            given.add(node.label)
            named[node] = node.label
        else:
            stem = f"{node.label}_" if node.label else "v"
            count[stem] = count.get(stem, 1 if node.label else 0) + 1
            while f"{stem}{count[stem]}" in labels:
                count[stem] += 1
            named[node] = f"{stem}{count[stem]}"
    return named


def expression(node: Node, name: Callable[[Any], str]) -> str:
    """The operation that made the node, as text, its operands called what `name` says: "w * x", "v5 / 2"."""
    texts = (plain(operand) if isinstance(operand, float) else name(operand) for operand in node.operands)
    return str(node._rule.expression(*texts))


def equation(node: Any, called: Mapping[Any, str]) -> str:
    """How the node was computed: "v5 = v4 ** 2"; just its name for a leaf."""
    return f"{called[node]} = {expression(node, called.__getitem__)}" if node.operands else called[node]


def plain(number: float) -> str:
    """The shortest text that reads back as the number, whole numbers without their ".0": 2, 0.1, 1e+22."""
    return repr(number).removesuffix(".0")
