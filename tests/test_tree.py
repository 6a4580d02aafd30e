"""tree(): the graph as text, in any terminal."""

import math

import pytest

from autograd_mini import Value, neuron, sqrt, tree

UNREACHED = """\
node = expression              value  ∂C/∂node
C = v5 / 2                  0.471117         ?
└─ v5 = v4 ** 2             0.942235         ?
   └─ v4 = y - v3          -0.970688         ?
      ├─ y                         0         ?
      └─ v3 = sigmoid(v2)   0.970688         ?
         └─ v2 = v1 + b          3.5         ?
            ├─ v1 = w * x        1.5         ?
            │  ├─ w              0.5         ?
            │  └─ x                3         ?
            └─ b                   2         ?"""

REACHED = """\
node = expression              value   ∂C/∂node
C = v5 / 2                  0.471117          1
└─ v5 = v4 ** 2             0.942235        0.5
   └─ v4 = y - v3          -0.970688  -0.970688
      ├─ y                         0  -0.970688
      └─ v3 = sigmoid(v2)   0.970688   0.970688
         └─ v2 = v1 + b          3.5   0.027619
            ├─ v1 = w * x        1.5   0.027619
            │  ├─ w              0.5   0.082857
            │  └─ x                3  0.0138095
            └─ b                   2   0.027619"""


def worked_neuron():
    leaves = [Value(number, label) for label, number in zip("wbxy", (0.5, 2.0, 3.0, 0.0), strict=True)]
    return neuron.cost(*leaves).named("C"), leaves


def test_the_worked_neuron_before_and_after_backward():
    C, _ = worked_neuron()
    assert tree(C) == UNREACHED
    C.backward()
    assert tree(C) == REACHED


def test_it_is_a_str_that_shows_itself_without_quotes():
    text = tree(worked_neuron()[0])
    assert isinstance(text, str)
    assert repr(text) == UNREACHED


def test_a_shared_node_stands_there_once_and_is_referred_to():
    x = Value(3.0, "x")
    z = (x * x).named("z")
    assert tree((z * z + x).named("C")).splitlines()[1:] == [
        "C = v1 + x             84         ?",
        "├─ v1 = z * z          81         ?",
        "│  ├─ z = x * x         9         ?",
        "│  │  ├─ x              3         ?",
        "│  │  └─ x (above)",
        "│  └─ z (above)",
        "└─ x (above)",
    ]


def test_a_graph_of_one_leaf():
    assert tree(Value(3.0, "x")).splitlines()[1:] == ["x" + " " * 22 + "3         ?"]


def test_a_line_break_in_a_label_does_not_break_the_line():
    lines = tree(Value(1.0, "a\nb") + Value(2.0, "\x1b[31m")).splitlines()
    assert lines[1].startswith("v1 = (a\\nb) + (\\x1b[31m) ")
    assert len(lines) == 4


def test_gradients_with_another_seed_are_not_called_derivatives():
    x = Value(3.0, "x")
    C = x**2
    C.backward(2.0)
    assert tree(C).splitlines()[0].split() == ["node", "=", "expression", "value", "grad"]
    assert tree(C).splitlines()[-1].split() == ["└─", "x", "3", "12"]


@pytest.mark.parametrize(
    "disturb",
    [
        pytest.param(lambda C, w: (w * 2).backward(), id="backward of another output"),
        pytest.param(lambda C, w: setattr(w, "data", 0.4), id="a leaf changed"),
        pytest.param(lambda C, w: setattr(w, "grad", 0.1), id="a gradient changed"),
    ],
)
def test_gradients_that_are_not_of_this_output_are_not_shown(disturb):
    C, (w, *_) = worked_neuron()
    C.backward()
    disturb(C, w)
    assert [line.split()[-1] for line in tree(C).splitlines()[1:11]] == ["?"] * 10


def test_looking_changes_no_gradient():
    C, leaves = worked_neuron()
    for number, leaf in enumerate(leaves):
        leaf.grad = float(number)
    tree(C)
    assert [leaf.grad for leaf in leaves] == [0, 1, 2, 3]


def test_a_stale_graph_says_what_has_changed():
    C, (w, *_) = worked_neuron()
    w.data = 1.0
    assert tree(C).splitlines()[-1] == ("v1 = w * x was recorded as 1.5 but is 3 now: w has changed, compute C again")


def test_where_a_derivative_does_not_exist_there_is_still_a_tree():
    z = Value(0.0, "z")
    assert len(tree(sqrt(z) + z**0.5).splitlines()) == 6


def test_inf_and_nan_are_shown():
    x = Value(math.inf, "x")
    assert [line.split()[-2] for line in tree(x - x).splitlines()[1:3]] == ["nan", "inf"]


def test_a_deep_chain_is_abridged():
    x = Value(1.0, "x")
    C = x
    for _ in range(20_000):
        C = C + 1.0
    lines = tree(C).splitlines()
    assert len(lines) < 70
    assert max(map(len, lines)) <= 100
    assert lines[-2].split() == ["└─", "…"]
    assert lines[-1].startswith("19984 of 20001 nodes are not shown")


def test_a_wide_graph_is_abridged():
    total = sum(Value(float(n), f"x{n}") ** 2 for n in range(16))
    squares = [sum((total + n) * n for n in range(1, 17)) for _ in range(16)]
    lines = tree(sum(squares).named("C")).splitlines()
    assert len(lines) <= 63
    assert "nodes are not shown" in lines[-1]
