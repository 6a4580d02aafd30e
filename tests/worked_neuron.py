"""The worked example, recorded, for the tests that need it."""

from autograd_mini import Value
from autograd_mini.neuron import B, W, X, Y, cost


def recorded_neuron() -> tuple[Value, Value, Value, Value, Value]:
    """The cost, and the leaves w, b, x, y."""
    w, b, x, y = Value(W, "w"), Value(B, "b"), Value(X, "x"), Value(Y, "y")
    return cost(w, b, x, y).named("C"), w, b, x, y
