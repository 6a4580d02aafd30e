"""A slip's number is that of a backward pass in which the slip was made, and its phrase says which one it was."""

import functools
import math

import pytest
from random_graphs import random_graph

from autograd_mini import Rule, Value, compare, exp, log, sigmoid
from autograd_mini.backprop import backward_pass
from autograd_mini.graph import Graph
from autograd_mini.slips import contribution_slips, gradient_slips


def slip_of(slips, phrase):
    return next(slip for slip in slips if slip.phrase.startswith(phrase))


# How a partial goes wrong by the slip, as the phrase begins.
WRONG = {
    "without the contribution": lambda partial: lambda *numbers: 0.0,
    "without the local derivative": lambda partial: lambda *numbers: 1.0,
    "with the sign": lambda partial: lambda *numbers: -partial(*numbers),
    "with twice": lambda partial: lambda *numbers: 2 * partial(*numbers),
    "with half": lambda partial: lambda *numbers: partial(*numbers) / 2,
    "with {0} itself": lambda partial: lambda out, *numbers: out,
    "with the local derivative {derivative} twice": lambda partial: lambda *numbers: partial(*numbers) ** 2,
    "with {1} in place of {0}": lambda partial: lambda out, a, *b: partial(a, a, *b),
    "with {0} in place of {1}": lambda partial: lambda out, a, *b: partial(out, out, *b),
}


@pytest.mark.parametrize("seed", range(3))
def test_the_number_is_that_of_a_backward_pass_with_the_slip_in_it(seed):
    original = Graph(random_graph(seed, size=15)[0])
    nodes = {}
    for node in original.order:  # the same graph, with a rule of its own for every node
        rule = node.rule and Rule("own", node.rule.forward, *node.rule.partials)
        nodes[node] = rule(*(nodes.get(each, each) for each in node.operands)) if rule else Value(node.data, node.label)
    graph = Graph(nodes[original.output])
    leaf = graph.leaves[0]
    tried = 0
    for slip in gradient_slips(graph, leaf):
        wrong = next((WRONG[start] for start in WRONG if slip.phrase.startswith(start)), None)
        if slip.position is None or "places like it" in slip.phrase or wrong is None or math.isnan(slip.number):
            continue
        slot = ("da", "db")[slip.position]
        right = getattr(slip.node.rule, slot)
        setattr(slip.node.rule, slot, wrong(right))
        graph.output.backward()
        assert leaf.grad == pytest.approx(slip.number, rel=1e-9, abs=1e-12), slip.text(graph)
        setattr(slip.node.rule, slot, right)
        tried += 1
    assert tried > 50


def test_every_slip_at_every_node_is_named():
    x, μ, σ = Value(1.3, "x"), Value(0.4, "μ"), Value(0.8, "σ")
    L = (log(σ) + sigmoid((x - μ) / σ) ** 2 / 2).named("L")
    graph = Graph(L)

    @functools.cache
    def slips_at(**at):
        new = graph.replay(lambda leaf: Value(at[leaf.label]))
        return gradient_slips(Graph(new[L]), new[σ])

    named = 0
    for k, slip in enumerate(gradient_slips(graph, σ)):
        row = compare(L, {σ: lambda k=k, **at: slips_at(**at)[k].number}, points=1).rows[0]
        assert row.verdict == "ok" or row.cause or row.by_hand == 0, slip.text(graph)
        named += row.cause != ""
    assert named > 60


