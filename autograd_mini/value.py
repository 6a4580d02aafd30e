"""Value: a number that remembers how it was computed, so that backward() can say how it depends on every other one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from typing import Any, TypeAlias, final

from autograd_mini import rules
from autograd_mini.backprop import backpropagated, local_derivative
from autograd_mini.errors import StaleGraphError, located
from autograd_mini.graph import Graph, topological_order
from autograd_mini.notation import PYTHON, Written, figure, labelled
from autograd_mini.reals import Real, real
from autograd_mini.rules import Rule, one

Operand: TypeAlias = "Value | Real"

new = object.__new__  # without __init__, which is for numbers that users bring


def _record(rule: Rule, a: Any, b: Any = None) -> Value:
    """Apply the rule, and remember the operands: what a row does when it is called with a Value."""
    try:
        x = a._data if type(a) is Value else real(a)
        if b is None:
            y = None
            data = rule.forward(x)
        else:
            y = b._data if type(b) is Value else real(b)
            data = rule.forward(x, y)
        if type(data) is not float:
            data = real(data)
    except Exception as error:
        raise located(error, rule, (a,) if b is None else (a, b)) from None
    node = new(Value)
    node._data = data
    node._rule = rule
    node._a = a if type(a) is Value else None
    node._b = b if type(b) is Value else None
    node._x = x
    node._y = y
    node.grad = 0.0
    node._label = None
    return node


def _operator(rule: Rule, name: str) -> tuple[Callable[[Value, Operand], Value], Callable[[Value, Real], Value]]:
    """The two methods of an operator: for `self + other`, and for `other + self` where other is a plain number."""
    forward = rule.forward

    def method(self: Value, other: Operand) -> Value:
        # What _record() does, with fewer questions: recording takes 1.4 times as long without.
        try:
            x = self._data
            if type(other) is Value:
                b = other
                y = other._data
            else:
                b = None
                y = other if type(other) is float else real(other)
            data = forward(x, y)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise located(error, rule, (self, other)) from None
        node = new(Value)
        node._data = data
        node._rule = rule
        node._a = self
        node._b = b
        node._x = x
        node._y = y
        node.grad = 0.0
        node._label = None
        return node

    def reflected(self: Value, other: Real) -> Value:
        if rule is rules.add and type(other) is int and other == 0:
            return self  # sum() starts from the int 0, which should leave no node
        return _record(rule, other, self)

    return (
        _shown(method, f"__{name}__", f"self {rule.symbol} other"),
        _shown(reflected, f"__r{name}__", f"other {rule.symbol} self, other a plain number"),
    )


def _function(rule: Rule, name: str) -> Callable[[Value], Value]:
    """The method of a function of one operand: v.exp() is exp(v)."""

    def method(self: Value) -> Value:
        return _record(rule, self)

    return _shown(method, name, PYTHON.operation(rule, [Written("self")]).text)


def _shown(method: Callable[..., Value], name: str, doc: str) -> Callable[..., Value]:
    """The method, as help(Value) and errors show it."""
    method.__name__, method.__qualname__, method.__doc__ = name, f"Value.{name}", doc
    return method


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
        **dict.fromkeys(("_a", "_b", "_data", "_label", "_rule", "_x", "_y")),
    }

    _record = staticmethod(_record)

    # NumPy: leave an operation with a Value to the Value (np.float64(2) * w), do not spread it over an array.
    __array_priority__ = 1000

    def __init__(self, data: Real, label: str | None = None) -> None:
        self._data = real(data)
        # A node is computed from two operands at the most, and keeps the nodes (_a, _b; None for a plain number) and
        # their numbers as they were (_x, _y): a leaf that has been set since holds another one. A leaf has none of them.
        none: Any = None  # Any, since the loops below know when it is not None
        self._rule = self._a = self._b = self._x = self._y = none
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
        self._data = data if type(data) is float else real(data)

    @property
    def label(self) -> str | None:
        """What this Value is called in texts and pictures: a str, or None."""
        return self._label

    @label.setter
    def label(self, label: str | None) -> None:
        if label is not None and not isinstance(label, str):
            raise TypeError(f"the label of a Value is a str, not {label!r}")
        self._label = label

    def named(self, label: str) -> Value:
        """Set the label and return this Value: ``z = (w * x + b).named("z")``."""
        self.label = label
        return self

    @property
    def rule(self) -> Any:
        """The operation that gave this Value, a row of the table in rules.py; None for a leaf."""
        return self._rule

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
        it does not exist, as for sqrt at 0.

        >>> w, x = Value(0.5, "w"), Value(3, "x")
        >>> (w * x).partials
        (3.0, 0.5)
        >>> (w ** 2).partials
        (1.0, None)
        """
        graph = Graph(self)
        return tuple(
            None if isinstance(operand, float) else local_derivative(graph, self, position, float)
            for position, operand in enumerate(self.operands)
        )

    def backward(self, seed: Real = 1.0) -> None:
        """Backpropagate: set ``grad`` of this Value and of all it was computed from.

        Afterwards every ``grad`` is the derivative of this Value with respect to that node, times the seed. It is
        assigned, not added to what was there: there is nothing to reset between two calls. To sum gradients over
        examples, as PyTorch does by accumulating, add the costs and call backward() on the sum.

        Raises StaleGraphError if a leaf has changed since it was used; FloatingPointError if a number or a gradient is
        inf or nan; ValueError, ZeroDivisionError or OverflowError where a derivative does not exist, as for sqrt at 0.
        If it raises, no ``grad`` has changed.

        The rule is ∂C/∂a = Σ ∂C/∂out × ∂out/∂a, once for each place that a stands in. backprop.py says it in full;
        this is the same pass, written to be fast.

        >>> x = Value(3.0)
        >>> C = x * x
        >>> C.backward()
        >>> x.grad
        6.0
        """
        seed = seed if type(seed) is float else real(seed)
        nodes: list[Value] = []
        before: list[float] = []
        try:
            try:
                try:
                    _visit(self, seed, nodes, before)
                    _sweep(nodes)
                except Exception:
                    # The readable pass finds the error and names the node, or else gives the gradients.
                    gradients = backpropagated(Graph(self), seed, float)
                    _assign(gradients, gradients.values())
            except BaseException:
                _assign(nodes, before)
                raise
        except BaseException:
            _assign(nodes, before)  # once more, since a second interrupt may have stopped the first time
            raise

    def __float__(self) -> float:
        return self._data

    def __pos__(self) -> Value:
        """self itself"""
        return self

    def __round__(self, digits: int | None = None) -> float:
        return round(self._data, digits)

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        number = figure(self._data)
        if self._rule is not None:
            number += " = " + PYTHON.operation(self._rule, [labelled(each, figure) for each in self.operands]).text
        label = f", label={self._label!r}" if self._label else ""
        grad = f", grad={figure(self.grad)}" if self.grad else ""
        return f"Value({number}{label}{grad})"

    def __copy__(self) -> Value:
        twin = new(Value)
        for slot in Value.__slots__:
            setattr(twin, slot, getattr(self, slot))
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        for node in topological_order(self):  # operands first, so that nothing recurses
            if id(node) not in memo:
                memo[id(node)] = twin = copy(node)
                twin._a, twin._b = memo.get(id(node._a)), memo.get(id(node._b))
        copied: Value = memo[id(self)]
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        if self._rule is not None:
            raise TypeError(f"{self!r} is part of a graph, and graphs are not pickled: pickle the leaves, or a Program")
        return Value, (self._data, self._label), (None, {"grad": self.grad})

    # Values are compared by their numbers, but == asks, as it does for objects, whether they are the same node.
    # fmt: off
    def __lt__(self, other: Operand) -> bool: return self._data < _read(other)
    def __le__(self, other: Operand) -> bool: return self._data <= _read(other)
    def __gt__(self, other: Operand) -> bool: return self._data > _read(other)
    def __ge__(self, other: Operand) -> bool: return self._data >= _read(other)

    __add__,     __radd__     = _operator(rules.add, "add")
    __sub__,     __rsub__     = _operator(rules.sub, "sub")
    __mul__,     __rmul__     = _operator(rules.mul, "mul")
    __truediv__, __rtruediv__ = _operator(rules.div, "truediv")
    __pow__,     __rpow__     = _operator(rules.power, "pow")

    __neg__  = _function(rules.neg, "__neg__")
    __abs__  = _function(rules.absolute, "__abs__")
    exp      = _function(rules.exp, "exp")
    log      = _function(rules.log, "log")
    sqrt     = _function(rules.sqrt, "sqrt")
    sin      = _function(rules.sin, "sin")
    cos      = _function(rules.cos, "cos")
    tanh     = _function(rules.tanh, "tanh")
    sigmoid  = _function(rules.sigmoid, "sigmoid")
    relu     = _function(rules.relu, "relu")
    softplus = _function(rules.softplus, "softplus")
    # fmt: on


