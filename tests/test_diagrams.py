"""draw() and tree(): the graph as a diagram, where Graphviz is installed and where it is not, and as text."""

import base64
import html
import math
import random
import re
import runpy
import subprocess
import sys
from pathlib import Path

import graphviz
import pictures
import pytest
from pictures import needs_dot
from random_graphs import random_graph

from autograd_mini import Rule, Value, Walk, draw, sigmoid, sqrt, tree
from autograd_mini.diagram import Diagram
from autograd_mini.drawing import BLUE, FILL, GREY, LIT, ORANGE, RED, VIOLET
from autograd_mini.graph import Graph

ROOT = Path(__file__).parent.parent


def cards(source):
    """The texts of each node's rows, by the node's identity."""
    nodes = re.findall(r"^\t(n\d+) \[label=<$(.*?)^>", source, flags=re.DOTALL | re.MULTILINE)
    return {
        identity: [text(row) for row in re.findall(r"<TR><TD[^>]*>(?!\n)(.*?)</TD></TR>", card)]
        for identity, card in nodes
    }


def edges(source):
    """Tail, head, name and number of each edge, which stand on it or, where there are too many, are its tooltip."""
    found = []
    for line in re.findall(r"^\t(n\d+.*? -> n\d+.*)$", source, flags=re.MULTILINE):
        tail, head = re.match(r"(n\d+)\S* -> (n\d+)", line).groups()
        written = re.search(r"label=<(.*?)<BR/><B>(.*?)</B>", line) or re.search(r'tooltip="(.*?) = (.*?)"', line)
        found.append((tail, head, *(text(part).strip() for part in written.groups())))
    return found


def text(markup):
    return html.unescape(re.sub(r"<[^>]*>", "", markup)).replace("\xa0", " ").replace("\\\\", "\\")


def title(source):
    label = re.search(r"label=<<B>(.*?)</B>", source)
    return text(label[1])


def legend(source):
    label = re.search(r" label=<<B>.*?</B>(.*?)<BR/> >", source)
    return text(label[1])


def drawn(C):
    """The value and the gradient of every node, as draw() shows them."""
    return {card[0].split()[0]: (card[1], card[2].split(" = ")[-1]) for card in cards(draw(C).source).values()}


def printed(C):
    """The same as tree() shows them."""
    rows = [line.lstrip("└├─│ ").split() for line in tree(C).splitlines()[1:]]
    return {row[0]: (row[-2].replace("-", "−"), row[-1].replace("-", "−")) for row in rows if row[-1] != "(above)"}


both = pytest.mark.parametrize("numbers", [drawn, printed])


def gradients(numbers, C):
    return {name: gradient for name, (_, gradient) in numbers(C).items()}


# What the graph is known to hold


@both
def test_before_backward_no_gradient_is_shown(C, numbers):
    assert set(gradients(numbers, C).values()) == {"?"}
    C.backward()
    assert gradients(numbers, C)["v5"] == "0.5"


@both
@pytest.mark.parametrize(
    "disturb",
    [
        pytest.param(lambda C, w: (w * 2).backward(), id="backward of another output"),
        pytest.param(lambda C, w: setattr(w, "data", 0.4), id="a leaf changed"),
        pytest.param(lambda C, w: setattr(w, "grad", 0.1), id="a gradient changed"),
    ],
)
def test_gradients_that_are_not_of_this_output_are_not_shown(C, leaves, disturb, numbers):
    C.backward()
    assert "?" not in gradients(numbers, C).values()
    disturb(C, leaves[0])
    shown = gradients(numbers, C)
    assert [shown[name] for name in ("C", "v5", "w", "b")] == ["?"] * 4


@both
def test_gradients_of_a_stale_graph_are_not_shown_even_where_they_would_be_the_same(numbers):
    x = Value(1.0, "x")
    C = x + 1
    C.backward()
    x.data = 2.0
    assert gradients(numbers, C)["x"] == "?"


@both
def test_looking_changes_no_gradient(C, leaves, numbers):
    for number, leaf in enumerate(leaves):
        leaf.grad = float(number)
    numbers(C)
    assert [leaf.grad for leaf in leaves] == [0, 1, 2, 3]


@both
def test_a_negative_zero_is_shown_as_zero(numbers):
    x, y = Value(1.0, "x"), Value(-0.0, "y")
    C = x * y
    C.backward()
    assert str(x.grad) == "-0.0"
    assert (numbers(C)["x"], numbers(C)["y"]) == (("1", "0"), ("0", "1"))


@both
def test_inf_and_nan_are_shown(numbers):
    x = Value(math.inf, "x")
    assert numbers(x - x) == {"x": ("inf", "?"), "v1": ("nan", "?")}


