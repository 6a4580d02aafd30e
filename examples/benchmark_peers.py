"""What examples/benchmark.py measures against: other engines, two of them of our own writing, training the neuron; and
NumPy and JAX, computing it for many points."""

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

from autograd_mini import Program, Rule, Value, sigmoid, tanh
from autograd_mini.graph import Graph
from autograd_mini.neuron import LEARNING_RATE, B, W, X, Y, cost
from autograd_mini.rules import add, div, logistic, mul, one, power, sub

# Two engines of our own writing in the best known designs.


class Derived:
    """What both designs share: the operators made of + and * and **, and an order found by recursion."""

    __slots__ = ()

    # fmt: off
    def __radd__(self: Any, other: Any) -> Any: return self + other
    def __rmul__(self: Any, other: Any) -> Any: return self * other
    def __neg__(self: Any) -> Any: return self * -1
    def __sub__(self: Any, other: Any) -> Any: return self + (-other)
    def __rsub__(self: Any, other: Any) -> Any: return other + (-self)
    def __truediv__(self: Any, other: Any) -> Any: return self * other**-1
    # fmt: on

    def topological_order(self) -> list[Any]:
        order: list[Any] = []
        seen: set[Any] = set()

        def visit(node: Any) -> None:
            if node not in seen:
                seen.add(node)
                for child in node.children:
                    visit(child)
                order.append(node)

        visit(self)
        return order


class Closures(Derived):
    """In micrograd's style: a node holds the set of its children, and a closure that passes its gradient on to them."""

    def __init__(self, data: float, children: tuple[Any, ...] = (), symbol: str = "") -> None:
        self.data = data
        self.grad = 0.0
        self._backward: Callable[[], None] = lambda: None
        self.children = set(children)
        self.symbol = symbol

    def __add__(self, other: Any) -> Any:
        other = other if isinstance(other, Closures) else Closures(other)
        out = Closures(self.data + other.data, (self, other), "+")

        def pass_on() -> None:
            self.grad += out.grad
            other.grad += out.grad

        out._backward = pass_on
        return out

    def __mul__(self, other: Any) -> Any:
        other = other if isinstance(other, Closures) else Closures(other)
        out = Closures(self.data * other.data, (self, other), "*")

        def pass_on() -> None:
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = pass_on
        return out

    def __pow__(self, exponent: float) -> Any:
        return patched(Closures, lambda a: a**exponent, lambda out, a: exponent * a ** (exponent - 1))(self)

    def backward(self) -> None:
        self.grad = 1.0
        for node in reversed(self.topological_order()):
            node._backward()


def patched(node: Any, forward: Callable[[float], float], partial: Callable[[float, float], float]) -> Any:
    """A function for an engine of closures, micrograd itself among them: it has no sigmoid and no tanh."""

    def function(operand: Any) -> Any:
        out = node(forward(operand.data), (operand,), "function")

        def pass_on() -> None:
            operand.grad += partial(out.data, operand.data) * out.grad

        out._backward = pass_on
        return out

    return function


def with_closures(node: Any) -> tuple[Any, Any, Any]:
    return node, patched(node, logistic, lambda s, _: s * (1 - s)), patched(node, math.tanh, lambda t, _: 1 - t * t)


