"""What can be wrong with the numbers of a graph, and the error that says where: at which node, with which numbers."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any, TypeVar

from autograd_mini.graph import Graph
from autograd_mini.notation import PYTHON, label_of, labelled, plain
from autograd_mini.reals import attempt
from autograd_mini.rules import Rule

if TYPE_CHECKING:
    from autograd_mini.value import Value

E = TypeVar("E", bound=Exception)


class StaleGraphError(RuntimeError):
    """The data of a leaf changed after it was used: the numbers computed from it no longer hold."""


def told(error: E, text: str) -> E:
    """The error itself, its message beginning with the text."""
    reason = error.args[-1] if error.args else type(error).__name__
    error.args = (f"{text}: {reason}",)
    return error


def located(error: E, rule: Rule, operands: Iterable[Any]) -> E:
    """The error of an operation, its message beginning with the operation, the labels and the numbers."""
    operation = PYTHON.operation(rule, [labelled(each, reprlib.repr) for each in operands]).text
    at = [f"{label_of(each)} = {reprlib.repr(getattr(each, '_data', each))}" for each in operands if label_of(each)]
    return told(error, f"{operation} at {', '.join(dict.fromkeys(at))}" if at else operation)


def undefined(error: E, graph: Graph, node: Value, position: int) -> E:
    """The error of a local derivative, its message beginning with what is not differentiable, and where."""
    operand: Any = node.operands[position]
    what, where = f"with respect to {graph.names[operand]}", graph.at(node)
    if isinstance(error, TypeError):  # in a row of the user's own, whose partial gives None or a complex number
        return told(error, f"the derivative of {graph.equation(node)} {what} cannot be computed{where}")
    return told(error, f"{graph.equation(node)} is not differentiable {what}{where}")


def check_numbers(graph: Graph) -> None:
    """Raise the error for the first node whose number is no longer what its rule gives, or is not finite."""
    for node in graph.order:
        if is_stale(node):
            now = _recomputed(node)
            changed = " or ".join(graph.names[leaf] for leaf in dict.fromkeys(_changed(node)))
            raise StaleGraphError(
                f"{graph.equation(node)} was recorded as {plain(node._data)} "
                f"but is {'undefined' if isnan(now) else plain(now)} now: "
                f"{changed} has changed, compute {graph.names[graph.output]} again"
            ) from None
        if not isfinite(node._data):
            raise FloatingPointError(
                f"{graph.equation(node)} is {node._data}{graph.at(node)}: there is no derivative"
            ) from None


def check_gradient(graph: Graph, node: Value, gradient: float) -> None:
    """Raise FloatingPointError for a gradient that is inf or nan."""
    if not isfinite(gradient):
        raise FloatingPointError(f"{graph.gradient_name(node)} is {gradient}: the gradient is not finite") from None


def check_constant(node: Value, position: int, partial: float) -> None:
    """Raise TypeError if a partial that gave a number for Values gives another one nearby: it has left the graph."""
    nearby = [each if isinstance(each, float) else 1.0001 * float(each) for each in (node, *node.operands)]
    if abs(attempt(node.rule.partials[position], *nearby) - partial) > 0:  # False for nan
        raise TypeError("it gives a plain number for Values; use the functions of autograd_mini, exp and not math.exp")


def is_stale(node: Value) -> bool:
    """Has a leaf that the node was computed from been set to a number that gives another result?"""
    if not _changed(node):
        return False
    now = _recomputed(node)
    return now != node._data and not (isnan(now) and isnan(node._data))


def _changed(node: Value) -> list[Value]:
    """The operands that have been set since the node was computed from them."""
    pairs = (node._a, node._x), (node._b, node._y)
    return [operand for operand, number in pairs if operand is not None and operand._data is not number]


def _recomputed(node: Value) -> float:
    """What the node would be now; nan if it is undefined."""
    return attempt(node.rule.number, *map(float, node.operands))
