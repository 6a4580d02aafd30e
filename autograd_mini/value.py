"""Value: a number that remembers how it was computed, so that backward() can say how it depends on every other one."""

from __future__ import annotations

import numbers
import reprlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias, final

from autograd_mini import rules
from autograd_mini.faults import check, check_gradient, check_partials, is_stale, located, partial
from autograd_mini.graph import expression, topological_order
from autograd_mini.rules import Rule, add, one

Real: TypeAlias = float | numbers.Real | Decimal
Operand: TypeAlias = "Value | Real"


def _number(data: Any) -> float:
    if type(data) is int:  # what most constants are; the general test below takes longer
        return float(data)
    if isinstance(data, (float, numbers.Real, Decimal)) and not isinstance(data, bool):
        return float(data)
    if isinstance(data, Value):
        hint = "its .data"
    elif isinstance(data, (bool, str)):
        hint = "float(...) of it"
    elif hasattr(data, "__len__"):
        hint = "its numbers one by one, each in a Value of its own"
    else:
        hint = "an int or a float"
    raise TypeError(f"expected a real number, not {reprlib.repr(data)} ({type(data).__name__}): pass {hint}")


def _record(rule: Rule, a: Any, b: Any = None) -> Value:
    """Apply the rule, and remember the operands."""
    try:
        x = a._data if type(a) is Value else _number(a)
        if b is None and rule.db is None:
            y = None
            data = rule.forward(x)
        else:
            y = b._data if type(b) is Value else _number(b)
            data = rule.forward(x, y)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise located(error, rule, *((a,) if rule.db is None else (a, b))) from None
    result = new(Value)
    result._data = data
    result._rule = rule
    result._a = a if type(a) is Value else None
    result._b = b if type(b) is Value else None
    result._x = x
    result._y = y
    result.grad = 0.0
    result.label = None
    return result


new = object.__new__  # without __init__, which is for numbers that users bring


def _operator(rule: Rule) -> tuple[Callable[[Value, Operand], Value], Callable[[Value, Real], Value]]:
    """The two methods of an operator: for `self + other`, and for `other + self` where other is a plain number."""
    forward = rule.forward

    def method(self: Value, other: Operand) -> Value:
        # What _record() would do, written out: recording is half of the engine's work, and a call is a fifth of that.
        try:
            x = self._data
            if type(other) is Value:
                b = other
                y = other._data
            else:
                b = None
                y = other if type(other) is float else _number(other)
            data = forward(x, y)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise located(error, rule, self, other) from None
        result = new(Value)
        result._data = data
        result._rule = rule
        result._a = self
        result._b = b
        result._x = x
        result._y = y
        result.grad = 0.0
        result.label = None
        return result

    def reflected(self: Value, other: Real) -> Value:
        if rule is add and type(other) is int and other == 0:
            return self  # sum() starts from the int 0, which shall leave no node
        return _record(rule, other, self)

    return method, reflected


