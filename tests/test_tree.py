"""tree(): the graph as text, in any terminal. What it shows of a graph is tested with draw(), in test_diagrams.py."""

from autograd_mini import Value, tree

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


def test_the_worked_neuron_before_and_after_backward(C):
    assert tree(C) == UNREACHED
    C.backward()
    assert tree(C) == REACHED


def test_it_is_a_str_that_shows_itself_without_quotes(C):
    text = tree(C)
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


def test_a_deep_chain_is_abridged():
    x = Value(1.0, "x")
    C = x
    for _ in range(2_000):
        C = C + 1.0
    lines = tree(C).splitlines()
    assert len(lines) < 70
    assert max(map(len, lines)) <= 100
    assert lines[-2].split() == ["└─", "…"]
    assert lines[-1].startswith("1984 of 2001 nodes are not shown")


def test_a_wide_graph_is_abridged():
    total = sum(Value(float(n), f"x{n}") ** 2 for n in range(16))
    squares = [sum((total + n) * n for n in range(1, 17)) for _ in range(16)]
    lines = tree(sum(squares).named("C")).splitlines()
    assert len(lines) <= 63
    assert "nodes are not shown" in lines[-1]
