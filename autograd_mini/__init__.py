"""autograd_mini: backpropagation you can step through, draw, and compare with a gradient derived by hand.

One sigmoid neuron, its cost, and the automatic ∂C/∂w beside the closed form (ŷ - y) ŷ (1 - ŷ) x:

>>> from autograd_mini import Value, sigmoid
>>> w, b = Value(0.5, "w"), Value(2, "b")
>>> x, y = Value(3, "x"), Value(0, "y")
>>> prediction = sigmoid(w * x + b)
>>> C = (y - prediction) ** 2 / 2
>>> C.backward()
>>> w.grad
0.0828570068345968
>>> p = prediction.data
>>> (p - y.data) * (p * (1 - p)) * x.data
0.0828570068345968
"""

from autograd_mini.comparison import compare
from autograd_mini.gradients import gradient
from autograd_mini.rules import Rule, cos, exp, log, relu, sigmoid, sign, sin, softplus, sqrt, step, tanh
from autograd_mini.value import StaleGraphError, Value

__all__ = [
    "Rule",
    "StaleGraphError",
    "Value",
    "compare",
    "cos",
    "exp",
    "gradient",
    "log",
    "relu",
    "sigmoid",
    "sign",
    "sin",
    "softplus",
    "sqrt",
    "step",
    "tanh",
]
