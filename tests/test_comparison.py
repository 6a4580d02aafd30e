"""compare() names what is wrong with a gradient derived by hand, and accuses no right one."""

import functools
import math
import random
import re
import sys
from math import exp as e

import pytest
from random_graphs import random_graph

from autograd_mini import (
    Rule,
    StaleGraphError,
    Value,
    compare,
    cos,
    exp,
    formula,
    gradient,
    log,
    relu,
    rules,
    sigmoid,
    sin,
    softplus,
    sqrt,
    tanh,
)
from autograd_mini.graph import Graph
from autograd_mini.neuron import closed_form, cost
from autograd_mini.rules import Operator

# Graphs, and their leaves by name.


def leaves(**numbers):
    return [Value(number, name) for name, number in numbers.items()]


def neuron(y=0.0):
    w, b, x, y = leaves(w=0.5, b=2.0, x=3.0, y=y)
    return cost(w, b, x, y).named("C")


def softmax():
    """The cross-entropy of a softmax over three, where the first is wanted."""
    e1, e2, e3 = (exp(z) for z in leaves(z1=0.2, z2=-0.4, z3=1.1))
    return (-log(e1 / (e1 + e2 + e3))).named("L")


def log_softmax():
    z1, z2, z3 = leaves(z1=0.2, z2=-0.4, z3=1.1)
    return (log(exp(z1) + exp(z2) + exp(z3)) - z1).named("L")


def gaussian():
    """The negative logarithm of a Gaussian likelihood, for one observation."""
    x, μ, σ = leaves(x=1.3, μ=0.4, σ=0.8)
    return (log(σ) + ((x - μ) / σ) ** 2 / 2).named("L")


def gaussians():
    μ, σ, *xs = leaves(μ=0.4, σ=0.8, x1=1.3, x2=-0.2, x3=0.9)
    return sum(log(σ) + ((x - μ) / σ) ** 2 / 2 for x in xs).named("L")


def ridge():
    w, b, λ = leaves(w=0.7, b=-0.3, λ=0.1)
    xs, ys = leaves(x1=1.0, x2=2.0, x3=-1.5), leaves(y1=0.5, y2=1.7, y3=-2.0)
    return (sum((w * x + b - y) ** 2 for x, y in zip(xs, ys, strict=True)) + λ * w**2).named("L")


def network():
    w1, b1, w2, b2, x, y = leaves(w1=0.3, b1=-0.2, w2=-0.6, b2=0.5, x=0.9, y=0.4)
    h = tanh(w1 * x + b1).named("h")
    return ((tanh(w2 * h + b2) - y) ** 2 / 2).named("C")


def wide_network():
    w1, w2, u1, u2, x, y = leaves(w1=0.3, w2=-0.6, u1=1.2, u2=-0.7, x=0.9, y=0.4)
    return ((u1 * tanh(w1 * x) + u2 * tanh(w2 * x) - y) ** 2 / 2).named("C")


def thrice():
    t, a = leaves(t=1.3, a=0.6)
    return (t**2 + a * t + exp(t)).named("C")


def squares():
    (t,) = leaves(t=1.3)
    return (t * t * sin(t)).named("C")


def alone():
    return leaves(t=1.3)[0]


# By hand.


def σ(z):
    return 1 / (1 + e(-z))


def right_w(w, b, x, y):
    return closed_form(w, b, x, y)[0]


def right_b(w, b, x, y):
    return closed_form(w, b, x, y)[1]


def p(z1, z2, z3):
    return e(z1) / (e(z1) + e(z2) + e(z3))


def residuals(at):
    return [(at["w"] * at[f"x{k}"] + at["b"] - at[f"y{k}"], at[f"x{k}"]) for k in (1, 2, 3)]


def h(at):
    return math.tanh(at["w1"] * at["x"] + at["b1"])


def out(at):
    return math.tanh(at["w2"] * h(at) + at["b2"])


def slope(tanh):
    return 1 - tanh**2


def error(at):
    return at["u1"] * math.tanh(at["w1"] * at["x"]) + at["u2"] * math.tanh(at["w2"] * at["x"]) - at["y"]


