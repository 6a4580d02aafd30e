"""The gradient as a graph again: derivatives that can themselves be differentiated, printed, and run as programs."""

from __future__ import annotations

from collections.abc import Iterable

from autograd_mini.backprop import backpropagated, itself
from autograd_mini.graph import Graph, listed
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
    inputs = listed(inputs, "gradient(C, [w])")
    gradients = backpropagated(Graph(output), 1.0, itself)
    derivatives = [gradients.get(node, 0.0) for node in inputs]
    return [derivative if isinstance(derivative, Value) else Value(derivative) for derivative in derivatives]