@both
def test_where_a_derivative_does_not_exist_the_graph_is_still_shown(numbers):
    z = Value(0.0, "z")
    assert gradients(numbers, sqrt(z) + z**0.5) == {"z": "?", "v1": "?", "v2": "?", "v3": "?"}


@both
def test_a_graph_both_stale_and_infinite_is_shown(numbers):
    x = Value(2.0, "x")
    C = (Value(math.inf, "y") * x.log()).named("C")
    x.data = -1.0
    assert numbers(C)["y"] == ("inf", "?")


def test_gradients_with_another_seed_are_not_called_derivatives(C):
    C.backward(2.0)
    source = draw(C).source
    assert "∂C/∂w = " not in source
    assert "gradient grad = 2 × ∂C/∂node (← backward)" in source
    assert cards(source)["n1"][2] == "grad = 0.1657"
    assert tree(C).splitlines()[0].split() == ["node", "=", "expression", "value", "grad"]
    assert printed(C)["w"] == ("0.5", "0.165714")


def test_a_stale_graph_says_what_has_changed(C, leaves):
    C.backward()
    leaves[0].data = 1.0
    source, message = draw(C).source, "v1 = w * x was recorded as 1.5 but is 3 now: w has changed, compute C again"
    assert message in source
    assert {number for *_, number in edges(source)} == {"?"}
    assert tree(C).splitlines()[-1] == message


def test_a_stale_graph_whose_derivative_is_complex_is_drawn():
    x = Value(4.0, "x")
    C = x**0.5
    x.data = -4.0
    assert "compute v1 again" in draw(C).source


# The diagram


def test_it_is_a_digraph_and_nothing_has_been_drawn(C, no_dot):
    diagram = draw(C)
    assert isinstance(diagram, graphviz.Digraph)
    assert diagram.source.startswith("digraph {")
    assert not list(no_dot.iterdir())


def test_the_cards_of_the_worked_neuron(C, leaves):
    C.backward()
    w, b, _, _ = leaves
    assert list(cards(draw(C, parameters=[w, b]).source).values()) == [
        ["y  data", "0", "∂C/∂y = −0.9707"],
        ["w  parameter", "0.5", "∂C/∂w = 0.08286"],
        ["x  data", "3", "∂C/∂x = 0.01381"],
        ["v1 = w · x", "1.5", "∂C/∂v1 = 0.02762"],
        ["b  parameter", "2", "∂C/∂b = 0.02762"],
        ["v2 = v1 + b", "3.5", "∂C/∂v2 = 0.02762"],
        ["v3 = σ(v2)", "0.9707", "∂C/∂v3 = 0.9707"],
        ["v4 = y − v3", "−0.9707", "∂C/∂v4 = −0.9707"],
        ["v5 = v4²", "0.9422", "∂C/∂v5 = 0.5"],
        ["C = v5 / 2  output", "0.4711", "∂C/∂C = 1"],
    ]


def test_the_local_derivatives_stand_on_the_edges(C):
    assert edges(draw(C).source) == [
        ("n1", "n3", "∂v1/∂w", "3"),
        ("n2", "n3", "∂v1/∂x", "0.5"),
        ("n3", "n5", "∂v2/∂v1", "1"),
        ("n4", "n5", "∂v2/∂b", "1"),
        ("n5", "n6", "∂v3/∂v2", "0.02845"),
        ("n0", "n7", "∂v4/∂y", "1"),
        ("n6", "n7", "∂v4/∂v3", "−1"),
        ("n7", "n8", "∂v5/∂v4", "−1.941"),
        ("n8", "n9", "∂C/∂v5", "0.5"),
    ]


def test_leaves_look_alike_until_the_parameters_are_named(C):
    heads = [head for head, *_ in cards(draw(C).source).values()]
    assert [head for head in heads if "=" not in head] == ["y  leaf", "w  leaf", "x  leaf", "b  leaf"]


def test_the_title_is_the_formula_in_terms_of_the_leaves():
    w, x, b, y = (Value(1.0, label) for label in "wxby")
    z = (w * x + b).named("z")
    assert title(draw(((y - sigmoid(z).named("ŷ")) ** 2 / 2).named("C")).source) == "C = (y − σ(w · x + b))² / 2"
    assert title(draw(-x * (-2)).source) == "v2 = −x · −2"
    assert title(draw((x + 1) * (y - x)).source) == "v3 = (x + 1) · (y − x)"
    assert title(draw(x).source) == "x"


def test_typesetting_spares_names():
    C = Value(1.0, "a --> b") - Value(2.0, "x-1") * Value(3.0, "sigmoid") ** 25
    assert title(draw(C).source) == "v3 = (a --> b) − (x-1) · sigmoid ** 25"
    hard_sigmoid = Rule("hard_sigmoid", lambda a: 0.2 * a + 0.5, lambda out, a: 0.2)
    assert title(draw(hard_sigmoid(Value(1.0, "x"))).source) == "v1 = hard_sigmoid(x)"