# What went wrong, in which graph, for which leaf; the formula with that slip; what must be said of it.
# fmt: off
SLIPS = [
    ("the sign", neuron, "w", lambda w, b, x, y: -right_w(w, b, x, y), "-1 times automatic: the sign is flipped"),
    ("a factor 2", neuron, "w", lambda w, b, x, y: 2 * right_w(w, b, x, y), "2 times automatic"),
    ("a factor -2/3", neuron, "b", lambda w, b, x, y: -2 * right_b(w, b, x, y) / 3, "-2/3 times automatic"),
    ("a factor π", neuron, "b", lambda w, b, x, y: math.pi * right_b(w, b, x, y), "3.14159 times automatic"),
    ("no x", neuron, "w", right_b, "automatic without the local derivative ∂v1/∂w = x, where v1 = w * x"),
    ("an extra x", neuron, "b", right_w, "automatic with an extra factor x"),
    ("no σ′", neuron, "w", lambda w, b, x, y: (σ(w * x + b) - y) * x,
     "automatic without the local derivative ∂v3/∂v2 = v3 * (1 - v3), where v3 = sigmoid(v2), v2 = v1 + b"),
    ("σ′ twice", neuron, "b", lambda w, b, x, y: right_b(w, b, x, y) * σ(w * x + b) * (1 - σ(w * x + b)),
     "automatic with the local derivative ∂v3/∂v2 = v3 * (1 - v3) twice, where v3 = sigmoid(v2), v2 = v1 + b"),
    ("σ for σ′", neuron, "b", lambda w, b, x, y: (σ(w * x + b) - y) * σ(w * x + b),
     "automatic with v3 itself in place of the local derivative ∂v3/∂v2 = v3 * (1 - v3), "
     "where v3 = sigmoid(v2), v2 = v1 + b"),
    ("1 - σ for σ′", neuron, "b", lambda w, b, x, y: (σ(w * x + b) - y) * (1 - σ(w * x + b)),
     "automatic without the factor v3, where v3 = sigmoid(v2), v2 = v1 + b"),
    ("z for ŷ in σ′", neuron, "b", lambda w, b, x, y: (σ(w * x + b) - y) * (w * x + b) * (1 - (w * x + b)),
     "automatic with v2 in place of v3 in ∂v3/∂v2 = v3 * (1 - v3), where v3 = sigmoid(v2), v2 = v1 + b"),
    ("w for x", neuron, "w", lambda w, b, x, y: right_b(w, b, x, y) * w,
     "automatic with w in place of x in ∂v1/∂w = x, where v1 = w * x"),
    ("no ŷ - y", neuron, "w", lambda w, b, x, y: σ(w * x + b) * (1 - σ(w * x + b)) * x,
     "automatic without the upstream gradient ∂C/∂v3, where v3 = sigmoid(v2), v2 = v1 + b"),
    ("the square kept", neuron, "b", lambda w, b, x, y: right_b(w, b, x, y) * (y - σ(w * x + b)),
     "automatic with an extra factor v4, where v4 = y - v3, v3 = sigmoid(v2)"),
    ("no y", neuron, "w", lambda w, b, x, y: right_w(w, b, x, 0), "automatic with 0 in place of y"),
    ("no -1", softmax, "z1", p,
     "automatic without the contribution ∂L/∂v6 × ∂v6/∂v1, where v6 = v1 / v5, v1 = exp(z1), v5 = v3 + v4"),
    ("only the -1", softmax, "z1", lambda z1: -1,
     "automatic without the contribution ∂L/∂v3 × ∂v3/∂v1, where v3 = v1 + v2, v1 = exp(z1), v2 = exp(z2)"),
    ("+ 1", softmax, "z1", lambda z1, z2, z3: p(z1, z2, z3) + 1,
     "automatic with the sign of the contribution ∂L/∂v6 × ∂v6/∂v1 flipped, "
     "where v6 = v1 / v5, v1 = exp(z1), v5 = v3 + v4"),
    ("-1 where there is none", softmax, "z2", lambda z1, z2, z3: p(z2, z1, z3) - 1, "automatic - 1"),
    ("not normalised", softmax, "z2", lambda z1, z2, z3: e(z2),
     "automatic with an extra factor v5, where v5 = v3 + v4, v3 = v1 + v2, v4 = exp(z3)"),
    ("no -1", log_softmax, "z1", p,
     "automatic without the contribution ∂L/∂z1 (direct), where L = v6 - z1, v6 = log(v5)"),
    ("no 1 / Σ", log_softmax, "z2", lambda z1, z2, z3: e(z2),
     "automatic without the local derivative ∂v6/∂v5 = 1 / v5, where v6 = log(v5), v5 = v3 + v4"),
    ("no 1 / σ", gaussian, "μ", lambda x, μ, σ: -(x - μ) / σ,
     "automatic without the local derivative ∂v3/∂v2 = 1 / σ, where v3 = v2 / σ, v2 = x - μ"),
    ("no σ", gaussian, "μ", lambda x, μ, σ: -(x - μ), "automatic with 1 in place of σ"),
    ("no log", gaussian, "σ", lambda x, μ, σ: -((x - μ) ** 2) / σ**3,
     "automatic without the contribution ∂L/∂v1 × ∂v1/∂σ, where v1 = log(σ)"),
    ("only the log", gaussian, "σ", lambda x, μ, σ: 1 / σ,
     "automatic without the contribution ∂L/∂v3 × ∂v3/∂σ, where v3 = v2 / σ, v2 = x - μ"),
    ("a sign", gaussian, "σ", lambda x, μ, σ: 1 / σ + (x - μ) ** 2 / σ**3,
     "automatic with the sign of the contribution ∂L/∂v3 × ∂v3/∂σ flipped, where v3 = v2 / σ, v2 = x - μ"),
    ("σ² for σ³", gaussian, "σ", lambda x, μ, σ: 1 / σ - (x - μ) ** 2 / σ**2,
     "automatic with v2 in place of v3 in ∂v3/∂σ = -v3 / σ, where v3 = v2 / σ, v2 = x - μ"),
    ("no 1/2", gaussian, "σ", lambda x, μ, σ: 1 / σ - 2 * (x - μ) ** 2 / σ**3,
     "automatic without the local derivative ∂v5/∂v4 = 1 / 2, where v5 = v4 / 2, v4 = v3 ** 2"),
    ("the 1/2 again", gaussian, "σ", lambda x, μ, σ: 1 / σ - (x - μ) ** 2 / σ**3 / 2,
     "automatic with half of the contribution ∂L/∂v3 × ∂v3/∂σ, where v3 = v2 / σ, v2 = x - μ"),
    ("an observation left out", gaussians, "μ", lambda μ, σ, x1, x2: -(x1 + x2 - 2 * μ) / σ**2,
     "automatic without the contribution ∂L/∂v15 × ∂v15/∂μ, where v15 = x3 - μ"),
    ("no 1 / σ, three times", gaussians, "μ", lambda μ, σ, x1, x2, x3: -(x1 + x2 + x3 - 3 * μ) / σ,
     "automatic without the local derivative ∂v3/∂v2 = 1 / σ, in all 3 places like it, where v3 = v2 / σ, v2 = x1 - μ"),
    ("one log for three", gaussians, "σ",
     lambda μ, σ, x1, x2, x3: 1 / σ - ((x1 - μ) ** 2 + (x2 - μ) ** 2 + (x3 - μ) ** 2) / σ**3,
     "automatic with one contribution like ∂L/∂v1 × ∂v1/∂σ in place of 3, where v1 = log(σ)"),
    ("no L2 term", ridge, "w", lambda **at: sum(2 * r * x for r, x in residuals(at)),
     "automatic without the contribution ∂L/∂v15 × ∂v15/∂w, where v15 = w ** 2"),
    ("the L2 term without its 2", ridge, "w", lambda **at: sum(2 * r * x for r, x in residuals(at)) + at["λ"] * at["w"],
     "automatic with half of the contribution ∂L/∂v15 × ∂v15/∂w, where v15 = w ** 2"),
    ("the L2 term without λ", ridge, "w", lambda **at: sum(2 * r * x for r, x in residuals(at)) + 2 * at["w"],
     "automatic without the local derivative ∂v16/∂v15 = λ, where v16 = λ * v15, v15 = w ** 2"),
    ("the sign of the L2 term", ridge, "w",
     lambda **at: sum(2 * r * x for r, x in residuals(at)) - 2 * at["λ"] * at["w"],
     "automatic with the sign of the contribution ∂L/∂v15 × ∂v15/∂w flipped, where v15 = w ** 2"),
    ("w² not differentiated", ridge, "w",
     lambda **at: sum(2 * r * x for r, x in residuals(at)) + at["λ"] * at["w"] ** 2,
     "automatic with v15 itself in place of the local derivative ∂v15/∂w = 2 * w, where v15 = w ** 2"),
    ("no x in the sum", ridge, "w", lambda **at: sum(2 * r for r, x in residuals(at)) + 2 * at["λ"] * at["w"],
     "automatic without the local derivative ∂v1/∂w = x1, in all 3 places like it, where v1 = w * x1"),
    ("an example left out", ridge, "b", lambda **at: sum(2 * r for r, x in residuals(at)[:2]),
     "automatic without the contribution ∂L/∂v11 × ∂v11/∂b, where v11 = v10 + b, v10 = w * x3"),
    ("the mean for the sum", ridge, "b", lambda **at: sum(2 * r for r, x in residuals(at)) / 3, "1/3 times automatic"),
    ("no outer tanh′", network, "w1", lambda **at: (out(at) - at["y"]) * at["w2"] * slope(h(at)) * at["x"],
     "automatic without the local derivative ∂v5/∂v4 = 1 - v5 ** 2, where v5 = tanh(v4), v4 = v3 + b2"),
    ("no inner tanh′", network, "w1", lambda **at: (out(at) - at["y"]) * slope(out(at)) * at["w2"] * at["x"],
     "automatic without the local derivative ∂h/∂v2 = 1 - h ** 2, where h = tanh(v2), v2 = v1 + b1"),
    ("no w2", network, "w1", lambda **at: (out(at) - at["y"]) * slope(out(at)) * slope(h(at)) * at["x"],
     "automatic without the local derivative ∂v3/∂h = w2, where v3 = w2 * h"),
    ("z for tanh z", network, "b1",
     lambda **at: (out(at) - at["y"]) * slope(out(at)) * at["w2"] * slope(at["w1"] * at["x"] + at["b1"]),
     "automatic with v2 in place of h in ∂h/∂v2 = 1 - h ** 2, where h = tanh(v2), v2 = v1 + b1"),
    ("only one of two ways", wide_network, "x",
     lambda **at: error(at) * at["u1"] * slope(math.tanh(at["w1"] * at["x"])) * at["w1"],
     "automatic without the contribution ∂C/∂v4 × ∂v4/∂x, where v4 = w2 * x"),
    ("no tanh′ at all", wide_network, "x", lambda **at: error(at) * (at["u1"] * at["w1"] + at["u2"] * at["w2"]),
     "automatic without the local derivative ∂v2/∂v1 = 1 - v2 ** 2, in all 2 places like it, "
     "where v2 = tanh(v1), v1 = w1 * x"),
    ("no a", thrice, "t", lambda t: 2 * t + e(t),
     "automatic without the contribution ∂C/∂v2 × ∂v2/∂t, where v2 = a * t"),
    ("t² as t", thrice, "t", lambda t, a: t + a + e(t),
     "automatic with half of the contribution ∂C/∂v1 × ∂v1/∂t, where v1 = t ** 2"),
    ("a t not differentiated", thrice, "t", lambda t, a: 2 * t + a * t + e(t),
     "automatic with v2 itself in place of the local derivative ∂v2/∂t = a, where v2 = a * t"),
    ("t·t as t", squares, "t", lambda t: t * math.sin(t) + t * t * math.cos(t),
     "automatic without the contribution ∂C/∂v1 × ∂v1/∂t (2nd), where v1 = t * t"),
    ("no product rule", squares, "t", lambda t: 2 * t * math.sin(t),
     "automatic without the contribution ∂C/∂v2 × ∂v2/∂t, where v2 = sin(t)"),
    ("cos′ for sin′", squares, "t", lambda t: 2 * t * math.sin(t) - t * t * math.cos(t),
     "automatic with the sign of the contribution ∂C/∂v2 × ∂v2/∂t flipped, where v2 = sin(t)"),
    ("t for 1", alone, "t", lambda t: t, "automatic with an extra factor t"),
]
# fmt: on


