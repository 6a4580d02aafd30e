"""formula: the text means the graph, bit for bit, with no bracket that could go."""

import math
import re

import pytest
from random_graphs import random_graph

import autograd_mini
from autograd_mini import Rule, Value, formula, gradient, sigmoid
from autograd_mini.formulas import partial_formula
from autograd_mini.graph import Graph, names, topological_order
from autograd_mini.rules import neg

FUNCTIONS = {name: getattr(autograd_mini, name) for name in autograd_mini.__all__} | {"inf": math.inf, "nan": math.nan}


def evaluated(text, value):
    """The number of a formula, read as a person would: first the parts that it names, in order, then the whole."""
    called = names(topological_order(value))
    numbers = {name: node.data for node, name in called.items() if not node.operands}
    whole, *parts = text.splitlines()
    for part in parts:
        name, expression = re.fullmatch(r"where (\w+) = (.+)", part).groups()
        numbers[name] = eval(expression, FUNCTIONS, numbers)
    return eval(whole, FUNCTIONS, numbers)


@pytest.mark.parametrize("seed", range(12))
def test_a_formula_evaluates_to_the_number_bit_for_bit(seed):
    output, leaves = random_graph(seed, 25)
    assert evaluated(formula(output), output) == output.data
    derivative = gradient(output, leaves[:1])[0]
    assert evaluated(formula(derivative), derivative) == derivative.data


a, b, c = Value(0.25, "a"), Value(2.0, "b"), Value(3.0, "c")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (a, "a"),
        (a + b + c, "a + b + c"),
        (a + (b + c), "a + (b + c)"),
        (a - (b - c), "a - (b - c)"),
        (a - b - c, "a - b - c"),
        (a * b + c, "a * b + c"),
        (a * (b + c), "a * (b + c)"),
        (a * (b * c), "a * (b * c)"),
        (a / b / c, "a / b / c"),
        (a / (b * c), "a / (b * c)"),
        (-a * b, "-a * b"),
        (-(a * b), "-(a * b)"),
        (neg(-a), "-(-a)"),
        ((-b) ** 2, "(-b) ** 2"),
        (-(b**2), "-b ** 2"),
        (b**-a, "b ** -a"),
        (b**c**a, "b ** c ** a"),
        ((b**c) ** a, "(b ** c) ** a"),
        ((a + b) ** 2, "(a + b) ** 2"),
        (2**b, "2 ** b"),
        ((-2) ** Value(2.0, "n"), "(-2) ** n"),
        (a * -2, "a * -2"),
        (0.1 - a, "0.1 - a"),
        (a + 1e22, "a + 1e+22"),
        (abs(a - b), "abs(a - b)"),
        (sigmoid(a + b) * c, "sigmoid(a + b) * c"),
    ],
)
def test_the_fewest_brackets(value, text):
    assert formula(value) == text
    assert evaluated(text, value) == value.data


def test_no_bracket_can_go():
    """Without any one pair of its brackets, the text no longer means the same."""
    value = (a - (b - c)) * (a + b) ** 2 / (b * c) - (-b) ** 2
    text = formula(value)
    opening = [position for position, character in enumerate(text) if character == "("]
    for start in opening:
        depth = 0
        for end in range(start, len(text)):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if depth == 0:
                break
        fewer = text[:start] + text[start + 1 : end] + text[end + 1 :]
        assert eval(fewer, {"a": 0.25, "b": 2.0, "c": 3.0}) != value.data, fewer


def test_the_neuron():
    w, b, x, y = Value(0.5, "w"), Value(2, "b"), Value(3, "x"), Value(0, "y")
    C = (y - sigmoid(w * x + b)) ** 2 / 2
    assert formula(C) == "(y - sigmoid(w * x + b)) ** 2 / 2"
    (slope,) = gradient(C, [w])
    assert formula(slope) == "0.5 * (2 * (y - v3)) * -1 * (v3 * (1 - v3)) * x\nwhere v3 = sigmoid(w * x + b)"
    assert repr(formula(slope)) == formula(slope)
    ŷ = sigmoid((w * x + b).named("z")).named("ŷ")
    (slope,) = gradient((y - ŷ) ** 2 / 2, [w])
    assert formula(slope) == "0.5 * (2 * (y - ŷ)) * -1 * (ŷ * (1 - ŷ)) * x\nwhere z = w * x + b\nwhere ŷ = sigmoid(z)"


def test_a_shared_part_is_named_not_repeated():
    value = a
    for _ in range(200):
        value = value * value
    assert len(formula(value)) < 10_000


def test_a_deep_chain():
    value = a
    for _ in range(800):  # two nodes each
        value = (value * 0.999).sin()
    text = formula(value)
    assert evaluated(text, value) == value.data
    assert max(map(len, text.splitlines())) < 300


def test_constants_survive():
    x, y = Value(3.0, "x"), Value(2.0, "y")
    assert formula(gradient(3 * x, [x])[0]) == "3"
    assert formula(gradient(x, [x])[0]) == "1"
    assert formula(gradient(x, [y])[0]) == "0"
    for C in (x * -0.0, x * 0.1, 1e22 * x, x + 5e-324, x - 1 / 3, x**-0.5):
        assert evaluated(formula(C), C) == C.data
        assert formula(gradient(C, [x])[0]) != "v1"


def test_a_number_that_a_partial_brings_along_is_written_as_a_number():
    """It has no name: v1 would be that of another node."""
    square = Rule("square", lambda a: a * a, lambda out, a: Value(2.0) * a)
    C = square(Value(1.0, "x") + 1)
    assert formula(C) == "square(x + 1)"
    assert partial_formula(Graph(C), C, 0) == "2 * v1"