def test_where_the_formula_is_long_the_title_is_the_name():
    x = Value(1.0, "x")
    long = sum(x * n for n in range(20))
    assert title(draw(long.named("total")).source) == "total"
    for _ in range(100):  # written out, it would be longer than any memory
        x = x + x
    assert title(draw(x.named("power of two")).source) == "power of two"


def test_the_leaves_have_the_same_names_in_the_title_as_on_the_cards():
    assert title(draw(Value(1.0, "x") * Value(2.0, "x") * Value(3.0)).source) == "v3 = x · x_2 · v2"


def test_a_node_used_twice_by_one_operation_has_two_edges():
    x = Value(3.0, "x")
    assert edges(draw(x - x).source) == [("n0", "n1", "∂v1/∂x (1st)", "1"), ("n0", "n1", "∂v1/∂x (2nd)", "−1")]


def test_a_shared_node_is_drawn_once():
    x = Value(3.0, "x")
    z = x * 2
    C = z * z + z
    C.backward()
    assert list(cards(draw(C).source).values()) == [
        ["x  leaf", "3", "∂v3/∂x = 26"],
        ["v1 = x · 2", "6", "∂v3/∂v1 = 13"],
        ["v2 = v1 · v1", "36", "∂v3/∂v2 = 1"],
        ["v3 = v2 + v1  output", "42", "∂v3/∂v3 = 1"],
    ]


def test_operands_and_plain_numbers_stand_in_their_order():
    x = Value(3.0, "x")
    assert [cards(draw(v).source)["n1"][0] for v in (2 - x, x - 2, x / -0.5, 2**x, x**2.5, x**3)] == [
        "v1 = 2 − x  output",
        "v1 = x − 2  output",
        "v1 = x / −0.5  output",
        "v1 = 2 ** x  output",
        "v1 = x ** 2.5  output",
        "v1 = x³  output",
    ]


def test_where_there_is_no_derivative_the_edge_says_so():
    z = Value(0.0, "z")
    assert edges(draw(sqrt(z)).source) == [("n0", "n1", "∂v1/∂z", "undefined")]
    power = Value(-2.0, "a") ** Value(2.0, "b")  # its derivative by b has the logarithm of a
    assert [number for *_, number in edges(draw(power).source)] == ["−4", "undefined"]


LABELS = [
    "w|b",
    "x:1",
    "<b>",
    "\\N",
    "\\",
    '"',
    "a\nb",
    "中文",
    "",
    "&amp;",
    "{}",
    "%s",
    "\x00",
    "\ud800",
    "]]>",
    "-->",
]


@pytest.fixture(scope="module")
def labelled():
    """By its label, the picture of a graph with this label on both nodes."""
    diagrams = [draw((Value(3.0, label) * 2).named(label)) for label in LABELS]
    return dict(zip(LABELS, pictures.svgs(diagrams), strict=True))


@pytest.mark.parametrize("label", LABELS)
@needs_dot
def test_any_label_survives(label, labelled):
    svg = labelled[label]
    texts = {html.unescape(text).strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)}
    shown = {"": "v1", "a\nb": "a\\nb", "\x00": "\\x00", "\ud800": "\\ud800"}.get(label, label)
    second = "v2" if label == "" else f"{shown}_2"
    above, below = (name if name.isidentifier() else f"({name})" for name in (second, shown or "v1"))
    assert {shown, second, f"∂{above}/∂{below}"} <= texts
    identities = re.findall(r"<title>(n\d+|n\d+&#45;&gt;n\d+)</title>", svg)
    assert identities == ["n0", "n1", "n0&#45;&gt;n1"]


