"""The order of a graph's nodes, the names they are shown by, and the text of an operation."""

import pytest
from random_graphs import random_graph

from autograd_mini import Value, exp
from autograd_mini.graph import Graph, names, topological_order
from autograd_mini.notation import plain


@pytest.mark.parametrize("seed", range(8))
def test_operands_stand_before_their_results_and_each_node_once(seed):
    output, leaves = random_graph(seed, 60)
    order = topological_order(output)
    place = {node: k for k, node in enumerate(order)}
    assert len(place) == len(order) > 60
    assert order[-1] is output
    assert set(leaves) <= place.keys()
    for node in order:
        for operand in node.operands:
            assert isinstance(operand, float) or place[operand] < place[node]


def test_the_left_operand_comes_first():
    a, b, c = Value(1, "a"), Value(2, "b"), Value(3, "c")
    left, right = b * c, exp(a)
    C = left + right
    assert topological_order(C) == [b, c, left, a, right, C]


def test_a_node_used_twice_stands_once():
    x = Value(3)
    square = x * x
    C = square + square
    assert topological_order(C) == [x, square, C]


def test_plain_numbers_are_no_nodes():
    x = Value(3)
    double = 2 * x
    C = double + 1
    assert topological_order(C) == [x, double, C]
    assert topological_order(x) == [x]


def test_several_outputs_share_one_order():
    x, y = Value(1), Value(2)
    shared = x * y
    first, second = shared + 1, shared - y
    assert topological_order(first, second, x) == [x, y, shared, first, second]
    assert topological_order(second, first) == [x, y, shared, second, first]
    assert topological_order() == []


def test_a_long_way_around_comes_before_the_short_one():
    x = Value(2)
    node = x
    for _ in range(5):
        node = node + 1
    C = x * node
    assert [value.data for value in topological_order(C)] == [2, 3, 4, 5, 6, 7, 14]


def test_names_are_labels_and_numbers_in_topological_order():
    w, x, b = Value(0.5, "w"), Value(3), Value(2, "b")
    z = (w * x + b).named("z")
    C = (1 - z) ** 2
    assert list(names(topological_order(C)).values()) == ["w", "v1", "v2", "b", "z", "v3", "v4"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["w", "w", "w"], ["w", "w_2", "w_3"]),
        (["w", "w", "w_2", "w"], ["w", "w_3", "w_2", "w_4"]),
        (["w_2", "w", "w"], ["w_2", "w", "w_3"]),
        (["w_2", "w_2", "w", "w"], ["w_2", "w_2_2", "w", "w_3"]),
        ([None, "v1", None, "v4", None], ["v2", "v1", "v3", "v4", "v5"]),
        ([None, "v", None, "v"], ["v1", "v", "v2", "v_2"]),
        (["x", "x", "x_"], ["x", "x_2", "x_"]),
        (["", None], ["v1", "v2"]),
        (["fi", "fi", "ﬁ"], ["fi", "fi_2", "fi_3"]),  # in a program fi_2 and ﬁ_2 are one name
    ],
)
def test_no_two_nodes_get_one_name(labels, expected):
    nodes = [Value(1, label) for label in labels]
    assert list(names(nodes).values()) == expected


def test_every_node_of_a_random_graph_has_a_name_of_its_own():
    output, _ = random_graph(3, 100)
    order = topological_order(output)
    for k, node in enumerate(order):
        if k % 3 == 0:
            node.named(("x1", "v1", "v7", "x1_2", "v")[k % 5])
    called = names(order)
    assert list(called) == order
    assert len(set(called.values())) == len(order)


def test_names_do_not_depend_on_where_the_nodes_are_in_memory():
    texts = set()
    for _ in range(5):
        output, _ = random_graph(7, 80)
        graph = Graph(output)
        texts.add("\n".join(map(graph.equation, graph.order)))
    assert len(texts) == 1


def test_an_expression_keeps_its_operands_in_order():
    a, b = Value(1, "a"), Value(2, "b")
    texts = [Graph(node).expression(node) for node in (a - b, b - a, 2 / a, a / 2, a ** (-1), -b, exp(a))]
    assert texts == ["a - b", "b - a", "2 / a", "a / 2", "a ** -1", "-b", "exp(a)"]


@pytest.mark.parametrize(
    ("number", "text"), [(2.0, "2"), (0.1, "0.1"), (-3.0, "-3"), (1e22, "1e+22"), (1 / 3, "0.3333333333333333")]
)
def test_plain_numbers_read_back_as_themselves(number, text):
    assert plain(number) == text
    assert float(text) == number


def test_an_error_lists_the_leaves_but_not_more_than_a_dozen():
    for count, ending in [(12, "x10, x11, x12"), (13, "x11, x12, …")]:
        total = sum(Value(1, f"x{number}") for number in range(1, count + 1)).named("C")
        with pytest.raises(ValueError, match=rf"is not a leaf of C's graph; its leaves are x1, x2, .*{ending}$"):
            Graph(total).require_leaves([Value(1)])
