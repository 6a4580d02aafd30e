"""What can be wrong with the numbers of a graph, and the error that says where: at which node, with which numbers."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from math import isfinite, isnan
from typing import Any

from autograd_mini.graph import Node, equation, names, plain
from autograd_mini.rules import Rule


class StaleGraphError(RuntimeError):
    """The data of a leaf changed after it was used: the numbers computed from it no longer hold."""


def located(error: Exception, rule: Rule, *operands: Any) -> Exception:
    """The error of an operation, its message beginning with the operation, the labels and the numbers."""
    labelled = {operand.label: operand._data for operand in operands if getattr(operand, "label", None)}
    texts = [
        getattr(operand, "label", None) or reprlib.repr(getattr(operand, "_data", operand)) for operand in operands
    ]
    at = ", ".join(f"{label} = {data!r}" for label, data in labelled.items())
    return type(error)(f"{rule.expression(*texts)}{at and f' at {at}'}: {error.args[-1]}")


def check(order: Sequence[Node]) -> None:
    """Raise the error for the first node whose number is no longer what its rule gives, or is not finite.

    Takes the nodes in topological order. The error is a StaleGraphError or a FloatingPointError, as in backward(), which
    calls this when it has failed: `from None` keeps its own, less telling error out of the traceback.
    """
    for node in order:
        if is_stale(node):
            called = names(order)
            now = _recomputed(node)
            changed = " or ".join(called[leaf] for leaf in dict.fromkeys(_changed(node)))
            raise StaleGraphError(
                f"{equation(node, called)} was recorded as {plain(node._data)} "
                f"but is {'undefined' if now is None else plain(now)} now: "
                f"{changed} has changed, compute {called[order[-1]]} again"
            ) from None
        if not isfinite(node._data):
            called = names(order)
            text = f"{equation(node, called)} is {node._data}{_at(node, called)}"
            raise FloatingPointError(f"{text}: there is no derivative") from None


def check_gradient(order: Sequence[Node], node: Node, gradient: float) -> None:
    """Raise FloatingPointError unless the gradient of the node, one of those in the order, is a finite number."""
    if not isfinite(gradient):
        called = names(order)
        quotient = f"∂{called[order[-1]]}/∂{called[node]}"
        raise FloatingPointError(f"{quotient} is {gradient}: a gradient that is no finite number") from None


def check_partials(order: Sequence[Node], node: Node) -> list[float | None]:
    """The partials of the node, one of those in the order; an error that names the node if one of them does not exist."""
    partials = []
    for position, operand in enumerate(node.operands):
        try:
            partials.append(partial(node, position))
        except (ArithmeticError, ValueError) as error:
            called = names(order)
            text = f"{equation(node, called)} has no derivative by {called[operand]}{_at(node, called)}"
            raise type(error)(f"{text}: {error.args[-1]}") from None
    return partials


def partial(node: Node, position: int) -> float | None:
    """The local derivative by the operand at the position, None for a plain number; an error of its rule as it comes."""
    if isinstance(node.operands[position], float):
        return None
    return float(node._rule.partials[position](node._data, *map(float, node.operands)))


def is_stale(node: Node) -> bool:
    """Has a leaf that the node was computed from been set to a number that gives another result?"""
    a, b = node._a, node._b
    if (a is None or a._data is node._x) and (b is None or b._data is node._y):
        return False
    now = _recomputed(node)
    return now != node._data and not (now is not None and isnan(now) and isnan(node._data))


def _changed(node: Node) -> list[Any]:
    """The operands that have been set since the node was computed from them."""
    pairs = (node._a, node._x), (node._b, node._y)
    return [operand for operand, number in pairs if operand is not None and operand._data is not number]


def _recomputed(node: Node) -> float | None:
    try:
        return float(node._rule.forward(*(float(operand) for operand in node.operands)))
    except (ArithmeticError, ValueError):
        return None


def _at(node: Node, called: Mapping[Any, str]) -> str:
    at = {called[operand]: plain(operand._data) for operand in node.operands if not isinstance(operand, float)}
    return " at " + ", ".join(f"{name} = {number}" for name, number in at.items()) if at else ""
