"""explain: the paths are all there, every line is right, and their contributions sum to the derivative."""

import re

import pytest
from random_graphs import random_graph
from worked_neuron import recorded_neuron

import autograd_mini
from autograd_mini import Rule, StaleGraphError, Value, explain, sigmoid
from autograd_mini.graph import names, topological_order

FUNCTIONS = {name: getattr(autograd_mini, name) for name in autograd_mini.__all__}


def all_paths(output, node):
    """Every path from the output back to the node, as a list of (node, position), found the slow way."""
    if output is node:
        return [[]]
    return [
        [(output, position), *rest]
        for position, operand in enumerate(output.operands)
        if isinstance(operand, Value)
        for rest in all_paths(operand, node)
    ]


def test_the_neuron():
    C, w, *_ = recorded_neuron()
    assert repr(explain(C, w)) == (
        "∂C/∂w: one path from C back to w\n"
        "  C  = v5 / 2         ∂C/∂v5  = 1 / 2          =  0.5\n"
        "  v5 = v4 ** 2        ∂v5/∂v4 = 2 * v4         = -1.94138\n"
        "  v4 = y - v3         ∂v4/∂v3 = -1             = -1\n"
        "  v3 = sigmoid(v2)    ∂v3/∂v2 = v3 * (1 - v3)  =  0.028453\n"
        "  v2 = v1 + b         ∂v2/∂v1 = 1              =  1\n"
        "  v1 = w * x          ∂v1/∂w  = x              =  3\n"
        "∂C/∂w = 0.5 × -1.94138 × -1 × 0.028453 × 1 × 3 = 0.082857"
    )


@pytest.mark.parametrize("seed", range(30))
def test_the_paths_of_a_random_graph(seed):
    output, leaves = random_graph(seed, 12)
    output.backward()
    for leaf in leaves:
        grad = leaf.grad
        explanation = explain(output, leaf)
        paths = all_paths(output, leaf)
        assert explanation.count == len(paths)
        assert explanation.derivative == pytest.approx(grad, rel=1e-12)
        products = []
        for path in paths:
            product = 1.0
            for node, position in path:
                product *= node.partials[position]
            products.append(product)
        largest = sorted(products, key=lambda product: -abs(product))
        shown = [path.product for path in explanation.paths]
        assert len(shown) == (len(paths) if len(paths) <= 5 else 3)
        assert [abs(product) for product in shown] == pytest.approx([abs(product) for product in largest[: len(shown)]])
        assert len({tuple((link.node, link.position) for link in path.links) for path in explanation.paths}) == len(
            shown
        )
        for path in explanation.paths:
            assert [(link.node, link.position) for link in path.links] in paths
        assert leaf.grad == grad


@pytest.mark.parametrize("seed", range(12))
def test_every_printed_line_is_right(seed):
    output, leaves = random_graph(seed, 15)
    called = names(topological_order(output))
    numbers = {name: node.data for node, name in called.items()}
    for leaf in leaves:
        text = repr(explain(output, leaf))
        for name, operation, formula, partial in re.findall(
            r"^ +(\w+) += (.+?)    +∂\w+/∂\w+(?: \((?:1st|2nd|direct)\))? += (.+?)  += +(\S+)$",
            text,
            flags=re.MULTILINE,
        ):
            assert eval(operation, FUNCTIONS, numbers) == numbers[name]
            assert eval(formula, FUNCTIONS, numbers) == pytest.approx(float(partial), rel=1e-5, abs=1e-300)
        for factors, product in re.findall(r"(?:: |= )(\S+(?: × \S+)+) = (\S+)$", text, flags=re.MULTILINE):
            if "…" not in factors:
                assert eval(factors.replace("×", "*")) == pytest.approx(float(product), rel=1e-4)


def test_contributions_of_several_paths_add():
    x = Value(3.0, "x")
    text = repr(explain((x * x + x).named("C"), x))
    assert text.splitlines()[0] == "∂C/∂x: 3 paths from C back to x, and their contributions add"
    assert text.splitlines()[-1] == "∂C/∂x = 3 + 3 + 1 = 7"


def test_very_many_paths_are_counted_not_listed():
    value = x = Value(1.0, "x")
    for _ in range(30):
        value = value + value
    explanation = explain(value.named("C"), x)
    assert explanation.count == 2**30
    assert explanation.derivative == 2.0**30
    assert len(repr(explanation).splitlines()) < 70
    assert "and 1073741821 more, none of them larger in size" in repr(explanation)
    assert repr(explanation).endswith("∂C/∂x = 1.07374e+09, the sum of all 1073741824 contributions")


def test_a_very_long_path_is_abridged():
    value = x = Value(1.0, "x")
    for _ in range(2_000):
        value = value * 1.00001
    explanation = explain(value, x)
    lines = repr(explanation).splitlines()
    assert len(lines) == 19
    assert lines[9] == "  … 1984 more steps …"
    shown = 8 * ["1.00001"]
    assert str(explanation.paths[0]) == " × ".join([*shown, "…", *shown]) + " = 1.0202"
    assert lines[-1] == f"∂v2000/∂x = {explanation.paths[0]}"
    assert r" \times ".join([*shown, r"\cdots", *shown]) in explanation.latex()
    assert explanation.paths != explain(value, x).paths  # nor does this recurse


