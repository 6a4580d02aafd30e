"""The worked example: one sigmoid neuron with a quadratic cost, and its gradients in closed form.

z = w*x + b,  ŷ = sigmoid(z),  C = (y - ŷ)**2 / 2. The numbers are those of the blog post "Single Neuron Gradient
Descent" (Will Wolf, 2016); docs/derivation.md derives the closed form.
"""

from typing import Any, overload

from autograd_mini.rules import sigmoid
from autograd_mini.value import Operand, Value

W, B, X, Y = 0.5, 2.0, 3.0, 0.0
LEARNING_RATE = 0.05


@overload
def cost(w: float, b: float, x: float, y: float) -> float: ...
@overload
def cost(w: Value, b: Value, x: Operand, y: Operand) -> Value: ...
def cost(w: Any, b: Any, x: Any, y: Any) -> Any:
    """The quadratic cost of the neuron's prediction for the input x, where y is wanted.

    Written once for both: floats give a float, Values a Value that backward() can be called on.

    >>> cost(W, B, X, Y)
    0.471117372684454
    >>> cost(Value(W, "w"), Value(B, "b"), X, Y)
    Value(0.471117 = 0.942235 / 2)
    """
    return (y - sigmoid(w * x + b)) ** 2 / 2


def closed_form(w: float, b: float, x: float, y: float) -> tuple[float, float]:
    """∂C/∂w = (ŷ - y) ŷ (1 - ŷ) x and ∂C/∂b = (ŷ - y) ŷ (1 - ŷ), derived with pencil and paper.

    >>> closed_form(W, B, X, Y)
    (0.0828570068345968, 0.027619002278198936)
    """
    prediction = sigmoid(w * x + b)
    slope = (prediction - y) * (prediction * (1 - prediction))
    return slope * x, slope