class Slots(Derived):
    """In microgpt's style: a node with slots holds two tuples, its children and its local derivatives."""

    __slots__ = ("children", "data", "grad", "partials")

    def __init__(self, data: float, children: tuple[Any, ...] = (), partials: tuple[float, ...] = ()) -> None:
        self.data = data
        self.grad = 0.0
        self.children = children
        self.partials = partials

    def __add__(self, other: Any) -> Any:
        other = other if isinstance(other, Slots) else Slots(other)
        return Slots(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other: Any) -> Any:
        other = other if isinstance(other, Slots) else Slots(other)
        return Slots(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent: float) -> Any:
        return Slots(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def sigmoid(self) -> Any:
        s = logistic(self.data)
        return Slots(s, (self,), (s * (1 - s),))

    def tanh(self) -> Any:
        t = math.tanh(self.data)
        return Slots(t, (self,), (1 - t * t,))

    def backward(self) -> None:
        self.grad = 1.0
        for node in reversed(self.topological_order()):
            for child, partial in zip(node.children, node.partials, strict=True):
                child.grad += partial * node.grad


# fmt: off
ENGINES: dict[str, Callable[[], tuple[Any, Any, Any]]] = {  # their Value, sigmoid and tanh
    "autograd_mini":   lambda: (Value, sigmoid, tanh),
    "micrograd":       lambda: with_closures(import_module("micrograd.engine").Value),
    "micrograd-style": lambda: with_closures(Closures),
    "microgpt-style":  lambda: (Slots, Slots.sigmoid, Slots.tanh),
}
# fmt: on


# The neuron: each peer prepares what it needs and returns its training, a function of the epochs that returns w and b.

Training = Callable[[int], list[float]]


def train_values(engine: str) -> Training:
    node, sigmoid, _ = ENGINES[engine]()

    def train(epochs: int) -> list[float]:
        w, b, x, y = node(W), node(B), node(X), node(Y)
        for _ in range(epochs):
            C = (y - sigmoid(w * x + b)) ** 2 / 2
            w.grad = b.grad = 0.0  # ours alone would not need it
            C.backward()
            w.data -= LEARNING_RATE * w.grad
            b.data -= LEARNING_RATE * b.grad
        return [w.data, b.data]

    return train


def train_numbers(cost_and_gradient: Callable[[float, float], Any]) -> Training:
    def train(epochs: int) -> list[float]:
        w, b = W, B
        for _ in range(epochs):
            _, (dw, db) = cost_and_gradient(w, b)
            w -= LEARNING_RATE * dw
            b -= LEARNING_RATE * db
        return [float(w), float(b)]

    return train


def program() -> Training:
    w, b = Value(W, "w"), Value(B, "b")
    return train_numbers(Program(cost(w, b, X, Y), [w, b]))


def by_hand(w: float, b: float) -> tuple[float, tuple[float, float]]:
    prediction = logistic(w * X + b)
    slope = (prediction - Y) * (prediction * (1 - prediction))
    return (Y - prediction) ** 2 / 2, (slope * X, slope)


# The floor: what an engine with nodes like ours and a table of rules cannot do without. That is every node, with all of
# its slots set, and the calls of the table's functions. No operator is looked up, no operand is looked at, no order is
# found, and nothing is checked.


class Node:
    """As large as a node of ours, and nothing else."""

    __slots__ = tuple(Value.__slots__)


def bare_node(rule: Rule, x: float, y: float | None = None) -> Any:
    node: Any = object.__new__(Node)
    node._data = rule.forward(x) if y is None else rule.forward(x, y)
    node._rule = rule
    node._a = node._b = node._label = None
    node._x = x
    node._y = y
    node.grad = 0.0
    return node


def floor() -> Training:
    sub_db = sub.partials[1]

    def cost_and_gradient(w: float, b: float) -> tuple[float, tuple[float, float]]:
        v1 = bare_node(mul, w, X)
        z = bare_node(add, v1._data, b)
        prediction = bare_node(sigmoid, z._data)
        difference = bare_node(sub, Y, prediction._data)
        square = bare_node(power, difference._data, 2.0)
        C = bare_node(div, square._data, 2.0)
        square.grad = div.da(C._data, square._data, 2.0)
        difference.grad = square.grad * power.da(square._data, difference._data, 2.0)
        prediction.grad = difference.grad * sub_db(difference._data, Y, prediction._data)
        z.grad = prediction.grad * sigmoid.da(prediction._data, z._data)
        v1.grad = z.grad
        return C._data, (v1.grad * mul.da(v1._data, w, X), z.grad)

    return train_numbers(cost_and_gradient)


def floor_of(output: Value) -> Callable[[], float]:
    """The floor of any graph: a partial is called for every operand, as backward() does."""
    operations = [node for node in Graph(output).order if node.operands]
    forward = [(node.rule, *map(float, node.operands)) for node in operations]
    partials = [
        [da for da, a in zip(node.rule.partials, node.operands, strict=True) if isinstance(a, Value) and da is not one]
        for node in operations
    ]

    def work() -> float:
        nodes = [bare_node(*each) for each in forward]
        for node, calls in zip(nodes, partials, strict=True):
            out, x, y = node._data, node._x, node._y
            for partial in calls:
                node.grad += partial(out, x) if y is None else partial(out, x, y)
        return float(nodes[-1]._data)

    return work


def pytorch() -> Training:
    torch = import_module("torch")
    torch.set_num_threads(1)

    def train(epochs: int) -> list[float]:
        w, b = (torch.tensor(start, dtype=torch.float64, requires_grad=True) for start in (W, B))
        x, y = (torch.tensor(number, dtype=torch.float64) for number in (X, Y))
        for _ in range(epochs):
            C = (y - torch.sigmoid(w * x + b)) ** 2 / 2
            w.grad = b.grad = None
            C.backward()
            with torch.no_grad():
                w -= LEARNING_RATE * w.grad
                b -= LEARNING_RATE * b.grad
        return [w.item(), b.item()]

    return train


def xad() -> Training:
    adjoint, exp = import_module("xad.adj_1st"), import_module("xad.math").exp
    recorder = adjoint.Tape()
    recorder.activate()

    def cost_and_gradient(w_number: float, b_number: float) -> tuple[Any, tuple[float, float]]:
        w, b = adjoint.Real(w_number), adjoint.Real(b_number)
        recorder.registerInput(w)
        recorder.registerInput(b)
        recorder.newRecording()
        C = (Y - 1.0 / (1.0 + exp(-(w * X + b)))) ** 2 / 2.0
        recorder.registerOutput(C)
        C.setDerivative(1.0)
        recorder.computeAdjoints()
        return C, (w.getDerivative(), b.getDerivative())

    return train_numbers(cost_and_gradient)


def autograd() -> Training:
    exp = import_module("autograd.numpy").exp
    gradient = import_module("autograd").value_and_grad
    return train_numbers(gradient(lambda w, b: (Y - 1 / (1 + exp(-(w * X + b)))) ** 2 / 2, (0, 1)))


def jax(compiled: bool) -> Training:
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    gradient = jax.value_and_grad(lambda w, b: (Y - jax.nn.sigmoid(w * X + b)) ** 2 / 2, (0, 1))
    gradient = jax.jit(gradient) if compiled else gradient
    # Plain floats: each operation on a JAX scalar, those of the update too, would be a dispatch.
    return train_numbers(lambda w, b: (None, map(float, gradient(w, b)[1])))


# Many points: given their x and y, each peer returns the work, which is the mean cost and its gradient.

Work = Callable[[], list[float]]


def for_all_leaves() -> Program:
    w, b, x, y = Value(W, "w"), Value(B, "b"), Value(X, "x"), Value(Y, "y")
    return Program(cost(w, b, x, y), [w, b, x, y], wrt=[w, b])


def program_on_numpy(xs: Any, ys: Any) -> Work:
    return means(for_all_leaves().on(import_module("numpy")), xs, ys)


def numpy_by_hand(xs: Any, ys: Any) -> Work:
    exp = import_module("numpy").exp

    def cost_and_gradient(w: float, b: float, x: Any, y: Any) -> Any:
        z = w * x + b
        e = exp(-abs(z))
        prediction = ((z >= 0) + (z < 0) * e) / (1 + e)  # without overflow, as ours
        slope = (prediction - y) * (prediction * (1 - prediction))
        return (y - prediction) ** 2 / 2, (slope * x, slope)

    return means(cost_and_gradient, xs, ys)


def means(cost_and_gradient: Callable[[float, float, Any, Any], Any], xs: Any, ys: Any) -> Work:
    def work() -> list[float]:
        C, (dw, db) = cost_and_gradient(W, B, xs, ys)
        return [float(C.mean()), float(dw.mean()), float(db.mean())]

    return work


def program_on_jax(xs: Any, ys: Any) -> Work:
    jax = import_module("jax")
    program = for_all_leaves().on(jax.numpy)
    return compiled(lambda w, b, x, y: jax.tree.map(jax.numpy.mean, program(w, b, x, y)), xs, ys)


def jax_gradient(xs: Any, ys: Any) -> Work:
    jax = import_module("jax")

    def mean_cost(w: Any, b: Any, x: Any, y: Any) -> Any:
        return ((y - jax.nn.sigmoid(w * x + b)) ** 2 / 2).mean()

    return compiled(jax.value_and_grad(mean_cost, (0, 1)), xs, ys)


def compiled(means: Callable[[float, float, Any, Any], Any], xs: Any, ys: Any) -> Work:
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    compute, x, y = jax.jit(means), jax.numpy.asarray(xs), jax.numpy.asarray(ys)
    return lambda: list(map(float, jax.tree.leaves(compute(W, B, x, y))))


# fmt: off
NEURONS: dict[str, Callable[[], Training]] = {
    "autograd_mini":   lambda: train_values("autograd_mini"),
    "micrograd":       lambda: train_values("micrograd"),
    "micrograd-style": lambda: train_values("micrograd-style"),
    "microgpt-style":  lambda: train_values("microgpt-style"),
    "PyTorch":         pytorch,
    "XAD":             xad,
    "autograd":        autograd,
    "JAX":             lambda: jax(compiled=False),
    "JAX, compiled":   lambda: jax(compiled=True),
    "Program":         program,
    "by hand":         lambda: train_numbers(by_hand),
    "floor":           floor,
}
POINTS: dict[str, Callable[[Any, Any], Work]] = {
    "Program on NumPy": program_on_numpy,
    "NumPy by hand":    numpy_by_hand,
    "Program on JAX":   program_on_jax,
    "jax.grad":         jax_gradient,
}
MODULES = {
    "micrograd": "micrograd", "PyTorch": "torch", "XAD": "xad", "autograd": "autograd",
    "JAX": "jax", "JAX, compiled": "jax", "jax.grad": "jax", "NumPy by hand": "numpy",
}
# fmt: on