def luminance(color):
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(share * c for share, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_all_texts_and_borders_have_contrast():
    """4.5 to 1 for texts and 3 to 1 for lines, as WCAG asks for."""
    assert min(contrast(ink, fill) for ink in (BLUE, RED, GREY, "#000000") for fill in [*FILL.values(), LIT]) >= 4.5
    assert contrast(VIOLET, "#ffffff") >= 4.5
    assert min(contrast(line, "#ffffff") for line in (ORANGE, GREY, "#868e96")) >= 3


# Upright


@needs_dot
def test_the_upright_neuron_is_narrow_and_its_title_not_wider_than_its_cards(C, leaves):
    picture = draw(C, parameters=leaves[:2], rankdir="BT")
    (width,) = re.findall(r'<svg width="(\d+)pt"', picture.svg())
    assert int(width) * 4 / 3 < 838  # the pixels that GitHub gives to a README
    picture.graph_attr["label"] = ""
    assert f'width="{width}pt"' in picture.svg()


def test_forward_and_backward_point_where_they_go(C):
    C.backward()
    assert "value (forward →)     gradient ∂C/∂node (← backward)     local" in legend(draw(C).source)
    assert "value (forward ↑)     gradient ∂C/∂node (↓ backward) local" in legend(draw(C, rankdir="BT").source)
    assert "rankdir=BT" in draw(C, rankdir="BT").source
    with pytest.raises(ValueError, match=r"""^rankdir is "LR" or "BT", not 'TD'$"""):
        draw(C, rankdir="TD")


# Folded


def test_a_folded_network_shows_its_layers():
    x1, x2 = inputs = [Value(1.0, "x1"), Value(2.0, "x2")]
    hidden = [sigmoid(x1 * p + x2 * q).named(name) for p, q, name in ((0.5, -0.5, "h1"), (1.0, 3.0, "h2"))]
    C = ((Value(1.0, "y") - (hidden[0] - 2 * hidden[1]).named("z")) ** 2).named("C")
    source = draw(C, nodes=[*hidden, *inputs]).source
    assert [head for head, *_ in cards(source).values()] == [
        "x1  leaf",
        "x2  leaf",
        "h1",  # σ(x1 · 0.5 + x2 · −0.5) is too long for a card
        "h2 = σ(x1 · 1 + x2 · 3)",
        "C = (y − (h1 − 2 · h2))²  output",
    ]
    h1, h2 = (each.data for each in hidden)
    slope = -2 * (1 - h1 + 2 * h2)
    numbers = [0.5 * h1 * (1 - h1), -0.5 * h1 * (1 - h1), h2 * (1 - h2), 3 * h2 * (1 - h2), slope, -2 * slope]
    assert [(tail, head, name) for tail, head, name, _ in edges(source)] == [
        ("n0", "n2", "∂h1/∂x1"),
        ("n1", "n2", "∂h1/∂x2"),
        ("n0", "n3", "∂h2/∂x1"),
        ("n1", "n3", "∂h2/∂x2"),
        ("n2", "n4", "∂C/∂h1"),
        ("n3", "n4", "∂C/∂h2"),
    ]
    assert [number for *_, number in edges(source)] == [f"{each:.4g}".replace("-", "−") for each in numbers]
    assert "derivative from card to card, on each edge" in legend(source)


def test_a_folded_card_has_its_expression_in_terms_of_other_cards_if_that_is_short(C):
    z = Graph(C).order[5]
    heads = [head for head, *_ in cards(draw(C, nodes=[z]).source).values()]
    assert heads == ["v2 = w · x + b", "C = (y − σ(v2))² / 2  output"]
    for label, head in [("b" * 16, f"D = a + {'b' * 16}  output"), ("b" * 17, "D  output")]:  # 20 characters at most
        folded = draw((Value(1, "a") + Value(2, label)).named("D"), nodes=[])
        assert [head for head, *_ in cards(folded.source).values()] == [head]


def test_ways_around_a_card_are_summed_up_and_called_direct():
    a = Value(3.0, "a")
    m = (a * a).named("m")
    D = (m * 2 + m * a).named("D")
    D.backward()
    source = draw(D, nodes=[a, m]).source
    assert edges(source) == [
        ("n0", "n1", "∂m/∂a", "6"),
        ("n1", "n2", "∂D/∂m", "5"),
        ("n0", "n2", "∂D/∂a (direct)", "9"),
    ]
    assert cards(source)["n0"] == ["a  leaf", "3", "∂D/∂a = 39"]  # 6 × 5 + 9
    assert edges(draw(D, nodes=[a]).source) == [("n0", "n1", "∂D/∂a", "39")]


@pytest.mark.parametrize("seed", range(10))
def test_an_edge_of_a_folded_diagram_is_the_derivative_with_all_other_cards_held_still(seed):
    C, _ = random_graph(seed, 40)
    graph, rng = Graph(C), random.Random(seed)
    nodes = rng.sample(graph.order, rng.choice((3, 8, 20)))
    source = draw(C, nodes=nodes).source
    shown = [node for node in graph.order if node in nodes or node is C]
    assert [head.split()[0] for head, *_ in cards(source).values()] == [graph.names[node] for node in shown]
    number = {(tail, head): float(text.replace("−", "-")) for tail, head, _, text in edges(source)}
    for place, node in enumerate(shown):
        if not node.operands:
            continue
        # The same node computed from copies of the other cards and of the leaves, as if they were all leaves.
        copies = {}
        for each in graph.order:
            operands = [copies.get(operand, operand) for operand in each.operands]
            is_leaf = each is not node and (each in shown or not operands)
            copies[each] = Value(each.data) if is_leaf else each.rule(*operands)
        for each in copies.values():
            each.grad = 0.0
        copies[node].backward()
        for start, other in enumerate(shown):
            if other is not node:
                assert number.get((f"n{start}", f"n{place}"), 0.0) == pytest.approx(copies[other].grad, rel=1e-3)
    C.backward()
    for place, node in enumerate(shown[:-1]):  # the chain rule between the cards
        terms = [number.get((f"n{place}", f"n{end}"), 0.0) * other.grad for end, other in enumerate(shown)]
        assert sum(terms) == pytest.approx(node.grad, rel=1e-3, abs=1e-3 * max(map(abs, terms)))


def network(*sizes):
    """The cost of a network with these numbers of neurons, its layers, and the neurons in one list."""
    chance = random.Random(0)
    layers = [[Value(chance.uniform(-1, 1), f"x{n}") for n in range(sizes[0])]]
    for number, size in enumerate(sizes[1:], 1):
        sums = [sum(Value(chance.uniform(-2, 2)) * each for each in layers[-1]) for _ in range(size)]
        layers.append([sigmoid(each).named(f"h{number}_{n}") for n, each in enumerate(sums)])
    C = sum((each - 1) ** 2 for each in layers[-1]).named("C")
    return C, layers, [node for layer in layers for node in layer]


def test_where_edges_crowd_lines_tell_the_derivatives():
    C, layers, neurons = network(4, 5, 1)
    lines = [line for line in draw(C, nodes=neurons).source.splitlines() if "->" in line]
    found = {}
    for line in lines:
        number = float(re.search(r'tooltip="\S+ = (.*?)"', line)[1].replace("−", "-"))
        found[number] = float(re.search(r"penwidth=([\d.]+)", line)[1])
        assert ("style=dashed" in line) == (number < 0)
        assert re.search(r"\tn\d+:e -> n\d+:w \[", line) or "tailport=e" in line
    assert len(found) == 4 * 5 + 5 + 1
    widths = [width for _, width in sorted(found.items(), key=lambda item: abs(item[0]))]
    assert widths == sorted(widths)
    assert widths[-1] == 4 > widths[0] >= 0.5
    assert "thick where large, dashed where negative" in legend(draw(C, nodes=neurons).source)
    assert "label=<&#160;" in draw(C, nodes=layers[0] + layers[2]).source  # 4 + 1 edges


@needs_dot
def test_the_layers_of_a_network_of_forty_neurons_stand_in_columns_and_in_order():
    C, layers, neurons = network(8, 14, 11, 6, 1)
    plain = draw(C, nodes=neurons).pipe(format="plain", encoding="utf-8")
    places = {name: (float(x), float(y)) for name, x, y in re.findall(r"^node (n\d+) (\S+) (\S+)", plain, re.MULTILINE)}
    assert len(places) == 41
    order = [node for node in Graph(C).order if node in neurons]
    place = {node: places[f"n{number}"] for number, node in enumerate(order)}
    columns = [{x for x, _ in (place[node] for node in layer)} for layer in layers]
    assert [len(column) for column in columns] == [1] * 5
    assert sorted(columns, key=min) == columns
    for layer in layers:
        heights = [place[node][1] for node in layer]
        assert heights == sorted(heights, reverse=True)  # plain counts from the bottom


def test_a_folded_diagram_says_where_there_is_no_derivative_and_where_the_graph_is_stale():
    z = Value(0.0, "z")
    C = sqrt(z) * 2
    assert edges(draw(C, nodes=[z]).source) == [("n0", "n1", "∂v2/∂z", "undefined")]
    x = Value(1.0, "x")
    D = x * 2 * 3
    x.data = 2.0
    assert edges(draw(D, nodes=[x]).source) == [("n0", "n1", "∂v2/∂x", "?")]


def test_crowded_edges_without_a_derivative_are_dotted():
    z = [Value(float(n), f"z{n}") for n in range(22)]
    C = sum(sqrt(each) for each in z)
    lines = [line for line in draw(C, nodes=z).source.splitlines() if "->" in line]
    assert ["style=dotted" in line for line in lines] == [True] + [False] * 21
    assert not any("nan" in line for line in lines)


def test_crowded_edges_are_drawn_whatever_their_derivatives():
    leaves = [Value(float(n), f"x{n}") for n in range(1, 22)]

    def widths(C):
        return [float(width) for width in re.findall(r"penwidth=([\d.]+) style", draw(C, nodes=leaves).source)]

    nothing = sum(leaf * 0.0 for leaf in leaves)
    assert widths(nothing) == [0.5] * 21
    assert draw(nothing, nodes=leaves).source.count("style=solid") == 21
    assert widths(leaves[0] * Value(math.inf) + sum(leaves[1:])) == [4] * 21  # inf is not the measure of the others


@needs_dot
def test_any_label_survives_on_crowded_edges():
    leaves = [Value(1.0, label) for label in [*LABELS, *"abcdef"]]
    C = sum(leaves).named("C")
    svg = draw(C, nodes=leaves).svg()
    names = [Graph(C).names[leaf] for leaf in leaves]
    derivatives = [f"∂C/∂{name if name.isidentifier() else f'({name})'} = 1" for name in names]
    tooltips = [html.unescape(tooltip) for tooltip in re.findall(r'xlink:title="([^"]*)"', svg)]
    assert sorted(tooltips) == sorted(derivatives)


def test_in_a_folded_diagram_a_step_lights_a_card_and_the_edges_it_goes_along(C):
    w, v2, v3 = (node for node, name in Graph(C).names.items() if name in ("w", "v2", "v3"))
    walk = Walk(C).goto(4)  # v3 = σ(v2)
    source = draw(C, walk=walk, nodes=[v2, v3, w]).source
    assert [line.split(" [")[0].strip() for line in source.splitlines() if "dir=back" in line] == ["n1 -> n2"]
    source = draw(C, walk=walk, nodes=[v3, w]).source  # the gradient has not got to w
    assert 'class="operation lit"' in source
    assert "dir=back" not in source
    assert ' lit"' not in draw(C, walk=walk, nodes=[w]).source


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"nodes": [Value(1.0, "foreign")]}, ValueError, r"^Value\(1, label='foreign'\) is not a node of C's graph$"),
        ({"nodes": ["w"]}, TypeError, "^expected a Value, not 'w'"),
        ({"nodes": Value(1.0, "z")}, TypeError, r"^expected a list of Values, e\.g\. draw\(C, nodes=\[z\]\)"),
        ({"parameters": [Value(1.0, "foreign")]}, ValueError, "is not a leaf of C's graph; its leaves are y, w, x, b$"),
        (
            {"parameters": Value(1.0, "w")},
            TypeError,
            r"^expected a list of Values, e\.g\. draw\(C, parameters=\[w, b\]",
        ),
        ({"walk": 3}, ValueError, r"^this is not a walk of C: draw\(walk\.output, walk=walk\)$"),
        ({"walk": Walk(Value(1.0) * 2)}, ValueError, "^this is not a walk of C"),
    ],
)
def test_what_is_not_of_this_graph_is_refused(C, arguments, error, message):
    with pytest.raises(error, match=message):
        draw(C, **arguments)


