"""The gradient as a graph again: derivatives that can themselves be differentiated, printed, and run as programs."""

from __future__ import annotations

from collections.abc import Iterable

from autograd_mini.graph import topological_order
from autograd_mini.value import Value, check


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
    order = topological_order(output)
    check(order)
    gradients: dict[Value, Value | float] = {output: 1.0}
    for node in reversed(order):
        rule = node._rule
        if rule is None:
            continue
        upstream = gradients[node]
        for operand, partial in zip(node.operands, rule.partials, strict=True):
            if isinstance(operand, Value):
                share = times(upstream, partial(node, *node.operands))
                gradients[operand] = gradients[operand] + share if operand in gradients else share
    return [_as_value(gradients.get(node, 0.0)) for node in inputs]


def times(upstream: Value | float, partial: Value | float) -> Value | float:
    """The product of the chain rule; a factor of 1 is left out, so that no graph and no formula shows it."""
    if partial == 1:
        return upstream
    return partial if upstream == 1 else upstream * partial


def _as_value(derivative: Value | float) -> Value:
    return derivative if isinstance(derivative, Value) else Value(derivative)