@pytest.mark.parametrize(
    ("graph", "leaf", "by_hand", "cause"),
    [slip[1:] for slip in SLIPS],
    ids=[f"{graph.__name__}: {slip}" for slip, graph, *_ in SLIPS],
)
def test_a_slip_is_called_what_it_is(graph, leaf, by_hand, cause):
    compared = compare(graph(), {leaf: by_hand}, seed=1)
    assert not compared
    assert compared.rows[0].verdict == "WRONG"
    assert compared.rows[0].cause == f"by hand is {cause}"
    assert f"at all 5 points by hand is {cause}" in repr(compared)


@pytest.mark.parametrize("seed", [0, 2])
def test_the_cause_does_not_depend_on_the_points(seed):
    for _, graph, leaf, by_hand, cause in SLIPS[::5]:
        assert compare(graph(), {leaf: by_hand}, seed=seed).rows[0].cause == f"by hand is {cause}"


def test_two_gradients_that_are_swapped():
    compared = compare(neuron(), {"w": right_b, "b": right_w})
    assert [row.cause for row in compared.rows] == [
        "by hand is ∂C/∂b: the two are swapped",
        "by hand is ∂C/∂w: the two are swapped",
    ]
    only_one = compare(neuron(), {"w": right_b, "b": right_b})
    assert [row.verdict for row in only_one.rows] == ["WRONG", "ok"]
    assert "swapped" not in repr(only_one)


