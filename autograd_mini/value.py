"""Value: a number that remembers how it was computed, so that backward() can say how it depends on every other one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeVar, final

from autograd_mini import rules
from autograd_mini.backprop import backpropagated, local_derivative
from autograd_mini.errors import is_stale, located, undefined
from autograd_mini.graph import Graph, topological_order
from autograd_mini.notation import PYTHON, Written, figure, printable
from autograd_mini.reals import Real, real
from autograd_mini.rules import Rule, one

M = TypeVar("M", bound=Callable[..., Any])
Operand: TypeAlias = "Value | Real"

new = object.__new__  # without __init__, which is for numbers that users bring


def _record(rule: Rule, a: Any, b: Any = None) -> Value:
    """Apply the rule, and remember the operands: what a row does when it is called with a Value."""
    operands = (a,) if b is None and rule.db is None else (a, b)
    try:
        numbers = [operand._data if type(operand) is Value else real(operand) for operand in operands]
        data = rule.number(*numbers)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise located(error, rule, operands) from None
    result = new(Value)
    result._data = data
    result._rule = rule
    result._a = a if type(a) is Value else None
    result._b = b if type(b) is Value else None
    result._x = numbers[0]
    result._y = None if rule.db is None else numbers[1]
    result.grad = 0.0
    result._label = None
    return result


# The methods of the rows of the table do the same, written out: recording is half of the engine's work, and calling
# _record() would make it a half longer.


def _function(rule: Rule) -> Callable[[Value], Value]:
    """The method of an operation with one operand."""
    forward = rule.forward

    def method(self: Value) -> Value:
        x = self._data
        try:
            data = forward(x)
        except (ArithmeticError, ValueError) as error:
            raise located(error, rule, (self,)) from None
        result = new(Value)
        result._data = data
        result._rule = rule
        result._a = self
        result._b = None
        result._x = x
        result._y = None
        result.grad = 0.0
        result._label = None
        return result

    return _method(method, rule.symbol, f"{rule.symbol}(self)")


def _operator(rule: Rule, name: str, reflected: bool) -> Callable[[Value, Operand], Value]:
    """The method of an operator: of `self + other`, or reflected of `other + self`, where other is a plain number."""
    forward = rule.forward
    is_sum = rule is rules.add

    def method(self: Value, other: Operand) -> Value:
        try:
            if type(other) is Value:
                a, b = self, other
                x, y = a._data, b._data
            elif reflected:
                if is_sum and type(other) is int and other == 0:
                    return self  # sum() starts from the int 0, which shall leave no node
                a, b = None, self
                x, y = other if type(other) is float else real(other), self._data
            else:
                a, b = self, None
                x, y = self._data, other if type(other) is float else real(other)
            data = forward(x, y)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise located(error, rule, (other, self) if reflected else (self, other)) from None
        result = new(Value)
        result._data = data
        result._rule = rule
        result._a = a
        result._b = b
        result._x = x
        result._y = y
        result.grad = 0.0
        result._label = None
        return result

    operands = ("other", "self") if reflected else ("self", "other")
    return _method(method, f"__{'r' * reflected}{name}__", f" {rule.symbol} ".join(operands))


def _method(function: M, name: str, meaning: str) -> M:
    """The function under the name and with the docstring that help(Value) shows."""
    function.__name__, function.__qualname__, function.__doc__ = name, f"Value.{name}", f"Record {meaning}."
    return function


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

    grad: float
    _label: str | None
    _data: float
    # Its rule and its operands: None in a leaf. Any, since the loops below know when it is not None.
    _rule: Any
    _a: Any  # the operands that are Values; None for a plain number
    _b: Any
    _x: Any  # the numbers of the operands as they were then: a leaf that has been set since holds another one
    _y: Any

    def __init__(self, data: Real, label: str | None = None) -> None:
        self._data = real(data)
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
    def rule(self) -> Rule | None:
        """The operation that gave this Value, a row of the table; None for a leaf.

        >>> w, x = Value(0.5, "w"), Value(3, "x")
        >>> (w * x).rule, (w * x).rule.symbol
        (<rule a * b>, '*')
        """
        rule: Rule | None = self._rule
        return rule

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
        partials: list[float | None] = []
        for position, operand in enumerate(self.operands):
            try:
                partials.append(None if isinstance(operand, float) else local_derivative(self, position, float))
            except (ArithmeticError, TypeError, ValueError) as error:
                raise undefined(error, Graph(self), self, position) from None
        return tuple(partials)

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
            _visit(self, seed, nodes, before)
            _sweep(nodes)
        except BaseException as error:
            try:
                _assign(nodes, before)
                if not isinstance(error, Exception):
                    raise
                # The readable pass finds the error and names the node, or else gives the gradients.
                gradients = backpropagated(Graph(self), seed, float)
                _assign(gradients, gradients.values())
            except BaseException:
                _assign(nodes, before)  # a second interrupt may have stopped the first try
                raise

    def __float__(self) -> float:
        return self._data

    def __round__(self, digits: int | None = None) -> float:
        return round(self._data, digits)

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        number = figure(self._data)
        if self._rule is not None:
            number += " = " + PYTHON.operation(self._rule, [_shown(operand) for operand in self.operands]).text
        label = f", label={self._label!r}" if self._label else ""
        grad = f", grad={figure(self.grad)}" if self.grad else ""
        return f"Value({number}{label}{grad})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        for node in topological_order(self):  # operands first, so that nothing recurses
            if id(node) not in memo:
                memo[id(node)] = twin = new(Value)
                for slot in Value.__slots__:
                    setattr(twin, slot, getattr(node, slot))
                twin._a, twin._b = memo.get(id(node._a)), memo.get(id(node._b))
        copy: Value = memo[id(self)]
        return copy

    def __reduce__(self) -> tuple[type[Value], tuple[float, str | None]]:
        if self._rule is not None:
            raise TypeError(f"{self!r} is part of a graph, and graphs are not pickled: pickle the leaves, or a Program")
        return Value, (self._data, self._label)

    # Values are compared by their numbers, but == asks, as it does for objects, whether they are the same node.
    # fmt: off
    def __lt__(self, other: Operand) -> bool: return self._data < _read(other)
    def __le__(self, other: Operand) -> bool: return self._data <= _read(other)
    def __gt__(self, other: Operand) -> bool: return self._data > _read(other)
    def __ge__(self, other: Operand) -> bool: return self._data >= _read(other)

    def __pos__(self) -> Value: return self
    __neg__ = _function(rules.neg)
    __abs__ = _function(rules.absolute)

    __add__,     __radd__     = _operator(rules.add,   "add",     False), _operator(rules.add,   "add",     True)
    __sub__,     __rsub__     = _operator(rules.sub,   "sub",     False), _operator(rules.sub,   "sub",     True)
    __mul__,     __rmul__     = _operator(rules.mul,   "mul",     False), _operator(rules.mul,   "mul",     True)
    __truediv__, __rtruediv__ = _operator(rules.div,   "truediv", False), _operator(rules.div,   "truediv", True)
    __pow__,     __rpow__     = _operator(rules.power, "pow",     False), _operator(rules.power, "pow",     True)
    # fmt: on

    # The functions as methods: v.exp() is exp(v).
    exp = _function(rules.exp)
    log = _function(rules.log)
    sqrt = _function(rules.sqrt)
    sin = _function(rules.sin)
    cos = _function(rules.cos)
    tanh = _function(rules.tanh)
    sigmoid = _function(rules.sigmoid)
    relu = _function(rules.relu)
    softplus = _function(rules.softplus)


def _read(other: Any) -> float:
    return other._data if isinstance(other, Value) else real(other)


def _shown(operand: Value | float) -> Written:
    """An operand in the repr of its result: by its label, or by its number."""
    if isinstance(operand, Value) and operand._label:
        return PYTHON.name(printable(operand._label))
    text = figure(float(operand))
    return Written(text, PYTHON.number(float(operand)).strength)


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
        if a is not None and a.grad is not unreached:
            if a._rule is not None:
                path.append(node)
                node = a
                continue
            nodes.append(a)
            before.append(a.grad)
            a.grad = unreached
        b = node._b
        if b is not None and b.grad is not unreached:
            if b._rule is not None:
                path.append(node)
                node = b
                continue
            nodes.append(b)
            before.append(b.grad)
            b.grad = unreached
        nodes.append(node)
        before.append(node.grad)
        node.grad = unreached
        if not path:
            node.grad = seed
            return
        node = path.pop()


def _sweep(nodes: list[Value]) -> None:
    """Pass every node's gradient on to its operands, by the chain rule.

    This loop is the engine's speed, so it only notices that something is wrong (x - x is 0 for every finite x); what is
    wrong, the readable pass finds out.
    """
    for node in reversed(nodes):
        rule = node._rule
        grad = node.grad
        out = node._data
        if rule is None:
            if type(grad) is not float or grad - grad or out - out:
                raise FloatingPointError
            continue
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


def _set_since(node: Value, leaf: Value) -> float:
    """The number that the leaf has been set to since the node was computed from it, if that has not made it stale."""
    if is_stale(node):
        raise FloatingPointError
    return leaf._data
