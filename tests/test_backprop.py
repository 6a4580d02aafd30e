"""The readable backward pass: the same bits as Value.backward(), as numbers and as graphs."""

import pytest
from random_graphs import random_graph
from worked_neuron import recorded_neuron

from autograd_mini import Value
from autograd_mini.backprop import backpropagated, backward_pass, itself
from autograd_mini.graph import Graph


@pytest.mark.parametrize("seed", [1.0, -2.5])
@pytest.mark.parametrize("number", range(6))
def test_both_passes_have_the_same_bits(number, seed):
    output, _ = random_graph(number, 40)
    output.backward(seed)
    gradients = backpropagated(Graph(output), seed, float)
    assert {node: node.grad.hex() for node in Graph(output).order} == {v: g.hex() for v, g in gradients.items()}
    as_values = backpropagated(Graph(output), Value(seed), itself)
    assert {node: float(value).hex() for node, value in as_values.items()} == {v: g.hex() for v, g in gradients.items()}


def test_a_contribution_says_who_passed_what_to_whom():
    C, w, b, _, _ = recorded_neuron()
    *_, to_b, to_w, to_x = backward_pass(Graph(C), 1.0, float)
    assert (to_w.operand, to_w.position, to_w.before, to_w.partial) == (w, 0, None, 3.0)
    assert to_w.contribution == to_w.after == to_w.upstream * 3.0
    assert to_x.upstream == to_w.upstream == to_b.after
    assert to_b.operand is b


def test_what_has_been_passed_on_before_is_added_to():
    x = Value(3.0, "x")
    first, second = backward_pass(Graph((x * x).named("C")), 1.0, float)
    assert (first.before, first.after, second.before, second.after) == (None, 3, 3, 6)


def test_no_node_changes():
    C, w, *_ = recorded_neuron()
    w.grad = 7.0
    list(backward_pass(Graph(C), 1.0, float))
    assert (w.grad, C.grad) == (7, 0)