def test_a_slip_with_a_row_of_ones_own():
    cube = Rule("cube", lambda a: a**3, lambda out, a: 3 * a**2)
    (a,) = leaves(a=1.3)
    C = (cube(a) + a).named("C")
    for by_hand, cause in [
        (lambda a: 2, "without the local derivative ∂v1/∂a = 3 * a ** 2, where v1 = cube(a)"),
        (lambda a: 3 * a**6 + 1, "with v1 in place of a in ∂v1/∂a = 3 * a ** 2, where v1 = cube(a)"),
        (lambda a: 3 * a**2, "without the contribution ∂C/∂a (direct), where C = v1 + a, v1 = cube(a)"),
    ]:
        assert compare(C, {a: by_hand}).rows[0].cause == f"by hand is automatic {cause}"


def test_a_slip_that_makes_a_large_gradient_small_is_named():
    (x,) = leaves(x=1e-9)
    for C, by_hand, cause in [
        (1 / x, 1, "without the local derivative ∂v1/∂x = -v1 / x, where v1 = 1 / x"),
        (exp(x), lambda x: x, "with x in place of v1 in ∂v1/∂x = v1, where v1 = exp(x)"),
    ]:
        assert compare(C, {x: by_hand}).rows[0].cause == f"by hand is automatic {cause}"


def drawn_formula(seed, names):
    """A formula of three to six operations."""

    def by_hand(**at):
        rng = random.Random(seed)
        number = at[rng.choice(names)]
        for _ in range(rng.randint(3, 6)):
            other = at[rng.choice(names)]
            number = rng.choice([number + 2 * other, number * other, number - other, tanh(number), sin(number + other)])
        return number

    return by_hand


def test_a_wrong_formula_of_another_shape_gets_no_cause():
    for seed, graph in enumerate((neuron, softmax, gaussian, ridge, network, thrice) * 6):
        C = graph()
        names = [leaf.label for leaf in Graph(C).leaves]
        compared = compare(C, {names[seed % len(names)]: drawn_formula(seed, names)})
        assert compared.rows[0][-2:] == ("WRONG", ""), repr(compared)
        assert "no single cause fits" in repr(compared)


def test_0_everywhere_gets_no_cause():
    assert compare(neuron(), {"w": lambda w: 0 * w}).rows[0][-2:] == ("WRONG", "")


def test_a_cause_that_fails_at_one_point_is_not_named():
    (a,) = leaves(a=3.0)
    compared = compare(a**2, {a: lambda a: 2 * a if a == 3.0 else -2 * a})
    assert compared.rows[0][-2:] == ("WRONG", "")
    assert "wrong at 4 of 5 points, no single cause fits" in repr(compared)
    compared = compare(a**2, {a: lambda a: 2 * a if a == 3.0 else -2 * a}, points=1)
    assert "wrong at 1 of 2 points, no single cause fits" in repr(compared)


def test_a_cause_that_only_some_points_can_tell_says_so():
    w, x, y = leaves(w=20.0, x=2.0, y=1.0)
    C = cost(w, 0, x, y).named("C")
    reports = [repr(compare(C, {w: lambda w, x, y: -paper_w(w, x, y)}, seed=seed)) for seed in range(10)]
    assert any(re.search(r"at all [234] conclusive points by hand is -1 times automatic", each) for each in reports)


# No right formula is accused.

