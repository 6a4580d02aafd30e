r"""LaTeX: what stands there is what the text says, and compiles: one exponent at a base, no blank line, \sigma for σ."""

import re

import pytest

from autograd_mini import Rule, Value, exp, explain, sigmoid, sqrt
from autograd_mini.graph import Graph
from autograd_mini.latex import Latex

v, w = Value(0.5, "v"), Value(2.0, "w")


def written(value):
    return Graph(value).expression(value, Latex())


@pytest.mark.parametrize(
    ("value", "latex"),
    [
        (v * w, r"v \cdot w"),
        (v / w, r"\frac{v}{w}"),
        (v**2, "v^{2}"),
        (1e22**v, r"(1 \cdot 10^{22})^{v}"),
        (v**1e-22, r"v^{1 \cdot 10^{-22}}"),
        (v * 1e22, r"v \cdot (1 \cdot 10^{22})"),
        (1e22 * v, r"1 \cdot 10^{22} \cdot v"),
        (v - 1e22, r"v - 1 \cdot 10^{22}"),
        ((-2.0) ** Value(2.0, "n"), "(-2)^{n}"),
        (v * -2, r"v \cdot -2"),
        (-v, "-v"),
        (abs(v), r"\operatorname{abs}\left(v\right)"),
        (sqrt(v), r"\sqrt{v}"),
        (exp(v), r"\exp\left(v\right)"),
        (sigmoid(v), r"\sigma\left(v\right)"),
        (Rule("a_b", abs, None)(v), r"\operatorname{a\_b}\left(v\right)"),
        (Rule("hypot", max, None, max)(v, 3), r"\operatorname{hypot}\left(v, 3\right)"),
    ],
)
def test_operations(value, latex):
    assert written(value) == latex


@pytest.mark.parametrize(
    ("label", "latex"),
    [
        ("a\n\nb", r"(\mathrm{a\backslash n\backslash nb})^{2}"),
        ("x1 + b", r"(\mathrm{x1\ +\ b})^{2}"),
        ("rate", r"\mathrm{rate}^{2}"),
        ("a_b", r"\mathrm{a\_b}^{2}"),
        ("x'", r"(\mathrm{x'})^{2}"),
        ("x:1", r"(\mathrm{x:1})^{2}"),
        ("50%", r"(\mathrm{50\%})^{2}"),
        ("2", r"(\mathrm{2})^{2}"),
        ("^", r"(\mathrm{\hat{}})^{2}"),
        ("}{", r"(\mathrm{\}\{})^{2}"),
        ("\\", r"(\mathrm{\backslash })^{2}"),
        ("$", r"(\mathrm{\$})^{2}"),
        ("ŷ", r"\hat{y}^{2}"),
        ("y\u0302", r"\hat{y}^{2}"),
        ("x", "x^{2}"),
        ("x12", "x_{12}^{2}"),
        ("Ω3", r"\Omega_{3}^{2}"),
        ("σ", r"\sigma^{2}"),
        ("ο", r"\mathrm{ο}^{2}"),
    ],
)
def test_labels(label, latex):
    assert written(Value(2.0, label) ** 2) == latex


def test_every_greek_letter_that_latex_knows_is_a_command():
    for letter, command in [
        ("α", "alpha"),
        ("θ", "theta"),
        ("ω", "omega"),
        ("Γ", "Gamma"),
        ("Ω", "Omega"),
        ("ς", None),
    ]:
        expected = rf"\{command}" if command else rf"\mathrm{{{letter}}}"
        assert Latex().name(letter).text == expected
    commands = [Latex().name(letter).text for letter in "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ"]
    assert len(set(commands)) == len(commands) == 34
    assert all(command.startswith("\\") for command in commands)


def test_no_number_is_equal_to_itself():
    x = Value(3.0, "x")
    for C in (-x, x - 1, 1 - x, x * 3, 3 * x, x / 2):
        for line in explain(C.named("C"), x).latex().splitlines():
            sides = [side.strip(r" \&()") for side in line.split("=")]
            assert len(set(sides)) == len(sides), line


@pytest.mark.parametrize("label", ["\u0301", "_\u0302", "^\u0301", "x'\u0301", "a \u0304"])
def test_no_mark_stands_on_what_is_not_a_letter(label):
    """KaTeX refuses a combining mark at the beginning of a group, or after a command."""
    latex = written(Value(2.0, label) * 3)
    assert not re.search(r"[\W_][\u0300-\u036f]", latex)
    assert "x\u0304" in Latex().name("x\u0304").text


@pytest.mark.parametrize("labels", [("x", "x_"), ("w2", "w_2"), ("w", "w", "w2")])
def test_two_names_are_not_written_alike(labels):
    C = sum(Value(2.0, label) for label in labels)
    leaves = Graph(C).leaves
    assert len({Latex().name(Graph(C).names[leaf]).text for leaf in leaves}) == len(labels)