@final
class Value:
    """A number that remembers how it was computed.

    ``Value(0.5, "w")`` is a leaf: a number of your own, here with a label to show it by. Arithmetic on Values, and the
    functions of the table in rules.py, give Values that know their operands; together they are the computation graph.
    ``backward()`` on the last of them then writes into every ``grad`` how much that last one changes with it.

    Takes any real number (int, float, Fraction, Decimal, a NumPy scalar), stored as a float. Raises TypeError for
    anything else: a Value is one number. ``<`` compares the numbers; ``==`` asks whether two are the same node.

    >>> w, x = Value(0.5, "w"), Value(3, "x")
    >>> z = w * x + 2
    >>> z
    Value(3.5 = 1.5 + 2)
    >>> z.backward()
    >>> w.grad, x.grad
    (3.0, 0.5)
    >>> w
    Value(0.5, label='w', grad=3)
    """

    __slots__ = {
        "grad": "How the output that backward() was last called on changes with this number; 0.0 before.",
        "label": "What this Value is called in texts and pictures: a str, or None.",
        **dict.fromkeys(("_a", "_b", "_data", "_rule", "_x", "_y")),
    }

    # The functions of one operand as methods: v.exp() is exp(v).
    from autograd_mini.rules import cos, exp, log, relu, sigmoid, sin, softplus, sqrt, tanh

    _record = staticmethod(_record)

    # NumPy: leave an operation with a Value to the Value (np.float64(2) * w), do not spread it over an array.
    __array_ufunc__ = None

    grad: float
    label: str | None
    _data: float
    # What the number was computed by and from: None in a leaf. Any, since the loops below know when it is not None.
    _rule: Any
    _a: Any  # the operands that are Values; None for a plain number
    _b: Any
    _x: Any  # the numbers of the operands as they were then: a leaf that has been set since holds another one
    _y: Any

    def __init__(self, data: Real, label: str | None = None) -> None:
        if label is not None and not isinstance(label, str):
            raise TypeError(f"the label of a Value is a str, not {label!r}")
        self._data = _number(data)
        self._rule = self._a = self._b = self._x = self._y = None
        self.grad = 0.0
        self.label = label

    @property
    def data(self) -> float:
        """The number itself. On a leaf it can be set: ``w.data -= 0.05 * w.grad``.

        Whatever was computed from the leaf before keeps its old number, so compute it again afterwards; backward()
        raises StaleGraphError where that was forgotten. Setting it on the result of an operation raises
        AttributeError.
        """
        return self._data

    @data.setter
    def data(self, data: Real) -> None:
        if self._rule is not None:
            raise AttributeError(
                f"{self!r} is computed from its operands: set the data of a leaf (w.data -= …, not w -= …) and compute it again"
            )
        self._data = data if type(data) is float else _number(data)

    @property
    def operands(self) -> tuple[Value | float, ...]:
        """What this Value was computed from, in order: Values and plain numbers; () for a leaf.

        >>> w = Value(0.5, "w")
        >>> (2 / w).operands
        (2.0, Value(0.5, label='w'))
        """
        if self._rule is None:
            return ()
        a = self._x if self._a is None else self._a
        if self._y is None:
            return (a,)
        return (a, self._y if self._b is None else self._b)

    @property
    def partials(self) -> tuple[float | None, ...]:
        """The local derivatives: of this Value with respect to each of its operands, in order.

        None stands where an operand is a plain number, which has no gradient. Raises what the derivative raises where
        there is none, as for sqrt at 0.

        >>> w, x = Value(0.5, "w"), Value(3, "x")
        >>> (w * x).partials
        (3.0, 0.5)
        >>> (w ** 2).partials
        (1.0, None)
        """
        try:
            return tuple(partial(self, position) for position in range(len(self.operands)))
        except (ArithmeticError, ValueError) as error:
            raise type(error)(f"no derivative: {located(error, self._rule, *self.operands)}") from None

    def named(self, label: str) -> Value:
        """Set the label and return this Value: ``z = (w * x + b).named("z")``."""
        self.label = label
        return self

    def backward(self, seed: Real = 1.0) -> None:
        """Backpropagate: set ``grad`` of this Value and of all it was computed from.

        Afterwards every ``grad`` is the derivative of this Value with respect to that node, times the seed. It is
        assigned, not added to what was there: there is nothing to reset between two calls. To sum gradients over
        examples, as PyTorch does by accumulating, add the costs and call backward() on the sum.

        Raises StaleGraphError if a leaf has changed since it was used; FloatingPointError if a number or a gradient is
        inf or nan; ValueError, ZeroDivisionError or OverflowError where a derivative does not exist, as for sqrt at 0.
        If it raises, no ``grad`` has changed.

        The rule is ∂C/∂a = Σ ∂C/∂out × ∂out/∂a, over all results that a is an operand of.

        >>> x = Value(3.0)
        >>> C = x * x
        >>> C.backward()
        >>> x.grad
        6.0
        """
        seed = seed if type(seed) is float else _number(seed)
        operations: list[Value] = []
        leaves: list[Value] = []
        operations_before: list[float] = []
        leaves_before: list[float] = []
        try:
            _visit(self, seed, operations, leaves, operations_before, leaves_before)
            _sweep(operations, leaves)
        except BaseException as error:
            try:
                if isinstance(error, (ArithmeticError, ValueError)):
                    order = topological_order(self)
                    check(order)
                    for node in reversed(order):
                        check_gradient(order, node, node.grad)
                        check_partials(order, node)
                raise
            finally:
                for nodes, gradients in ((operations, operations_before), (leaves, leaves_before)):
                    for node, gradient in zip(nodes, gradients, strict=False):  # an interrupt may leave one node more
                        node.grad = gradient

    def __float__(self) -> float:
        return self._data

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        number = f"{self._data:.6g}"
        if self._rule is not None:
            number += " = " + expression(self, lambda operand: operand.label or f"{operand._data:.6g}")
        label = f", label={self.label!r}" if self.label else ""
        grad = f", grad={self.grad:.6g}" if self.grad else ""
        return f"Value({number}{label}{grad})"

    # Values are compared by their numbers, but == asks, as it does for objects, whether they are the same node.
    # fmt: off
    def __lt__(self, other: Operand) -> bool: return self._data < _read(other)
    def __le__(self, other: Operand) -> bool: return self._data <= _read(other)
    def __gt__(self, other: Operand) -> bool: return self._data > _read(other)
    def __ge__(self, other: Operand) -> bool: return self._data >= _read(other)

    def __neg__(self) -> Value: return _record(rules.neg, self)
    def __abs__(self) -> Value: return _record(rules.absolute, self)

    __add__,     __radd__     = _operator(rules.add)
    __sub__,     __rsub__     = _operator(rules.sub)
    __mul__,     __rmul__     = _operator(rules.mul)
    __truediv__, __rtruediv__ = _operator(rules.div)
    __pow__,     __rpow__     = _operator(rules.power)
    # fmt: on