FAMILIES = {
    "softplus(x) / x": (lambda x: softplus(x) / x, lambda x: sigmoid(x) / x - softplus(x) / x**2),
    "0.1 x / x": (lambda x: 0.1 * x / x, lambda x: 0),
    "3 x / x": (lambda x: 3 * x / x, lambda x: 0),
    "sin(10⁶ x)": (lambda x: sin(1e6 * x), lambda x: 1e6 * math.cos(1e6 * x)),
    "cos(1 / x)": (lambda x: cos(1 / x), lambda x: math.sin(1 / x) / x**2),
    "1 / x": (lambda x: 1 / x, lambda x: -1 / x**2),
    "sin(x) / x": (lambda x: sin(x) / x, lambda x: (x * math.cos(x) - math.sin(x)) / x**2),
    "10⁸ + sin(x)": (lambda x: 1e8 + sin(x), math.cos),
    "softplus(-20 x)": (lambda x: softplus(-20 * x), lambda x: 20 * (sigmoid(20 * x) - 1)),
    "(1 - x)⁶, expanded": (
        lambda x: x**6 - 6 * x**5 + 15 * x**4 - 20 * x**3 + 15 * x**2 - 6 * x + 1,
        lambda x: -6 * (1 - x) ** 5,
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_right_formula_is_not_accused(family):
    graph, by_hand = FAMILIES[family]
    rng = random.Random(0)
    verdicts = []
    for seed in range(12):
        near = rng.choice((1e-6 * rng.uniform(0.5, 2), rng.uniform(-3, 3), 10 ** rng.uniform(-8, 1)))
        x = Value(near, "x")
        compared = compare(graph(x).named("C"), {x: by_hand}, seed=seed)
        assert compared.rows[0].verdict != "WRONG", repr(compared)
        assert "DISAGREES" not in repr(compared), repr(compared)
        verdicts.append(compared.rows[0].verdict)
    assert verdicts.count("ok") >= 11


FUNCTIONS = {rule.symbol: rule for rule in rules.TABLE if not isinstance(rule, Operator)}


def printed(derivative, leaves):
    """The formula of a derivative as it is printed, as a function of the leaves."""
    whole, *parts = formula(derivative).splitlines()
    lines = [part.removeprefix("where ") for part in parts] + [f"return {whole}"]
    namespace = dict(FUNCTIONS)
    exec("\n    ".join([f"def by_hand({', '.join(leaf.label for leaf in leaves)}):", *lines]), namespace)
    return namespace["by_hand"]


def test_the_printed_gradient_of_a_random_graph_is_not_accused():
    for seed in range(20):
        C = random_graph(seed, size=4 + 2 * seed)[0].named("C")
        leaves = Graph(C).leaves
        derivatives = gradient(C, leaves)
        by_hand = {leaf: printed(each, leaves) for leaf, each in zip(leaves, derivatives, strict=True)}
        assert compare(C, by_hand, seed=seed)


# No wrong rule is missed.

WRONG = {
    "0.1 % too large": lambda partial: lambda *numbers: partial(*numbers) * 1.001,
    "the other sign": lambda partial: lambda *numbers: -partial(*numbers),
    "1": lambda partial: lambda *numbers: 1.0,
    "0": lambda partial: lambda *numbers: 0.0,
}


@pytest.fixture(scope="module")
def graphs():
    """Twenty random graphs, and their gradients while all rules are right."""
    graphs = [random_graph(seed, size=30) for seed in range(20)]
    for C, _ in graphs:
        C.backward()
    return [(C, {leaf: leaf.grad for leaf in leaves}) for C, leaves in graphs]


@pytest.mark.parametrize(
    ("rule", "slot"), [(rule, slot) for rule in rules.TABLE for slot in ("da", "db")[: len(rule.partials)]], ids=str
)
def test_a_wrong_derivative_of_a_rule_is_found(rule, slot, graphs, monkeypatch):
    right = getattr(rule, slot)
    for name, wrong in WRONG.items():
        monkeypatch.setattr(rule, slot, wrong(right))
        for C, gradients in graphs:
            C.backward()
            leaf = max(gradients, key=lambda each: abs(each.grad - gradients[each]))
            if not math.isclose(leaf.grad, gradients[leaf], rel_tol=1e-5):
                compared = compare(C, {leaf: lambda **at: 0.5}, points=1)
                assert "DISAGREES with numeric" in repr(compared), name
                assert compared.rows[0].verdict == "unclear", name
                break
        else:  # what is left makes no difference: the derivative is 1 or 0 as it is
            assert (name == "1" and right in (rules.add.da, rules.sub.da)) or rule in (rules.sign, rules.step), name
        monkeypatch.setattr(rule, slot, right)


def test_a_wrong_rule_is_not_blamed_on_the_formula():
    cube = Rule("cube", lambda a: a**3, lambda out, a: 2 * a**2)
    (x,) = leaves(x=2.0)
    compared = compare(cube(x).named("C"), {x: lambda x: 3 * x**2})
    assert not compared
    assert compared.rows[0].verdict == "unclear"
    assert "automatic 8 DISAGREES with numeric 12 at x=2: the derivative of a rule in this graph is wrong" in repr(
        compared
    )
    assert "automatic agrees" not in repr(compared)


def test_a_rule_that_only_loses_digits_is_not_called_wrong():
    rule = Rule("same", lambda a: a, lambda out, a: (1e12 + a) - (1e12 + 1) + (2 - a))
    for number in (0.1, 0.2, 0.3):
        (x,) = leaves(x=number)
        compared = compare(rule(x), {x: lambda x: 1})
        assert compared.rows[0].automatic != 1
        assert "DISAGREES" not in repr(compared)


def test_a_rule_that_is_wrong_elsewhere_only_is_found_there():
    cube = Rule("cube", lambda a: a**3, lambda out, a: 6 * a)  # right at 2
    (x,) = leaves(x=2.0)
    compared = compare(cube(x), {x: lambda x: 3 * x**2})
    assert compared.rows[0][1:3] == (12, 12)
    assert compared.rows[0].verdict == "unclear"
    assert "DISAGREES" in repr(compared)


# What it cannot see it says.


def test_one_point_would_have_let_it_pass():
    def forgot_y(w, b, x, y):
        return right_w(w, b, x, 0)

    only_here = compare(neuron(), {"w": forgot_y}, points=0)
    assert only_here
    assert "one point cannot tell" in repr(only_here)
    assert not compare(neuron(), {"w": forgot_y})


def test_a_number_is_checked_at_the_recorded_point_only():
    compared = compare(neuron(), {"w": 0.0828570068345968, "b": 0.3})
    assert [row.verdict for row in compared.rows] == ["ok", "WRONG"]
    assert "more point" not in repr(compared)
    assert "one point cannot tell" in repr(compared)
    assert "∂C/∂b: wrong, no single cause fits: 0.3 by hand" in repr(compared)
    assert compare(neuron(), {"w": 0.0829}, tolerance=1e-3)
    beside_a_function = compare(neuron(), {"w": 0.0828570068345968, "b": right_b})
    assert beside_a_function
    assert "one point cannot tell" in repr(beside_a_function)


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (-0.027619002278198936, "-1 times automatic: the sign is flipped"),
        (2 * 0.027619002278198936, "2 times automatic"),
        (0.027619002278198936 / 2, "1/2 times automatic"),
        (0.970687769248643, "automatic without the local derivative ∂v3/∂v2 = v3 * (1 - v3), where v3 = sigmoid(v2), v2 = v1 + b"),
        (3.7 * 0.027619002278198936, None),
    ],
)  # fmt: skip
def test_a_number_that_fits_a_cause_is_said_to_fit_it(number, cause):
    compared = compare(neuron(), {"b": number})
    assert compared.rows[0].cause == (f"by hand is {cause}" if cause else "")
    if cause:
        assert f"∂C/∂b: at the one point by hand is {cause}; another cause may fit as well" in repr(compared)


def test_a_number_of_three_digits_fits_by_chance():
    for number in (0.1 * k for k in range(1, 40)):
        assert compare(neuron(), {"x": number}, tolerance=1e-2).rows[0].cause in ("", "by hand is 2 times automatic")


def test_a_formula_without_arguments_is_a_number():
    (x,) = leaves(x=2.0)
    compared = compare(x**3, {x: lambda: 3 * x.data**2})
    assert compared
    assert "a formula without arguments, is checked at the recorded point only" in repr(compared)


def huber(x):
    return x**2 / 2 if abs(x) < 1 else abs(x) - 0.5


def test_a_branch_of_the_code_gets_a_hint():
    (x,) = leaves(x=0.9)
    compared = compare(huber(x), {x: lambda x: max(-1.0, min(1.0, x))})
    assert "it is right at the recorded point: is there an `if` in C" in repr(compared)
    assert "it is right" not in repr(compare(huber(x), {x: lambda x: x**3 + 1}))


def test_a_number_that_the_formula_reads_elsewhere_gets_a_hint():
    x, w = leaves(x=2.0, w=3.0)
    compared = compare(w * x**2, {x: lambda x: 2 * x * w.data})
    assert "it is right at the recorded point" in repr(compared)


def test_a_formula_that_raises_shows_its_error():
    (w,) = leaves(w=-800.0)
    compared = compare(sigmoid(w).named("C"), {w: lambda w: e(-w) / (1 + e(-w)) ** 2})
    assert compared.rows[0].verdict == "unclear"
    assert math.isnan(compared.rows[0].by_hand)
    assert "∂C/∂w: the formula raises OverflowError: math range error at w=-800" in repr(compared)


