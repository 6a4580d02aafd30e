r"""Labels from a hostile alphabet, in every text about a graph: nothing that cannot be printed comes out, none of them
becomes markup, and what stands there still means the graph's numbers."""

import pickle
import random
import re
from unicodedata import normalize

import pytest
from random_graphs import random_graph

import autograd_mini
from autograd_mini import Program, Value, Walk, compare, draw, exp, explain, formula, gradient, sqrt, tree
from autograd_mini.formulas import partial_formula
from autograd_mini.graph import Graph, topological_order

FUNCTIONS = {name: getattr(autograd_mini, name) for name in autograd_mini.__all__}

ALPHABET = [
    "x", "W1", "σ", "ŷ", "θ_1", "é", "中文", "½", "if", "where", "2", "1e22", "-0.0", "∂C/∂w", "x1*w1 + b", "a, b",
    "+", "-", "*", "**", "/", "=", "!", "?", "@", ".", ",", ";", ":", "|", "'", '"', "`", "<b>", "&amp;", "]]>", "-->",
    "(", ")", "[", "]", "{", "}", "{0}", "%s", "$", "$$", "%", "#", "&", "_", "^", "~", "\\", "\\\\", "\\N", "\\left(",
    "\\end{align*}", " ", "  ", "\xa0", "\t", "\r", "\n", "\n\n", "\r\n", "\v", "\f", "\x00", "\x07", "\x08", "\x1b[31m",
    "\x1b]0;title\x07", "\x7f", "\x85", "\x9b", "\xad", "\u200b", "\u200e", "\u202e", "\u2028", "\u2029", "\u2066",
    "\ufeff", "\ufffe", "\ue000", "\U000e0001", "\u0301", "\u0302", "\u20d7", "न", "ا", "א", "😀", "👩\u200d🔬", "\ud800",
    "\udfff",
]  # fmt: skip


def labelled(seed, label):
    """A random graph with labels, each from label(rng, number), on its leaves and on some of the nodes between."""
    output, leaves = random_graph(seed, 12)
    rng = random.Random(seed)
    for number, node in enumerate(topological_order(output)):
        if not node.operands or rng.random() < 0.4:
            node.label = label(rng, number)
    return output, leaves


def hostile(rng, _):
    return "".join(rng.choices(ALPHABET, k=rng.randrange(5)))


def marked(rng, number):
    """A hostile label with a mark in it that nothing else has, so that it can be found in what is printed."""
    return f"{hostile(rng, number)}q{number}q{hostile(rng, number)}"


def message(call):
    with pytest.raises((ArithmeticError, AttributeError, RuntimeError, TypeError, ValueError)) as caught:
        call()
    return str(caught.value)


