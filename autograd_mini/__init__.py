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
from autograd_mini.drawing import draw
from autograd_mini.errors import StaleGraphError
from autograd_mini.flipbooks import flipbook
from autograd_mini.formulas import formula
from autograd_mini.gradients import gradient
from autograd_mini.paths import explain
from autograd_mini.programs import Program
from autograd_mini.rules import Rule, cos, exp, log, log_0, relu, sigmoid, sign, sin, softplus, sqrt, step, tanh
from autograd_mini.trees import tree
from autograd_mini.value import Value
from autograd_mini.walk import Walk
from autograd_mini.worksheets import Worksheet

# fmt: off
__all__ = [
    "Program", "Rule", "StaleGraphError", "Value", "Walk", "Worksheet",
    "compare", "cos", "draw", "exp", "explain", "flipbook", "formula", "gradient", "log", "log_0", "relu", "sigmoid",
    "sign", "sin", "softplus", "sqrt", "step", "tanh", "tree",
]
# fmt: on