def test_a_formula_that_raises_elsewhere_is_still_checked():
    (a,) = leaves(a=0.2)
    compared = compare(a**2, {a: lambda a: 2 * math.sqrt(a) ** 2}, seed=1)
    assert compared
    assert "the formula raises ValueError: math domain error at a=" in repr(compared)


def test_a_formula_that_is_complex_or_infinite_gives_no_number():
    (a,) = leaves(a=-2.0)
    for by_hand, number in [(lambda a: a**0.5, "1.41421356"), (lambda a: math.inf, "inf"), (lambda a: math.nan, "nan")]:
        compared = compare(abs(a).named("C"), {a: by_hand})
        assert compared.rows[0].verdict == "unclear"
        assert "the formula gives " in repr(compared)
        assert number in repr(compared)


# What a formula may ask for, and what is refused.


def test_a_formula_asks_for_leaves_by_the_names_they_are_shown_by():
    x, twin, unnamed = Value(2.0, "x"), Value(5.0, "x"), Value(7.0)
    formulas = {x: lambda x_2, v2: x_2 * v2, twin: lambda v2, x: x * v2, "v2": lambda x, x_2: x * x_2}
    assert compare(x * twin * unnamed, formulas)


def test_labels_that_are_no_names_are_asked_for_together():
    x, y = Value(2.0, "the first"), Value(5.0, "y")
    assert compare(x**2 * y, {x: lambda **leaves: 2 * leaves["the first"] * leaves["y"]})
    assert compare(x**2 * y, {x: lambda y, **others: 2 * others["the first"] * y})
    assert compare(x**2 * y, {"the first": functools.partial(lambda k, **at: k * at["the first"] * at["y"], 2)})


def test_a_formula_may_have_defaults_and_be_a_builtin():
    (x,) = leaves(x=2.0)
    assert compare(sin(x), {x: math.cos})
    assert compare(x**3, {x: lambda x, n=3: n * x ** (n - 1)})
    assert compare(x**3, {x: lambda n=3, *, x: n * x ** (n - 1)})
    assert compare(x**3, {x: lambda x, /, n=3, **rest: n * x ** (n - 1)})
    assert compare(x**3, {x: lambda n=3, x=0, /: n * x ** (n - 1)})


def test_a_label_is_found_however_it_is_typed():
    micro = Value(2.0, "\N{MICRO SIGN}")  # what a keyboard types; Python reads it as the Greek letter in a name
    assert compare(micro**2, {micro: lambda µ: 2 * µ})


class Array(list):
    """Something like an array of numbers."""


@pytest.mark.parametrize(
    ("by_hand", "error", "message"),
    [
        ({"z": 1}, ValueError, "'z' is not a leaf of C's graph; its leaves are y, w, x, b"),
        ({Value(1, "w"): 1}, ValueError, "Value(1, label='w') is not a leaf of C's graph"),
        ({"w": lambda w, q: q}, ValueError, "the formula for ∂C/∂w asks for q; it may ask for y, w, x, b or **leaves"),
        ({"w": lambda *leaves: 1}, ValueError, "the formula for ∂C/∂w asks for *leaves; it may ask for y, w, x, b"),
        ({"w": getattr}, TypeError, "the formula for ∂C/∂w hides its arguments: write lambda x: f(x) for f"),
        ({}, TypeError, "expected a dict of gradients by hand, compare(C, {w: lambda w, x: …}), not {}"),
        (right_w, TypeError, "expected a dict of gradients by hand"),
        ([right_w, right_b], TypeError, "expected a dict of gradients by hand"),
        ({"w": "2 * x"}, TypeError, "expected a real number, not '2 * x'"),
        ({"w": lambda w: Value(w)}, TypeError, "the formula for ∂C/∂w returned Value(0.5): expected one number"),
        ({"w": lambda w: None}, TypeError, "the formula for ∂C/∂w returned None: expected one number"),
        ({"w": closed_form}, TypeError, "the formula for ∂C/∂w returned (0.0828570068345968, 0.0276190022"),
        ({"w": lambda w: Array([w])}, TypeError, "the formula for ∂C/∂w returned [0.5]: expected one number"),
    ],
)
def test_what_makes_no_sense_is_refused(by_hand, error, message):
    with pytest.raises(error) as caught:
        compare(neuron(), by_hand)
    assert message in str(caught.value)


def test_a_negative_number_of_points_is_refused():
    with pytest.raises(ValueError, match="expected 0 or more points, not -1"):
        compare(neuron(), {"w": right_w}, points=-1)


def test_a_leaf_that_is_given_twice_is_refused():
    (w,) = leaves(w=0.5)
    with pytest.raises(ValueError, match="∂C/∂w is given twice: by the leaf itself, and by its label"):
        compare((w**2).named("C"), {w: lambda w: 2 * w, "w": lambda w: 3 * w})


def test_an_inner_node_is_not_a_leaf():
    (w,) = leaves(w=0.5)
    z = (w * 2).named("z")
    with pytest.raises(ValueError, match="is not a leaf of C's graph; its leaves are w"):
        compare((z + 1).named("C"), {z: 1})


def test_a_stale_graph_is_refused():
    (w,) = leaves(w=0.5)
    C = w**2
    w.data = 1.0
    with pytest.raises(StaleGraphError, match="w has changed"):
        compare(C, {w: lambda w: 2 * w})


# The report.


def test_the_right_formula_passes_and_nothing_of_the_users_changes():
    C = neuron()
    C.backward()
    nodes = Graph(C).order
    before = [(node.data, node.grad, node.label) for node in nodes]
    compared = compare(C, {"w": right_w, "b": right_b})
    assert compared
    assert [row.verdict for row in compared.rows] == ["ok", "ok"]
    assert [row.automatic for row in compared.rows] == [leaf.grad for leaf in nodes if leaf.label in ("w", "b")]
    assert [(node.data, node.grad, node.label) for node in nodes] == before


