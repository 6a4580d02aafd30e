"""Copies and pickles: a copied graph is the same graph without the old one's nodes, and what cannot be copied says so."""

import copy
import pickle

import pytest
from random_graphs import random_graph
from worked_neuron import recorded_neuron

from autograd_mini import Program, StaleGraphError, Value, Walk, rules, tree
from autograd_mini.graph import topological_order


@pytest.mark.parametrize("seed", range(5))
def test_a_deep_copy_of_a_graph_is_the_same_graph_of_other_nodes(seed):
    output, leaves = random_graph(seed, 30)
    output.backward()
    twin = copy.deepcopy(output)
    assert tree(twin) == tree(output)
    assert set(topological_order(twin)).isdisjoint(topological_order(output))
    assert [node.rule for node in topological_order(twin)] == [node.rule for node in topological_order(output)]
    before = [leaf.grad for leaf in leaves]
    twin.backward(2)
    assert [leaf.grad for leaf in leaves] == before
    assert [node.grad for node in topological_order(twin)] == [2 * node.grad for node in topological_order(output)]


def test_what_is_copied_together_stays_together():
    C, w, b, *_ = recorded_neuron()
    for C_2, w_2, b_2 in (copy.deepcopy([C, w, b]), reversed(copy.deepcopy([b, w, C]))):
        C_2.backward()
        assert w_2.grad == 3 * b_2.grad > 0
    assert w.grad == 0


def test_a_copy_knows_which_leaf_has_changed():
    C, w, *_ = recorded_neuron()
    w.data = 0.25
    twin, w_2 = copy.deepcopy((C, w))
    with pytest.raises(StaleGraphError, match="w has changed"):
        twin.backward()
    w_2.data = 0.5
    twin.backward()
    with pytest.raises(StaleGraphError):
        C.backward()


def test_a_graph_of_any_depth_is_copied():
    value = x = Value(1.0, "x")
    for _ in range(5_000):
        value = value + x
    twin, x_2 = copy.deepcopy((value, x))
    twin.backward()
    assert (x_2.grad, x.grad) == (5_001, 0)


def test_a_walk_is_copied_with_its_graph():
    C, w, *_ = recorded_neuron()
    walk = Walk(C).goto(2)
    twin = copy.deepcopy(walk).run()
    assert walk.position == 2
    assert w.grad == 0
    assert repr(twin) == repr(Walk(C).run())


def test_a_row_copies_as_itself():
    for row in rules.TABLE:
        assert copy.copy(row) is copy.deepcopy(row) is row
    root = copy.deepcopy(Value(2.0, "x") ** 0.5)
    assert root.rule is rules.power
    with pytest.raises(ValueError, match="a negative number to a fractional power is complex"):
        Program(root, topological_order(root)[:1])(-2.0)


def test_a_leaf_is_pickled_and_a_graph_says_what_to_pickle_instead():
    w = Value(0.5, "w")
    assert repr(pickle.loads(pickle.dumps(w))) == repr(w)
    with pytest.raises(TypeError, match="graphs are not pickled: pickle the leaves, or a Program"):
        pickle.dumps([w, w * 2])
    node = w
    for _ in range(5_000):
        node = node * 2
    with pytest.raises(TypeError, match="graphs are not pickled: pickle the leaves, or a Program"):
        pickle.dumps(node)


def test_a_shallow_copy_has_the_operands_of_the_original():
    C, w, *_ = recorded_neuron()
    C.backward()
    for node in (w, C):
        twin = copy.copy(node)
        assert twin is not node
        assert (repr(twin), twin.operands, twin.grad) == (repr(node), node.operands, node.grad)
    assert repr(pickle.loads(pickle.dumps(w))) == repr(w)  # with its gradient