def _read(other: Any) -> float:
    return other._data if isinstance(other, Value) else real(other)


def _assign(nodes: Iterable[Value], gradients: Iterable[float]) -> None:
    for node, gradient in zip(nodes, gradients, strict=False):  # an interrupt may leave one node more
        node.grad = gradient


def _visit(output: Value, seed: float, nodes: list[Value], before: list[float]) -> None:
    """List the nodes under the output and the gradients they had, and start their gradients anew.

    They come in the order of graph.topological_order(), found without a set: a node has been listed if its gradient is
    `unreached`, an object that no other gradient is. Its number is -0.0, since -0.0 + c is c, to the sign.
    """
    unreached = -(seed - seed)
    path: list[Value] = []
    node = output
    while True:
        a = node._a
        while a is not None and a.grad is not unreached:
            path.append(node)
            node = a
            a = node._a
        b = node._b
        while b is None or b.grad is unreached:
            nodes.append(node)
            before.append(node.grad)
            node.grad = unreached
            if not path:
                node.grad = seed
                return
            node = path.pop()
            b = node._b
        path.append(node)
        node = b


def _sweep(nodes: list[Value]) -> None:
    """Pass every node's gradient on to its operands, by the chain rule.

    This loop is the engine's speed, so it only notices that something is wrong (x - x is 0 for every finite x); what is
    wrong, the readable pass finds out.
    """
    for node in reversed(nodes):
        rule = node._rule
        grad = node.grad
        out = node._data
        if out - out:
            raise FloatingPointError
        if rule is None:
            if type(grad) is not float or grad - grad:
                raise FloatingPointError
            continue
        a = node._a
        b = node._b
        x = node._x
        y = node._y
        if a is not None:
            if a._data is not x:
                raise StaleGraphError
            da = rule.da
            a.grad += grad if da is one else grad * (da(out, x) if y is None else da(out, x, y))
        if b is not None:
            if b._data is not y:
                raise StaleGraphError
            db = rule.db
            b.grad += grad if db is one else grad * db(out, x, y)