def graph_of(count):
    C = Value(1.0, "x")
    for _ in range(count - 1):
        C = C + 1.0
    return C.named("C")


@needs_dot
def test_a_graph_of_200_nodes_is_drawn():
    assert draw(graph_of(200)).svg().count('class="node ') == 200


def test_a_graph_too_large_to_read_is_refused_and_can_be_folded():
    draw(graph_of(300))
    C = graph_of(1_500)
    with pytest.raises(ValueError, match=r"^a diagram with 1500 nodes .* choose nodes, draw\(C, nodes=\[…\]\), or use"):
        draw(C)
    assert len(cards(draw(C, nodes=Graph(C).leaves).source)) == 2
    C, layers, neurons = network(19, 20, 1)
    draw(C, nodes=layers[1])
    with pytest.raises(ValueError, match=r"^a diagram with 41 nodes and 401 edges cannot be read"):
        draw(C, nodes=neurons)


# The diagram at a position of a walk


@needs_dot
def test_the_layout_does_not_move_between_steps():
    x, y = Value(0.001234, "x"), Value(-1.0, "y")
    C = (sigmoid(x * y * 1e-9) * x - y / x).named("C")
    walk = Walk(C)

    diagrams = [draw(C, walk=walk), *(draw(C, walk=walk) for _ in walk)]
    C.backward()
    diagrams.append(draw(C))
    layouts = [
        [size, *(line.split()[1:6] for line in lines if line.startswith("node"))]
        for size, *lines in map(str.splitlines, pictures.drawn(diagrams, "plain").split("stop\n")[:-1])
    ]
    assert len(layouts) == 8
    assert len(layouts[0]) == 1 + len(Graph(C).order)
    assert all(each == layouts[0] for each in layouts)


