"""Check a gradient derived by hand: find the mistake, mend it, check again. Then the same for another loss.

Run `python examples/check_by_hand.py`. Expect four reports: the neuron's gradient with its sign flipped and a factor
forgotten, the same mended, and for the logistic loss -log σ(z), a first attempt and the right formula.
To check a formula of your own: record the graph, write a function whose arguments are called as the leaves are, and
pass it to compare().
"""

import math
import sys
from io import TextIOWrapper

from autograd_mini import Value, compare, log, sigmoid
from autograd_mini.neuron import B, W, X, Y, cost

if isinstance(sys.stdout, TextIOWrapper):
    sys.stdout.reconfigure(errors="replace")  # where stdout has no ∂, a ? instead of a crash

w, b, x, y = Value(W, "w"), Value(B, "b"), Value(X, "x"), Value(Y, "y")


def section(title: str) -> None:
    print(f"\n{title}\n{'-' * len(title)}\n")


def predict(w: float, b: float, x: float) -> float:
    return sigmoid(w * x + b)


section("The neuron, C = (y - ŷ)² / 2: a first attempt")
C = cost(w, b, x, y).named("C")


def slip_w(w: float, b: float, x: float, y: float) -> float:
    ŷ = predict(w, b, x)
    return (y - ŷ) * ŷ * (1 - ŷ) * x  # the derivative of (y - ŷ)² / 2 by ŷ is ŷ - y


def slip_b(w: float, b: float, x: float, y: float) -> float:
    return predict(w, b, x) - y  # and where is σ′?


checked = compare(C, {w: slip_w, b: slip_b})
print(checked)
assert not checked

section("The neuron, mended")


def hand_b(w: float, b: float, x: float, y: float) -> float:
    ŷ = predict(w, b, x)
    return (ŷ - y) * ŷ * (1 - ŷ)


def hand_w(w: float, b: float, x: float, y: float) -> float:
    return hand_b(w, b, x, y) * x


checked = compare(C, {w: hand_w, b: hand_b})
print(checked)
assert checked

section("The logistic loss, L = -log σ(z): a first attempt")
L = (-log(sigmoid(w * x + b))).named("L")


def attempt(w: float, b: float, x: float) -> float:
    return -1 / predict(w, b, x) * x  # the logarithm is done, the sigmoid inside it forgotten


checked = compare(L, {w: attempt})
print(checked)
assert not checked

section("The logistic loss: σ′ = σ (1 - σ) cancels the 1 / σ, and (σ - 1) x remains")
checked = compare(
    L,
    {
        w: lambda w, b, x: (predict(w, b, x) - 1) * x,
        b: lambda w, b, x: (
            -1 / (1 + math.exp(w * x + b))
        ),  # σ(z) - 1 = -σ(-z), and this loses no digits where z is large
    },
)
print(checked)
assert checked
