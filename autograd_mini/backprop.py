"""Backpropagation, written to be read: the chain rule, one operation and one operand at a time.

``Value.backward()`` is the same pass written to be fast. Everything else that needs a gradient asks this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd_mini.errors import check_constant, check_gradient, check_numbers, undefined
from autograd_mini.graph import Graph
from autograd_mini.reals import real
from autograd_mini.rules import TABLE

if TYPE_CHECKING:
    from autograd_mini.value import Value


class Contribution(NamedTuple):
    """What one operand's gradient gets from one operation: upstream × partial, added to what it holds.

    ``upstream`` is the gradient of the node, complete by now; ``partial`` the local derivative with respect to the
    operand at the position. ``before`` is None for the first contribution; ``after`` is the sum so far.
    """

    node: Value
    position: int
    operand: Value
    upstream: Any
    partial: Any
    contribution: Any
    before: Any
    after: Any


def backward_pass(graph: Graph, seed: Any, read: Callable[[Any], Any]) -> Iterator[Contribution]:
    """Every contribution to a gradient, from the output back to the leaves.

    ``read`` says what a node is read as. Read as numbers (``float``), everything here is a number. Read as themselves,
    the nodes give local derivatives that are Values, and the gradients are graphs.

    Raises StaleGraphError if a leaf has changed since it was used; FloatingPointError if a number or a gradient is inf
    or nan; and the error of a local derivative that does not exist, as for sqrt at 0.
    """
    check_numbers(graph)
    gradients: dict[Value, Any] = {graph.output: seed}
    for node in reversed(graph.order):
        upstream = gradients[node]  # complete: every result of this node has passed its gradient on
        check_gradient(graph, node, float(upstream))
        for position, operand in enumerate(node.operands):
            if isinstance(operand, float):
                continue  # a plain number has no gradient
            partial = local_derivative(graph, node, position, read)
            contribution = times(upstream, partial)
            before = gradients.get(operand)
            after = contribution if before is None else before + contribution
            gradients[operand] = after
            yield Contribution(node, position, operand, upstream, partial, contribution, before, after)


def backpropagated(graph: Graph, seed: Any, read: Callable[[Any], Any]) -> dict[Value, Any]:
    """The gradient of every node: its sum after the last contribution."""
    return {graph.output: seed} | {each.operand: each.after for each in backward_pass(graph, seed, read)}


def local_derivative(graph: Graph, node: Value, position: int, read: Callable[[Any], Any]) -> Any:
    """The derivative of the node with respect to its operand at the position: its rule says it."""
    try:
        partial = node.rule.partials[position](read(node), *map(read, node.operands))
        if hasattr(partial, "_record"):  # a Value
            return read(partial)
        number = real(int(partial) if isinstance(partial, bool) else partial)
        if read is itself and node.rule not in TABLE:
            check_constant(node, position, number)
        return number
    except Exception as error:
        raise undefined(error, graph, node, position) from None


def itself(node: Any) -> Any:
    """How to read a node where the gradient is to be a graph."""
    return node


def times(upstream: Any, partial: Any) -> Any:
    """The product of the chain rule; a factor of 1 is left out, so that no graph and no formula shows it."""
    if partial == 1:
        return upstream
    return partial if upstream == 1 else upstream * partial
