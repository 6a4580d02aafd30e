"""draw(): the graph as a diagram, where Graphviz is installed and where it is not."""

import html
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import graphviz
import pytest

from autograd_mini import Value, Walk, draw, sigmoid, sqrt, tree

ROOT = Path(__file__).parent.parent

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cards(source):
    """The texts of each node's rows, by the node's identity."""
    nodes = re.findall(r"^\t(n\d+) \[label=<$(.*?)^>", source, flags=re.DOTALL | re.MULTILINE)
    return {
        identity: [text(row) for row in re.findall(r"<TR><TD[^>]*>(?!\n)(.*?)</TD></TR>", card)]
        for identity, card in nodes
    }


def edges(source):
    """Tail, head and the two lines of the label of each edge."""
    found = re.findall(r"^\t(n\d+) -> (n\d+) \[label=<(.*?)<BR/><B>(.*?)</B>", source, flags=re.MULTILINE)
    return [(tail, head, text(quotient).strip(), number) for tail, head, quotient, number in found]


def text(markup):
    return html.unescape(re.sub(r"<[^>]*>", "", markup)).replace("\xa0", " ").replace("\\\\", "\\")


def title(source):
    label = re.search(r"label=<<B>(.*?)</B>", source)
    return text(label[1])


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


def test_before_backward_no_gradient_is_shown(C):
    source = draw(C).source
    assert [gradient for *_, gradient in cards(source).values()][-1] == "∂C/∂C = ?"
    assert all(gradient.endswith(" = ?") for *_, gradient in cards(source).values())
    assert "(← backward): not computed" in source


@pytest.mark.parametrize(
    "disturb",
    [
        pytest.param(lambda C, w: (w * 2).backward(), id="backward of another output"),
        pytest.param(lambda C, w: setattr(w, "data", 0.4), id="a leaf changed"),
    ],
)
def test_gradients_that_are_not_of_this_output_are_not_shown(C, leaves, disturb):
    C.backward()
    assert "∂C/∂w = <B>0.08286</B>" in draw(C).source
    disturb(C, leaves[0])
    assert all(gradient.endswith(" = ?") for *_, gradient in cards(draw(C).source).values())


def test_gradients_with_another_seed_are_not_called_derivatives(C):
    C.backward(2.0)
    source = draw(C).source
    assert "∂C/∂w = " not in source
    assert "gradient grad = 2 × ∂C/∂node (← backward)" in source
    assert cards(source)["n1"][2] == "grad = 0.1657"


def test_leaves_look_alike_until_the_parameters_are_named(C):
    heads = [head for head, *_ in cards(draw(C).source).values()]
    assert [head for head in heads if "=" not in head] == ["y  leaf", "w  leaf", "x  leaf", "b  leaf"]


def test_the_title_is_the_formula_in_terms_of_the_leaves():
    w, x, b, y = (Value(1.0, label) for label in "wxby")
    z = (w * x + b).named("z")
    assert title(draw(((y - sigmoid(z).named("ŷ")) ** 2 / 2).named("C")).source) == "C = (y − σ(w · x + b))² / 2"
    assert title(draw(-x * (-2)).source) == "v2 = −x · −2"
    assert title(draw(x).source) == "x"


def test_typesetting_spares_labels():
    C = Value(1.0, "a --> b") - Value(2.0, "x-1") * Value(3.0, "sigmoid") ** 25
    assert title(draw(C).source) == "v3 = (a --> b) − (x-1) · sigmoid ** 25"


def test_where_the_formula_is_long_the_title_is_the_name():
    x = Value(1.0, "x")
    long = sum(x * n for n in range(20))
    shared = x + 1
    assert title(draw(long.named("total")).source) == title(draw((shared * shared).named("total")).source) == "total"


def test_gradients_of_a_stale_graph_are_not_shown_even_where_they_would_be_the_same():
    x = Value(1.0, "x")
    C = x + 1
    C.backward()
    x.data = 2.0
    assert [gradient for *_, gradient in cards(draw(C).source).values()] == ["∂v1/∂x = ?", "∂v1/∂v1 = ?"]


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


