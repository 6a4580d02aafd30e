"""The gradient as a graph again: derivatives that can themselves be differentiated, printed, and run as programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autograd_mini.faults import check, check_gradient, check_partials
from autograd_mini.graph import require_values, topological_order
from autograd_mini.value import Value


def gradient(output: Value, inputs: Iterable[Value]) -> list[Value]:
    """The derivatives of the output with respect to the inputs, each a Value computed from the nodes of its graph.

    The numbers are those of ``output.backward()``, to the last bit; no ``grad`` changes. An input that the output does
    not depend on has the derivative 0. A derivative may be a node of the graph itself: that of w * x by w *is* x.

    Raises what ``backward()`` raises: StaleGraphError, FloatingPointError, and the error of an undefined derivative.

    >>> x = Value(3.0, "x")
    >>> (slope,) = gradient(x**3, [x])
    >>> slope.data
    27.0
    >>> (curvature,) = gradient(slope, [x])
    >>> curvature.data
    18.0
    """
    if isinstance(inputs, Value):
        raise TypeError(f"gradient() takes the Values to differentiate by in a list: [{inputs.label or 'w'}]")
    inputs = list(inputs)
    require_values(inputs)
    gradients = backpropagated(output, partials_as_values)
    derivatives = [gradients.get(node, 0.0) for node in inputs]
    return [derivative if isinstance(derivative, Value) else Value(derivative) for derivative in derivatives]


def gradient_numbers(output: Value, seed: float = 1.0) -> dict[Value, float]:
    """What ``output.backward(seed)`` would assign to the ``grad`` of each node, which stays as it is."""
    return backpropagated(output, lambda node: node.partials, seed)


def backpropagated(output: Value, partials: Callable[[Value], Iterable[Any]], seed: float = 1.0) -> dict[Value, Any]:
    """The backward pass, with the partials of a node read as it is told: as numbers, or as Values.

    That is the whole difference between a gradient and a graph that computes one.
    """
    order = topological_order(output)
    check(order)
    gradients: dict[Value, Any] = {output: seed}
    for node in reversed(order):
        try:
            local = partials(node)
        except (ArithmeticError, ValueError):
            check_partials(order, node)
            raise
        for operand, partial in zip(node.operands, local, strict=True):
            if isinstance(operand, Value):
                contribution = times(gradients[node], partial)
                gradients[operand] = gradients[operand] + contribution if operand in gradients else contribution
        check_gradient(order, node, float(gradients[node]))
    return gradients


def partials_as_values(node: Value) -> list[Any]:
    """The partials of a node as Values (or plain numbers, where they are constant); None beside a plain number."""
    if node._rule is None:
        return []
    return [
        partial(node, *node.operands) if isinstance(operand, Value) else None
        for operand, partial in zip(node.operands, node._rule.partials, strict=True)
    ]


def times(upstream: Any, partial: Any) -> Any:
    """The product of the chain rule; a factor of 1 is left out, so that no graph and no formula shows it."""
    if partial == 1:
        return upstream
    return partial if upstream == 1 else upstream * partial