def test_the_report():
    compared = compare(
        neuron(), {"w": lambda w, b, x, y: -right_w(w, b, x, y), "b": right_b}, points=2, seed=7, tolerance=1e-8
    )
    assert repr(compared) == (
        "gradients of C at w=0.5, b=2, x=3, y=0 and at 2 more points\n"
        "\n"
        "            by hand     automatic       numeric  hand/auto  rel. error\n"
        "∂C/∂w  -0.082857007   0.082857007   0.082857007    -1.0000     2.0e+00  WRONG\n"
        "∂C/∂b   0.027619002   0.027619002   0.027619002     1.0000     0.0e+00     ok\n"
        "\n"
        "automatic agrees with numeric (the central difference)\n"
        "∂C/∂w: at all 3 points by hand is -1 times automatic: the sign is flipped\n"
        "seed 7; tolerance 1e-08 for by hand, 1e-06 for numeric"
    )  # fmt: skip


def test_the_seed_fixes_the_report():
    def by_hand(w, b, x, y):
        return right_w(w, b, x, y) + y**3

    first, again, other = (repr(compare(neuron(), {"w": by_hand}, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first.splitlines()[6] != other.splitlines()[6]  # the point at which it is wrong


def test_a_pytest_assertion_shows_the_table():
    compared = compare(neuron(), {"w": lambda w, b, x, y: -right_w(w, b, x, y)})
    with pytest.raises(AssertionError, match="the sign is flipped"):
        assert compared, str(compared)


# Where numbers deceive.


def paper_w(w, x, y):
    """Right on paper and in floating point: 1 - σ(z) is computed as σ(-z), which loses nothing."""
    return (sigmoid(w * x) - y) * sigmoid(w * x) * sigmoid(-w * x) * x


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("z", [-40, 40])
def test_at_a_saturated_point_the_right_formula_is_not_accused_and_a_wrong_one_is(z, target):
    w, x, y = Value(z / 2, "w"), Value(2, "x"), Value(target, "y")
    C = cost(w, 0, x, y).named("C")
    assert compare(C, {w: paper_w})
    assert compare(C, {w: lambda w, x, y: closed_form(w, 0, x, y)[0]})
    assert compare(C, {w: lambda w, x, y: -paper_w(w, x, y)}).rows[0].verdict == "WRONG"


def test_a_formula_that_loses_its_own_digits_is_not_accused():
    w, x = leaves(w=30.0, x=1.5)
    L = softplus(-w * x).named("L")  # automatic keeps all digits, by hand is σ - 1
    for seed in range(5):
        assert compare(L, {w: lambda w, x: (sigmoid(w * x) - 1) * x}, seed=seed).rows[0].verdict != "WRONG"
    assert not compare(L, {w: lambda w, x: -sigmoid(-w * x)})


def test_a_formula_that_loses_digits_at_some_points_is_not_accused():
    w, x = leaves(w=4.0, x=2.0)
    L = softplus(-w * x).named("L")
    for seed in range(5):
        assert compare(L, {w: lambda w, x: (σ(w * x) - 1) * x}, seed=seed)  # σ takes no Values


def test_a_difference_is_found_down_to_the_rounding_error():
    (x,) = leaves(x=1.0)
    C = sin(1000 * x)
    assert compare(C, {x: lambda x: 1000 * math.cos(1000 * x) * (1 + 3e-9)}).rows[0].verdict == "WRONG"
    assert (
        compare(C, {x: lambda x: 1000 * math.cos(1000 * x) * (1 + 3e-13)}, tolerance=1e-15).rows[0].verdict == "unclear"
    )


def test_where_the_gradient_has_no_derivative_the_numeric_one_decides():
    (x,) = leaves(x=0.0)
    assert compare(abs(x) ** 1.5, {x: 5}).rows[0].verdict == "WRONG"


def test_a_numeric_gradient_lost_to_rounding_is_marked():
    w, x, y = leaves(w=-20.0, x=2.0, y=1.0)
    compared = compare(cost(w, 0, x, y).named("C"), {w: paper_w})
    assert compared
    assert not compared.rows[0].trusted
    assert "~0" in repr(compared)
    assert "~ ∂C/∂w: the numeric gradient is unreliable here: its rounding error is about" in repr(compared)


def test_where_every_point_is_saturated_nothing_can_be_told():
    w, x, y = leaves(w=400.0, x=2.0, y=1.0)
    compared = compare(cost(w, 0, x, y).named("C"), {w: paper_w})
    assert compared.rows[0].verdict == "unclear"
    assert "the difference is within rounding error" in repr(compared)
    assert "∂C/∂w is 0 at all 5 points: a wrong factor would go unnoticed" in repr(compared)


@pytest.mark.parametrize("at_kink", [0.0, 1.0, 3.0])
def test_at_a_kink_any_slope_between_those_on_both_sides_is_accepted(at_kink):
    w, x = leaves(w=0.5, x=3.0)
    C = relu(w * x - 1.5).named("C")
    compared = compare(C, {w: lambda w, x: x if w * x > 1.5 else at_kink if w * x == 1.5 else 0})
    assert compared
    assert not compared.rows[0].trusted
    assert "~ ∂C/∂w: the numeric gradient is unreliable here: the output has a kink" in repr(compared)
    assert compare(C, {w: lambda w, x: -x if w * x > 1.5 else 0}).rows[0].verdict == "WRONG"
    if at_kink:
        assert compare(C, {w: at_kink}).rows[0].verdict == "unclear"
    assert compare(C, {w: 3.1}).rows[0].verdict == compare(C, {w: -0.1}).rows[0].verdict == "WRONG"


def test_at_the_kink_of_abs_the_numeric_gradient_happens_to_agree():
    (a,) = leaves(a=0.0)
    assert compare(abs(a), {a: lambda a: 1 if a >= 0 else -1}).rows[0].verdict != "ok"
    assert not compare(abs(a), {a: lambda a: -1 if a >= 0 else 1})


def test_near_overflow():
    (a,) = leaves(a=709.78)
    compared = compare(exp(a).named("C"), {a: lambda a: e(a)})
    assert compared
    assert not compare(exp(a).named("C"), {a: lambda a: -e(a)})


def test_where_the_output_has_no_number_beside_the_point():
    def only_here(a):
        if a != 1.0:
            raise ValueError("only at 1")
        return a

    (a,) = leaves(a=1.0)
    compared = compare(Rule("only", only_here, lambda out, a: 1)(a).named("C"), {a: lambda a: 1})
    assert math.isnan(compared.rows[0].numeric)
    assert "gradients of C at a=1\n" in repr(compared)
    assert "automatic could not be verified numerically" in repr(compared)
    assert "unreliable here: the output cannot be computed on both sides" in repr(compared)
    assert "one point cannot tell" in repr(compared)


def test_a_gradient_that_is_truly_zero():
    x, y = leaves(x=2.0, y=3.0)
    C = (0 * x + y).named("C")
    assert compare(C, {x: lambda x: 0})
    assert compare(C, {x: lambda x: 0}).rows[0].trusted
    assert "∂C/∂x is 0 at all 5 points" in repr(compare(C, {x: lambda x: 0}))
    assert "-0" not in repr(compare(C, {x: lambda x: -0.0})).splitlines()[3]
    wrong = compare(C, {x: lambda x: x})
    assert wrong.rows[0].verdict == "WRONG"
    assert "is 0 at all" not in repr(wrong) + repr(compare(C, {x: 0}))


def test_a_gradient_that_only_rounding_keeps_from_being_zero():
    a, shift = leaves(a=0.3, shift=0.1)  # a shift of all logits does not change their softmax
    C = (log(exp(a + shift) + exp(0.7 + shift)) - (a + shift)).named("C")
    assert compare(C, {shift: lambda shift: 0})
    assert compare(C, {shift: lambda shift: 1e-6}).rows[0].verdict == "WRONG"
    assert compare(sin(a) ** 2 + cos(a) ** 2, {a: lambda a: 0})


def test_at_0_the_steps_are_those_of_1():
    (x,) = leaves(x=0.0)
    assert compare(exp(x), {x: lambda x: e(x)}).rows[0].numeric == pytest.approx(1, rel=1e-9)


def test_a_step_that_passes_over_what_the_function_does_is_not_believed():
    (x,) = leaves(x=-1.6319663463359433e-08)  # short steps see the slope to three digits, long ones see none
    compared = compare(cos(1 / x), {x: lambda x: math.sin(1 / x) / x**2}, points=0)
    assert compared
    assert not compared.rows[0].trusted
    assert "DISAGREES" not in repr(compared)


def test_steps_that_drown_in_rounding_are_not_tried():
    calls = []
    saturated = Rule("saturated", lambda a: calls.append(a) or sigmoid(a), lambda out, a: out * (1 - out))
    (x,) = leaves(x=36.0)
    C = saturated(x)
    calls.clear()
    assert not compare(C, {x: 0}).rows[0].trusted
    assert len(calls) < 12


def test_where_the_rounding_error_is_unknown_the_last_digits_do_not_count():
    (x,) = leaves(x=1e-150)  # the second derivative overflows
    assert compare(1 / x, {x: lambda x: -(1 + 3e-9) / x**2}, points=0).rows[0].verdict == "unclear"
    assert compare(1 / x, {x: lambda x: -(1 + 3e-4) / x**2}, points=0).rows[0].verdict == "WRONG"
    (x,) = leaves(x=0.5)
    leaves_the_graph = Rule("own", math.exp, lambda out, a: math.exp(a))
    C = leaves_the_graph(x) * 1
    assert compare(C, {x: lambda x: e(x) * (1 + 1e-8)}, points=0).rows[0].verdict == "unclear"
    assert compare(C, {x: lambda x: e(x) * (1 + 1e-4)}, points=0).rows[0].verdict == "WRONG"


def test_numbers_too_small_to_have_all_their_digits_are_not_compared_digit_by_digit():
    for number in (1.1e-16, 1.3e-16, 1.7e-16):
        (tiny,) = leaves(tiny=number)
        assert compare(tiny**20, {tiny: lambda tiny: 20 * tiny**19}, points=0)
    a, k = leaves(a=1.0, k=1e-310)
    assert compare(a * k, {a: 1.00001e-310})
    assert not compare(a * k, {a: 1e-300})


# Where the points come from.


def test_points_stay_where_the_graph_can_be_computed():
    many = leaves(**{f"a{k}": 0.01 * k for k in range(1, 20)})
    C = sum(log(leaf) + sqrt(leaf) for leaf in many).named("C")
    compared = compare(C, {many[4]: lambda a5: 1 / a5 + 0.5 / math.sqrt(a5)})
    assert compared
    assert repr(compared).splitlines()[0].count("=") == 8
    assert ", … and at 4 more points" in repr(compared)


def test_every_leaf_moves_away_from_its_recorded_number():
    seen = []
    x, y = leaves(x=0.0, y=1e6)
    compare(x * y, {x: lambda x, y: seen.append((x, y)) or y}, points=20)
    assert len(seen) == 21
    assert all(0.25 <= abs(a) <= 1 and 0.25e6 <= abs(b - 1e6) <= 1e6 for a, b in seen[1:])


def test_a_deep_graph_needs_no_recursion():
    values = leaves(p=0.1, q=0.2, r=0.3)
    for k in range(sys.getrecursionlimit() // 2 + 3):  # two nodes each
        values.append(tanh(values[-1] + values[(k * 7919) % len(values)]))
    C = values[-1].named("C")
    C.backward()
    assert compare(C, {leaf: leaf.grad for leaf in values[:3]})
    assert not compare(C, {values[0]: lambda p: p}, points=1)


def test_in_a_large_graph_slips_are_looked_for_in_the_first_gradients_only(monkeypatch):
    x, y = Value(2.0, "x"), Value(3.0, "y")
    C = (x**2 * y**2).named("C")
    wrong = {x: lambda x, y: x * 2, y: lambda x, y: y * 2}
    assert [bool(row.cause) for row in compare(C, wrong).rows] == [True, True]
    assert "slips were looked for" not in repr(compare(C, wrong))
    monkeypatch.setattr("autograd_mini.comparison.MOST_SLIPS", 4)
    assert [bool(row.cause) for row in compare(C, wrong).rows] == [True, False]
    assert "slips were looked for in 1 of 2 gradients only" in repr(compare(C, wrong))