def texts(output, leaves):
    """Every text there is about a graph, by what it is."""
    a, b, c = (leaf.label for leaf in leaves[:3])
    stale = Value(2.0, a) * Value(3.0, b)
    stale.operands[0].data = 4.0
    undefined = sqrt(Value(0.0, a)) * Value(2.0, b)
    before = tree(output)
    output.backward()
    walk = Walk(output)
    steps = {f"step {step.number}": repr(step) for step in walk}
    explanations = [explain(output, leaf) for leaf in leaves]
    return steps | {
        "nodes": "\n".join(f"{node!r} {node!s} {node}" for node in topological_order(output)),
        "formula": formula(output),
        "formula of a gradient": formula(gradient(output, leaves[:1])[0]),
        "tree before": before,
        "tree": tree(output),
        "walk": repr(walk),
        "walk in the middle": repr(walk.goto(len(walk) // 2)),
        "explanations": "\n".join(map(repr, explanations)),
        "LaTeX": "\n".join(explanation.latex() for explanation in explanations),
        "picture": draw(output, parameters=leaves).source,
        "picture of the walk": draw(output, walk=walk).source,
        "program": Program(output, leaves).source,
        "comparison": repr(compare(output, {leaves[0]: 1.0})),
        "stale": message(stale.backward),
        "stale tree": tree(stale),
        "stale picture": draw(stale).source,
        "undefined picture": draw(undefined).source,
        "undefined derivative": message(undefined.backward),
        "undefined operation": message(lambda: Value(0.0, a) ** Value(-1.0, b)),
        "refused operand": message(lambda: Value(0.0, a) * ALPHABET),
        "infinite number": message((Value(1e300, a) * Value(1e300, b)).named(c).backward),
        "infinite gradient": message((1 / Value(1e-200, a) / 1e200).named(b).backward),
        "no leaf": message(lambda: draw(output, parameters=[output])),
        "no input": message(lambda: Program(output, [output])),
        "no data to set": message(lambda: setattr(output, "data", 1.0)),
        "not pickled": message(lambda: pickle.dumps(output)),
    }


def markup(what, text):
    """What no label may change: the lines of a text, and its tags or commands."""
    if "picture" in what:
        return text.count("\n"), len(re.findall("[<>]", text)), len(re.findall(r'(?<!\\)"', text))
    if what == "LaTeX":
        unescaped = re.sub(r"\\[^a-z]", "", text)
        return text.count("\n"), unescaped.count("&"), text.count(r"\left("), len(re.findall("[$%#~]", unescaped))
    return text.count("\n")


def braces_balance(text):
    depth = 0
    for brace in re.findall(r"\\.|[{}]", text, flags=re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return False
    return depth == 0


@pytest.mark.parametrize("seed", range(3))
def test_every_text_is_printable_and_no_label_becomes_markup(seed):
    plain = texts(*labelled(seed, lambda rng, number: hostile(rng, number) and f"plain {number}"))
    for what, text in texts(*labelled(seed, hostile)).items():
        assert text.replace("\n\t", "").replace("\n", "").isprintable(), (what, text)  # DOT's lines begin with a tab
        if what not in ("formula", "formula of a gradient", "program"):  # longer labels make more lines there
            assert markup(what, text) == markup(what, plain[what]), (what, text, plain[what])
        if what == "LaTeX":
            assert braces_balance(text), text


def read(text, graph):
    """The number of a text, with the numbers of the nodes under their names.

    A label that is not a single name is read as an expression that holds together less than any operator does: where
    its brackets are missing, another number comes out.
    """
    for node, name in graph.names.items():
        if node.label:
            number = f"({node.data!r})" if name.isidentifier() else f"0 or {node.data!r} if 1 else 0"
            text = text.replace(name, number)
    return eval(text, FUNCTIONS, {name: node.data for node, name in graph.names.items() if not node.label})


def test_missing_brackets_would_be_noticed():
    n = Value(3.0, "n + q0q")
    graph = Graph(n)
    assert [read(text, graph) for text in ("(n + q0q) ** 2", "n + q0q ** 2", "2 * n + q0q", "-n + q0q")] == [9, 3, 3, 3]
    assert [braces_balance(text) for text in (r"\frac{a}{\{b}", "}{", r"{a\\}}")] == [True, False, False]


@pytest.mark.parametrize("seed", range(10))
def test_every_formula_still_gives_its_number(seed):
    output, leaves = labelled(seed, marked)
    for value in (output, gradient(output, leaves[:1])[0]):
        graph = Graph(value)
        nodes = {name: node for node, name in graph.names.items()}
        whole, *parts = formula(value).splitlines()
        assert read(whole, graph) == value.data
        for part in parts:
            name = next(name for name in nodes if part.startswith(f"where {name} = "))
            assert read(part.removeprefix(f"where {name} = "), graph) == nodes[name].data


@pytest.mark.parametrize("seed", range(6))
def test_every_operation_and_derivative_still_gives_its_number(seed):
    output, leaves = labelled(seed, marked)
    graph = Graph(output)
    steps, picture = {step.node: repr(step) for step in Walk(output)}, repr(draw(output))
    for node in graph.order:
        for position, operand in enumerate(node.operands):
            assert read(graph.expression(node), graph) == node.data
            assert f"{graph.equation(node)} = " in steps[node]
            assert f"{graph.equation(node)} " in picture
            if isinstance(operand, Value):
                partial = partial_formula(graph, node, position)
                assert read(partial, graph) == node.partials[position]
                assert partial in steps[node] or not re.search("[a-z]", partial)
    for leaf in leaves:
        explanation = explain(output, leaf)
        lines = repr(explanation)
        for link in {link for path in explanation.paths for link in path.links}:
            assert f" = {graph.expression(link.node)} " in lines
            assert f" = {partial_formula(graph, link.node, link.position)} " in lines


@pytest.mark.parametrize("seed", range(10))
def test_a_program_still_gives_the_numbers_of_the_graph(seed):
    output, leaves = labelled(seed, hostile)
    program = Program(output, leaves)
    output.backward()
    assert program(*(leaf.data for leaf in leaves)) == (output.data, tuple(leaf.grad for leaf in leaves))


def test_a_label_that_is_an_expression_stands_in_brackets_beside_an_operator():
    x1, w1, b = Value(2.0, "x1"), Value(-3.0, "w1"), Value(7.0, "b")
    n = (x1 * w1 + b).named("x1*w1 + b")
    L = (n**2).named("L")
    assert formula(L).splitlines()[0] == "(x1*w1 + b) ** 2"
    assert formula(-n).splitlines()[0] == "-(x1*w1 + b)"
    assert formula(2 - n).splitlines()[0] == "2 - (x1*w1 + b)"
    assert formula(exp(n)).splitlines()[0] == "exp(x1*w1 + b)"
    assert repr(L) == "Value(1 = (x1*w1 + b) ** 2, label='L')"
    assert tree(L).splitlines()[1].startswith("L = (x1*w1 + b) ** 2 ")
    step = repr(next(Walk(L)))
    assert "L = (x1*w1 + b) ** 2 = 1," in step
    assert "∂L/∂(x1*w1 + b) += ∂L/∂L × ∂L/∂(x1*w1 + b)" in step
    assert "∂L/∂(x1*w1 + b) = 2 * (x1*w1 + b)" in step
    assert "L         = (x1*w1 + b) ** 2    ∂L/∂(x1*w1 + b) = 2 * (x1*w1 + b)  =  2" in repr(explain(L, b))
    assert r"L &= (\mathrm{x1*w1\ +\ b})^{2} & " in explain(L, b).latex()
    assert "<B>L</B>&#160;= (x1*w1 + b)²" in draw(L).source
    assert message(lambda: n / 0).startswith("(x1*w1 + b) / 0 at x1*w1 + b = 1.0: ")
    assert message((n * 1e308 * n * 10).backward) == "v4 = v3 * 10 is inf at v3 = 1e+308: there is no derivative"


@pytest.mark.parametrize(("label", "heading"), [("a/b", "∂(a/b)/∂node"), ("a+b", "∂(a+b)/∂node"), ("a", "∂a/∂node")])
def test_the_heading_of_the_gradients_has_brackets_where_their_names_have_them(label, heading):
    x = Value(2.0, "x")
    C = (x * 3).named(label)
    assert Graph(C).gradient_name(x) == heading.replace("node", "x")
    assert repr(Walk(C).run()).splitlines()[1].endswith(f"  {heading}")
    assert tree(C).splitlines()[0].endswith(f"  {heading}")
    assert f"gradient {heading} (← backward)" in draw(C).source
    assert heading.replace("node", "x") in draw(C, nodes=[x]).source
    C.backward(2.0)
    assert f"gradient grad = 2 × {heading} (← backward)" in draw(C).source


@pytest.mark.parametrize(
    ("label", "shown"),
    [("\x1b[31m", r"\x1b[31m"), ("a\nb", r"a\nb"), ("\u202eevil", r"\u202eevil"), ("\ud800", r"\ud800")],
)
def test_what_cannot_be_printed_is_shown_escaped(label, shown):
    x = Value(2.0, label)
    assert formula(x) == shown
    assert formula(x * 2) == f"({shown}) * 2"
    assert repr(x * 2) == f"Value(4 = ({shown}) * 2)"
    assert repr(Walk(x * 2)).endswith(f"next is v1 = ({shown}) * 2")
    assert message(lambda: x / 0).startswith(f"({shown}) / 0 at {shown} = 2.0: ")
    assert x.label == label


def test_a_label_of_any_length():
    label = "\\ $\n" * 2**16
    shown = label.replace("\n", r"\n")
    assert formula(Value(2.0, label) + 1) == f"({shown}) + 1"


@pytest.mark.parametrize(("one", "other"), [("ﬁ", "fi"), ("ŷ", "y\u0302"), ("µ", "μ")])
def test_labels_that_python_reads_as_one_name_are_two_names(one, other):
    C = Value(2.0, one) - Value(3.0, other)
    names = {normalize("NFKC", name) for name in Graph(C).names.values()}
    assert len(names) == 3


def test_a_long_label_does_not_break_the_lines_of_a_table():
    x = Value(2.0, "long " * 22)
    C = ((x * 3) * (x**3)).named("C")
    assert "where" not in repr(explain(C, x)) + "".join(map(repr, Walk(C)))