def test_the_position_of_a_walk(C):
    walk = Walk(C)
    start = draw(C, walk=walk).source
    assert all(gradient.endswith(" = ?") for *_, gradient in cards(start).values())
    assert "not computed" not in legend(start)
    assert "dir=back" not in start
    assert ' lit"' not in start
    walk.goto(3)
    source = draw(C, walk=walk).source
    known = [card[2] for card in cards(source).values() if not card[2].endswith("?")]
    assert known == [
        "∂C/∂y = −0.9707",
        "∂C/∂v3 = 0.9707",
        "∂C/∂v4 = −0.9707",
        "∂C/∂v5 = 0.5",
        "∂C/∂C = 1",
    ]
    reversed_edges = [line.split(" [")[0].strip() for line in source.splitlines() if "dir=back" in line]
    assert reversed_edges == ["n0 -> n7", "n6 -> n7"]
    assert source.count('class="operation lit"') == source.count('BORDER="3"') == 1
    assert re.search(r'^\tn7 [^\t]*class="operation lit"', source, flags=re.DOTALL | re.MULTILINE)


def test_an_unfinished_sum_says_so_far():
    a = Value(3.0, "a")
    walk = Walk((a * a + 5 * a).named("D")).goto(2)
    source = draw(walk.output, walk=walk).source
    assert cards(source)["n0"][2] == "5 so far"
    assert "a                3  5 so far" in repr(draw(walk.output, walk=walk))
    assert cards(draw(walk.output, walk=walk.run()).source)["n0"][2] == "∂D/∂a = 11"