@pytest.mark.parametrize("label", LABELS)
@needs_dot
def test_any_label_survives(label):
    x = Value(3.0, label)
    C = (x * 2).named(label)
    svg = draw(C)._repr_svg_()
    texts = {html.unescape(text).strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)}
    shown = {"": "v1", "a\nb": "a\\nb", "\x00": "\\x00", "\ud800": "\\ud800"}.get(label, label)
    second = "v2" if label == "" else f"{shown}_2"
    above, below = (name if name.isidentifier() else f"({name})" for name in (second, shown or "v1"))
    assert {shown, second, f"∂{above}/∂{below}"} <= texts
    identities = re.findall(r"<title>(n\d+|n\d+&#45;&gt;n\d+)</title>", svg)
    assert identities == ["n0", "n1", "n0&#45;&gt;n1"]


def test_the_source_is_the_same_in_every_run():
    program = "from autograd_mini import *; x = Value(3.0); print(ascii(draw(x * x + sin(x) / Value(2.0, 'k')).source))"
    run = [sys.executable, "-c", program]
    sources = {
        subprocess.run(
            run, env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(sources) == 1


@needs_dot
def test_the_layout_does_not_move_between_steps():
    x, y = Value(0.001234, "x"), Value(-1.0, "y")
    C = (sigmoid(x * y * 1e-9) * x - y / x).named("C")
    walk = Walk(C)

    def layout():
        lines = draw(C, walk=walk).pipe(format="plain", encoding="utf-8").splitlines()
        return [lines[0], *(line.split()[1:6] for line in lines if line.startswith("node"))]

    layouts = [layout(), *(layout() for _ in walk)]
    C.backward()
    lines = draw(C).pipe(format="plain", encoding="utf-8").splitlines()
    layouts.append([lines[0], *(line.split()[1:6] for line in lines if line.startswith("node"))])
    assert len(layouts) == 8
    assert all(each == layouts[0] for each in layouts)


def test_the_position_of_a_walk(C):
    walk = Walk(C)
    start = draw(C, walk=walk).source
    assert all(gradient.endswith(" = ?") for *_, gradient in cards(start).values())
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


def test_the_walk_of_another_output_is_refused(C):
    with pytest.raises(ValueError, match=r"^this is not a walk of C: draw\(walk\.output, walk=walk\)$"):
        draw(C, walk=Walk(C * 2))


def test_a_negative_zero_is_shown_as_zero():
    x, y = Value(1.0, "x"), Value(-0.0, "y")
    C = x * y
    C.backward()
    assert str(x.grad) == "-0.0"
    assert cards(draw(C).source)["n0"] == ["x  leaf", "1", "∂v1/∂x = 0"]
    assert cards(draw(C).source)["n1"] == ["y  leaf", "0", "∂v1/∂y = 1"]
    assert [line.split()[-2:] for line in tree(C).splitlines()[2:]] == [["1", "0"], ["0", "1"]]


def test_drawing_changes_no_gradient(C, leaves):
    for number, leaf in enumerate(leaves):
        leaf.grad = float(number)
    draw(C)
    assert [leaf.grad for leaf in leaves] == [0, 1, 2, 3]


def test_a_stale_graph_is_drawn_and_says_what_has_changed(C, leaves):
    C.backward()
    leaves[0].data = 1.0
    source = draw(C).source
    assert "v1 = w * x was recorded as 1.5 but is 3 now: w has changed, compute C again" in source
    assert {number for *_, number in edges(source)} == {"?"}
    assert title(source) == "C"


def test_a_stale_graph_whose_derivative_is_complex_is_drawn():
    x = Value(4.0, "x")
    C = x**0.5
    x.data = -4.0
    assert "compute v1 again" in draw(C).source


def test_a_graph_both_stale_and_infinite_is_drawn():
    x = Value(2.0, "x")
    C = (Value(math.inf, "y") * x.log()).named("C")
    x.data = -1.0
    assert title(draw(C).source) == "C"


def test_a_walk_without_steps_is_drawn():
    x = Value(2.0, "x")
    assert "not computed" in draw(x).source
    assert "not computed" not in draw(x, walk=Walk(x)).source


def test_where_there_is_no_derivative_the_edge_says_so():
    z = Value(0.0, "z")
    assert edges(draw(sqrt(z)).source) == [("n0", "n1", "∂v1/∂z", "undefined")]
    power = Value(-2.0, "a") ** Value(2.0, "b")  # its derivative by b has the logarithm of a
    assert [number for *_, number in edges(draw(power).source)] == ["−4", "undefined"]


def test_inf_and_nan_are_drawn():
    x = Value(math.inf, "x")
    assert [value for _, value, _ in cards(draw(x - x).source).values()] == ["inf", "nan"]


def graph_of(count):
    C = Value(1.0, "x")
    for _ in range(count - 1):
        C = C + 1.0
    return C.named("C")


@needs_dot
def test_a_graph_of_200_nodes_is_drawn():
    assert draw(graph_of(200))._repr_svg_().count('class="node ') == 200


def test_a_graph_too_large_to_read_is_refused():
    draw(graph_of(300))
    with pytest.raises(
        ValueError, match=r"^the graph of C has 20000 nodes, and a diagram of more than 300 cannot be read"
    ):
        draw(graph_of(20_000))


def test_at_the_prompt_it_shows_the_tree(C):
    C.backward()
    assert repr(draw(C)) == tree(C)
    assert repr(draw(C, walk=Walk(C).goto(3))).count("  ?") == 5
    copy = draw(C).copy()
    assert repr(copy) == copy.source


@needs_dot
def test_a_notebook_shows_the_picture(C):
    bundle = draw(C)._repr_mimebundle_(include=None, exclude=None)
    assert bundle["text/plain"] == tree(C)
    assert bundle["image/svg+xml"] == draw(C)._repr_svg_()
    assert "<svg" in bundle["image/svg+xml"]


def test_without_dot_a_notebook_shows_the_tree(C, no_dot, capfd):
    diagram = draw(C)
    assert diagram._repr_svg_() is None
    assert diagram._repr_mimebundle_() == {"text/plain": tree(C)}
    assert capfd.readouterr() == ("", "")


@needs_dot
def test_an_error_of_dot_itself_is_not_swallowed(C):
    diagram = draw(C)
    diagram.body.append("]")
    with pytest.raises(graphviz.CalledProcessError):
        diagram._repr_mimebundle_()


@needs_dot
def test_writing_a_file(C, tmp_path):
    assert draw(C).render(outfile=tmp_path / "C.svg", cleanup=True) == str(tmp_path / "C.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["C.svg"]
    assert draw(C).pipe(format="png").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "saved"),
    [
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


@pytest.mark.parametrize("name", ["neuron", "neuron-step", "paths"])
def test_the_pictures_in_the_docs_are_those_the_example_draws(name, tmp_path):
    example = [sys.executable, ROOT / "examples" / "draw_pictures.py", tmp_path]
    subprocess.run(example, env={"PYTHONPATH": str(ROOT), "PATH": ""}, check=True, capture_output=True)
    drawn = (tmp_path / f"{name}.dot").read_text(encoding="utf-8")
    assert drawn == (ROOT / "docs" / f"{name}.dot").read_text(encoding="utf-8")
    picture = (ROOT / "docs" / f"{name}.svg").read_text(encoding="utf-8")
    texts = {html.unescape(text).replace("\xa0", " ").strip() for text in re.findall(r"<text[^>]*>([^<]*)<", picture)}
    for _, value, _ in cards(drawn).values():
        assert value in texts
    for _, _, quotient, number in edges(drawn):
        assert {quotient, number} <= texts