def _read(other: Any) -> float:
    return other._data if isinstance(other, Value) else _number(other)


def _visit(
    output: Value,
    seed: float,
    operations: list[Value],
    leaves: list[Value],
    operations_before: list[float],
    leaves_before: list[float],
) -> None:
    """List the nodes under the output and the gradients they had, and start their gradients anew.

    The operations come in the order of graph.topological_order(), found without a set: a node has been listed if its
    gradient is `unreached`, an object that no other gradient is. Its number is -0.0, since -0.0 + c is c, to the sign.
    """
    if output._rule is None:
        leaves.append(output)
        leaves_before.append(output.grad)
        output.grad = seed
        return
    unreached = -(seed - seed)
    path: list[Value] = []
    node = output
    while True:
        a = node._a
        if a is not None and a.grad is not unreached:
            if a._rule is not None:
                path.append(node)
                node = a
                continue
            leaves.append(a)
            leaves_before.append(a.grad)
            a.grad = unreached
        b = node._b
        if b is not None and b.grad is not unreached:
            if b._rule is not None:
                path.append(node)
                node = b
                continue
            leaves.append(b)
            leaves_before.append(b.grad)
            b.grad = unreached
        operations.append(node)
        operations_before.append(node.grad)
        node.grad = unreached
        if not path:
            node.grad = seed
            return
        node = path.pop()


def _sweep(operations: list[Value], leaves: list[Value]) -> None:
    """Pass every node's gradient on to its operands, by the chain rule.

    This loop is the engine's speed, so it only notices that something is wrong (x - x is 0 for every finite x); what is
    wrong, the functions below find out.
    """
    for node in reversed(operations):
        rule = node._rule
        grad = node.grad
        out = node._data
        a = node._a
        b = node._b
        x = node._x
        y = node._y
        if out - out:
            raise FloatingPointError
        if a is None:
            if b._data is not y:
                y = _set_since(node, b)
            b.grad += grad * rule.db(out, x, y)
        elif b is None:
            if a._data is not x:
                x = _set_since(node, a)
            a.grad += grad * (rule.da(out, x) if y is None else rule.da(out, x, y))
        else:
            if a._data is not x or b._data is not y:
                x, y = _set_since(node, a), b._data
            da = rule.da
            db = rule.db
            a.grad += grad if da is one else grad * da(out, x, y)
            b.grad += grad if db is one else grad * db(out, x, y)
    for leaf in leaves:
        if leaf.grad - leaf.grad or leaf._data - leaf._data:
            raise FloatingPointError


def _set_since(node: Value, leaf: Value) -> float:
    """The number that the leaf has been set to since the node was computed from it, if that has not made it stale."""
    if is_stale(node):
        raise FloatingPointError
    return leaf._data