def test_a_walk_without_steps_is_drawn():
    x = Value(2.0, "x")
    assert "not computed" in draw(x).source
    assert "not computed" not in draw(x, walk=Walk(x)).source


# How a diagram shows itself


def test_at_the_prompt_it_shows_the_tree(C):
    C.backward()
    assert repr(draw(C)) == tree(C)
    assert repr(draw(C, walk=Walk(C).goto(3))).count("  ?") == 5
    copy = draw(C).copy()
    assert repr(copy) == copy.source


def svg_in(image):
    return base64.b64decode(re.search(r'src="data:image/svg\+xml;base64,(.*?)"', image)[1]).decode()


@needs_dot
def test_a_notebook_shows_the_picture_and_no_wider_than_its_column(C):
    bundle = draw(C)._repr_mimebundle_(include=None, exclude=None)
    assert list(bundle) == ["text/plain", "text/html"]
    assert bundle["text/plain"] == tree(C)
    assert bundle["text/html"].startswith('<img alt="computation graph" style="max-width: 100%" src=')
    assert svg_in(bundle["text/html"]) == draw(C).svg()


@pytest.fixture
def source_as_svg(monkeypatch):
    """As if dot took no time: the picture is the text that it would be drawn from."""
    monkeypatch.setattr(Diagram, "svg", lambda diagram: f"<svg>{diagram.source}</svg>")


def test_a_notebook_gets_what_it_asks_for(C, source_as_svg):
    diagram = draw(C)
    assert list(diagram._repr_mimebundle_(include={"text/plain", "image/png"})) == ["text/plain"]
    assert list(diagram._repr_mimebundle_(exclude=["text/plain"])) == ["text/html"]


def test_without_dot_a_notebook_shows_the_tree_and_how_to_have_a_picture(C, no_dot, capfd):
    diagram = draw(C)
    assert diagram.svg() is diagram.image() is None
    bundle = diagram._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    shown, hint = bundle["text/plain"].rsplit("\n", 1)
    assert shown == tree(C) == repr(diagram)
    assert all(f"{program} install graphviz" in hint for program in ("apt", "brew", "winget"))
    assert capfd.readouterr() == ("", "")


def test_a_notebook_shows_a_walk_and_its_steps_with_a_picture_above_the_text(source_as_svg):
    """Text and image, since an image alone might not be shown in a notebook that is not trusted."""
    w = Value(0.5, "<w>")
    C = (w * 3 * 2).named("C")
    walk = Walk(C)
    step = next(walk)
    picture = draw(C, walk=Walk(C).goto(1), rankdir="BT").svg()
    for shown in (step, walk):
        image, shown_text = re.fullmatch(r"(<img .*>)<pre>(.*)</pre>", shown._repr_html_(), flags=re.DOTALL).groups()
        assert svg_in(image) == picture
        assert 'style="max-width: 100%; max-height: ' in image
        assert html.unescape(shown_text) == repr(shown)
        assert "<w>" not in shown_text
    walk.run()
    assert svg_in(step._repr_html_()) == picture  # it stays where it was
    assert svg_in(walk._repr_html_()) == draw(C, walk=walk, rankdir="BT").svg()
    assert Walk(graph_of(301))._repr_html_() is None  # a diagram of it would be refused


def test_where_there_is_no_picture_of_a_walk_its_text_is_shown(C, no_dot):
    walk = Walk(C)
    assert next(walk)._repr_html_() is walk._repr_html_() is None


@needs_dot
def test_an_error_of_dot_itself_is_not_swallowed(C):
    diagram = draw(C)
    diagram.body.append("]")
    with pytest.raises(graphviz.CalledProcessError):
        diagram._repr_mimebundle_()