def test_no_path_and_the_node_itself():
    C, w, *_ = recorded_neuron()
    assert repr(explain(C, Value(1.0, "u"))) == "∂C/∂u = 0: there is no path from C back to u"
    assert explain(C, Value(1.0, "u")).derivative == 0
    assert repr(explain(C, C)) == "∂C/∂C = 1: C is C itself"
    assert repr(explain(w * 2, C)) == "∂v1/∂C = 0: there is no path from v1 back to C"


def test_a_stale_graph_is_not_explained():
    C, w, *_ = recorded_neuron()
    w.data = 1.0
    with pytest.raises(StaleGraphError):
        explain(C, w)


def test_latex():
    w, b, x, y = Value(0.5, "w"), Value(2, "b"), Value(3, "x"), Value(0, "y")
    ŷ = sigmoid(w * x + b).named("ŷ")
    explanation = explain(((y - ŷ) ** 2 / 2).named("C"), w)
    assert explanation.latex().splitlines() == [
        r"\begin{align*}",
        r"C &= \frac{v_{4}}{2} & \frac{\partial C}{\partial v_{4}} &= \frac{1}{2} = 0.5 \\",
        r"v_{4} &= v_{3}^{2} & \frac{\partial v_{4}}{\partial v_{3}} &= 2 \cdot v_{3} = -1.94138 \\",
        r"v_{3} &= y - \hat{y} & \frac{\partial v_{3}}{\partial \hat{y}} &= -1 \\",
        r"\hat{y} &= \sigma\left(v_{2}\right) & \frac{\partial \hat{y}}{\partial v_{2}}"
        r" &= \hat{y} \cdot (1 - \hat{y}) = 0.028453 \\",
        r"v_{2} &= v_{1} + b & \frac{\partial v_{2}}{\partial v_{1}} &= 1 \\",
        r"v_{1} &= w \cdot x & \frac{\partial v_{1}}{\partial w} &= x = 3 \\",
        r"\frac{\partial C}{\partial w} &= 0.5 \times (-1.94138) \times (-1) \times 0.028453 \times 1 \times 3 = 0.082857",
        r"\end{align*}",
    ]
    assert explanation._repr_latex_() == explanation.latex()


def test_latex_of_several_paths_keeps_them_apart():
    x = Value(3.0, "x")
    assert explain((x * x + x).named("C"), x).latex().splitlines()[1:] == [
        r"\text{path 1:} \quad & 1 \times 3 = 3 \\",
        r"C &= v_{1} + x & \frac{\partial C}{\partial v_{1}} &= 1 \\",
        r"v_{1} &= x \cdot x & \frac{\partial v_{1}}{\partial x}\text{ (1st)} &= x = 3 \\",
        r"\text{path 2:} \quad & 1 \times 3 = 3 \\",
        r"C &= v_{1} + x & \frac{\partial C}{\partial v_{1}} &= 1 \\",
        r"v_{1} &= x \cdot x & \frac{\partial v_{1}}{\partial x}\text{ (2nd)} &= x = 3 \\",
        r"\text{path 3:} \quad & 1 \\",
        r"C &= v_{1} + x & \frac{\partial C}{\partial x}\text{ (direct)} &= 1 \\",
        r"\frac{\partial C}{\partial x} &= 1 \times 3 + 1 \times 3 + 1 = 7",
        r"\end{align*}",
    ]


mean = Rule("mean", lambda a, b: a / 2 + b / 2, lambda out, a, b: 0.5, lambda out, a, b: 0.5)


def test_more_paths_than_can_be_counted():
    """Their number has a digit more with every third fork: it is counted up to a bound, and shown in words."""
    value = x = Value(1.0, "x")
    for _ in range(1500):
        value = mean(value, value)
    explanation = explain(value.named("C"), x)
    assert explanation.count == 10**15
    assert explanation.derivative == 1
    first, *_, others, last = repr(explanation).splitlines()
    assert first == "∂C/∂x: more than 10**15 paths from C back to x, and their contributions add"
    assert others == "  and many more, none of them larger in size"
    assert last == "∂C/∂x = 1, the sum of all contributions"
    assert explanation.latex().endswith("\\end{align*}")


def test_the_contributions_shown_are_the_largest_in_size():
    x = Value(1.0, "x")
    C = sum(x * factor for factor in (2, -7, 3, -1, 5, -6, 4)).named("C")
    text = repr(explain(C, x))
    assert re.findall(r"path \d: .* = (\S+)$", text, flags=re.MULTILINE) == ["-7", "-6", "5"]
    assert "  and 4 more, none of them larger in size\n" in text
    assert text.endswith("∂C/∂x = 0, the sum of all 7 contributions")
    assert r" \times (-6) + 1 \times 1 \times 1 \times 5 + \cdots = 0" in explain(C, x).latex()


def test_where_an_operand_of_the_output_reaches_it_another_way_the_local_derivative_is_marked():
    z1, z2 = Value(2.0, "z1"), Value(3.0, "z2")
    text = repr(explain((z1 * z2 + z2).named("L"), z2))
    assert "∂L/∂z2 (direct) = 1" in text
    assert text.endswith("\n∂L/∂z2 = 2 + 1 = 3")
    assert "(direct)" not in repr(explain((z1 * z2).named("L"), z2))