def test_the_slips_of_a_contribution():
    z = Value(0.5, "z")
    p = sigmoid(z).named("p")
    C = (p * 3).named("C")
    *_, step = backward_pass(Graph(C), 1.0, float)
    s = p.data
    numbers = {slip.text(Graph(C)): slip.number for slip in contribution_slips(step, step.contribution, {})}
    assert numbers == {
        "without the contribution ∂C/∂p × ∂p/∂z, where p = sigmoid(z)": 0,
        "without the local derivative ∂p/∂z = p * (1 - p), where p = sigmoid(z)": 3,
        "with the sign of the contribution ∂C/∂p × ∂p/∂z flipped, where p = sigmoid(z)": -(3 * (s * (1 - s))),
        "with twice the contribution ∂C/∂p × ∂p/∂z, where p = sigmoid(z)": 2 * (3 * (s * (1 - s))),
        "with half of the contribution ∂C/∂p × ∂p/∂z, where p = sigmoid(z)": 3 * (s * (1 - s)) / 2,
        "without the upstream gradient ∂C/∂p, where p = sigmoid(z)": s * (1 - s),
        "with p itself in place of the local derivative ∂p/∂z = p * (1 - p), where p = sigmoid(z)": 3 * s,
        "with the local derivative ∂p/∂z = p * (1 - p) twice, where p = sigmoid(z)": 3 * (s * (1 - s)) * (s * (1 - s)),
        "with z in place of p in ∂p/∂z = p * (1 - p), where p = sigmoid(z)": 3 * (0.5 * (1 - 0.5)),
        "with p in place of z in ∂p/∂z = p * (1 - p), where p = sigmoid(z)": 3 * (s * (1 - s)),
    }


@pytest.mark.parametrize(
    ("node", "phrase"),
    [
        (Value(0.0, "a") / Value(-2.0, "b"), "with {1} in place of {2}"),  # 1 / 0
        (Value(2.0, "a") ** Value(-1.0, "b"), "with {2} in place of {1}"),  # the logarithm of -1
        (Rule("own", lambda a: -1.0, lambda out, a: (a + out) ** 0.5)(Value(3.0, "a")), "with {0} in place of {1}"),
    ],
)
def test_a_number_that_the_rule_cannot_be_fed_with_gives_no_number(node, phrase):
    position = 1 if node.rule.symbol == "**" else 0
    step = next(step for step in backward_pass(Graph(node), 1.0, float) if step.position == position)
    assert math.isnan(slip_of(contribution_slips(step, step.contribution, {}), phrase).number)


def test_the_same_slips_in_the_same_order_at_any_numbers():
    C, _ = random_graph(0, size=40)
    graph = Graph(C)
    new = graph.replay(lambda leaf: Value(leaf.data * 1.01))
    for leaf in graph.leaves:
        here, there = gradient_slips(graph, leaf), gradient_slips(Graph(new[C]), new[leaf])
        assert [(new[slip.node], *slip[3:], slip.phrase) for slip in here] == [
            (slip.node, *slip[3:], slip.phrase) for slip in there
        ]


def test_what_the_text_explains():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    z = (x * y).named("z")
    C = (exp(z) + z * z).named("C")
    graph = Graph(C)
    text = slip_of(gradient_slips(graph, x), "without the contribution").text(graph)
    assert text == "without the contribution ∂C/∂z × ∂z/∂x, where z = x * y"
    texts = [slip.text(graph) for slip in gradient_slips(graph, x)]
    assert "without the contribution ∂C/∂v2 × ∂v2/∂z (1st), where v2 = z * z" in texts
    assert "without the contribution ∂C/∂v2 × ∂v2/∂z (2nd), where v2 = z * z" in texts
    assert "without the contribution ∂C/∂v1, where C = v1 + v2, v1 = exp(z), v2 = z * z" in texts
    assert "with an extra factor y" in texts
    assert "without the factor z, where z = x * y" in texts


def test_a_derivative_that_uses_a_part_twice():
    tower = Rule("tower", lambda a: a**5 / 5, lambda out, a: (lambda square: square * square)(a * a))
    a = Value(1.5, "a")
    graph = Graph((tower(a) + 1).named("C"))
    text = slip_of(gradient_slips(graph, a), "without the local derivative").text(graph)
    assert text == "without the local derivative ∂v1/∂a = a * a * (a * a), where v1 = tower(a)"