@needs_dot
@pytest.mark.parametrize(("name", "start"), [("C.png", b"\x89PNG"), ("C.pdf", b"%PDF")])
def test_the_name_of_a_file_says_what_is_drawn(C, tmp_path, monkeypatch, name, start):
    monkeypatch.chdir(tmp_path)
    assert draw(C).render(name) == name
    (file,) = tmp_path.iterdir()
    assert file.name == name
    assert file.read_bytes().startswith(start)


@needs_dot
def test_a_picture_can_be_drawn_into_a_folder(C, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert draw(C).render("C.svg", "folder") == str(Path("folder", "C.svg"))
    assert draw(C).render(tmp_path / "folder" / "2C.svg") == str(tmp_path / "folder" / "2C.svg")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {str(path.relative_to(tmp_path)) for path in files} == {"folder/C.svg", "folder/2C.svg"}
    assert all(path.read_bytes().startswith(b"<?xml") for path in files)


@needs_dot
def test_writing_a_file_as_graphviz_does(C, tmp_path):
    assert draw(C).render(outfile=tmp_path / "C.svg", cleanup=True) == str(tmp_path / "C.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["C.svg"]
    assert draw(C).render(tmp_path / "C.dot") == str(tmp_path / "C.dot.svg")
    assert draw(C).pipe(format="svg").startswith(b"<?xml")


@pytest.mark.parametrize(
    ("arguments", "saved"),
    [
        ({"filename": "C.png"}, "C.dot"),
        ({"outfile": "C.svg"}, "C.dot"),
        ({"outfile": "C.svg", "cleanup": True}, "C.dot"),
        ({"filename": "C", "format": "png"}, "C.dot"),
        ({"filename": "C.dot"}, "C.dot"),
        ({"filename": "C.2"}, "C.2.dot"),
        ({"filename": "C", "directory": "pictures"}, "pictures/C.dot"),
        ({"filename": "C", "view": True}, "C.dot"),
        ({}, "Diagram.dot"),
    ],
)
def test_without_dot_the_graph_is_saved_and_the_error_says_how_to_install_it(C, no_dot, arguments, saved):
    with pytest.raises(graphviz.ExecutableNotFound) as caught:
        draw(C).render(**arguments)
    message = str(caught.value)
    assert str(Path(saved)) in message
    assert all(line in message for line in ("apt install graphviz", "brew install graphviz", "winget install graphviz"))
    assert caught.value.__suppress_context__
    files = [path.relative_to(no_dot).as_posix() for path in no_dot.rglob("*") if path.is_file()]
    assert files == [saved]
    assert (no_dot / saved).read_text(encoding="utf-8") == draw(C).source


def test_without_dot_there_are_no_bytes_and_the_error_says_how_to_get_them(C, no_dot):
    with pytest.raises(graphviz.ExecutableNotFound, match=r"so there is no picture\. Install Graphviz") as caught:
        draw(C).pipe(format="png")
    assert caught.value.__suppress_context__
    assert not list(no_dot.iterdir())


def test_nothing_but_draw_imports_graphviz():
    program = (
        "import sys, autograd_mini as m; C = m.Value(1.0) * 2; C.backward(); m.tree(C); m.Walk(C).run();"
        "assert 'graphviz' not in sys.modules; m.draw(C); assert 'graphviz' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(ROOT)}, check=True)


# The pictures in docs/


def test_the_pictures_in_the_docs_are_those_the_example_draws(no_dot, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["draw_pictures.py", str(no_dot)])
    runpy.run_path(str(ROOT / "examples" / "draw_pictures.py"))
    assert "Install Graphviz" in capsys.readouterr().out
    docs = ROOT / "docs"
    assert sorted(path.name for path in no_dot.iterdir()) == sorted(path.name for path in docs.glob("*.dot"))
    names = sorted(path.stem for path in docs.glob("*.dot"))
    assert names == sorted(path.stem for path in docs.glob("*.svg"))
    for name in names:
        source = (no_dot / f"{name}.dot").read_text(encoding="utf-8")
        assert source == (docs / f"{name}.dot").read_text(encoding="utf-8"), name
        picture = (docs / f"{name}.svg").read_text(encoding="utf-8")
        written = re.findall(r"<text[^>]*>([^<]*)<", picture)
        texts = {html.unescape(text).replace("\xa0", " ").strip() for text in written}
        tooltips = {html.unescape(text) for text in re.findall(r'xlink:title="([^"]*)"', picture)}
        for _, value, _ in cards(source).values():
            assert value in texts, name
        for _, _, name_of_edge, number in edges(source):
            assert {name_of_edge, number} <= texts or f"{name_of_edge} = {number}" in tooltips, name
