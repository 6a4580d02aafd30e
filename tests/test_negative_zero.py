"""-0 is shown to nobody, since it says nothing; where it is a constant of a formula it stays, as -0.0."""

import re

import pytest

from autograd_mini import Value, Walk, compare, draw, explain, formula, gradient, sin, tree

MINUS_ZERO = re.compile(r"(?<![\w.])[-−]0(?![\w.])")


x, y = Value(-0.0, "x"), Value(3.0, "y")


@pytest.mark.parametrize(
    ("C", "leaf"),
    [(x * y, x), ((x * y + sin(x)) * -1 * x, x), (-y * 0, y), (0.0 / -y - x, y), ((-x) ** 2 - x * -0.0, x)],
)
def test_minus_zero_is_nowhere(C, leaf):
    texts = [repr(C), str(leaf), formula(C), formula(gradient(C, [leaf])[0]), tree(C), repr(Walk(C))]
    texts += [*map(repr, Walk(C)), tree(C), repr(Walk(C).run()), repr(explain(C, leaf)), explain(C, leaf).latex()]
    texts += [draw(C).source, draw(C, walk=Walk(C).run()).source]
    assert any("0" in text for text in texts)
    assert not [text for text in texts if MINUS_ZERO.search(text)]


def test_minus_zero_would_be_found():
    assert all(MINUS_ZERO.search(text) for text in ("-0", "x = -0,", "(−0)", "y\n-0\n"))
    assert not any(MINUS_ZERO.search(text) for text in ("-0.0", "-0.5", "1e-05", "x-0", "-01"))


@pytest.mark.parametrize("minus_zero", [-0.0, 0.0])
def test_the_sign_of_a_constant_zero_is_in_its_formula(minus_zero):
    C = y * minus_zero
    sign = "-0.0" if str(minus_zero) == "-0.0" else "0"
    assert formula(C) == f"y * {sign}"
    assert str(eval(formula(C), {"y": 3.0})) == str(float(C.data))
    assert f"v1 = y * {sign} " in tree(C)
    assert f"v1 = y * {sign} = 0," in repr(next(Walk(C)))


def test_minus_zero_is_in_no_report():
    report = repr(compare(x * y, {x: lambda y: y, y: lambda x: x}))
    assert not MINUS_ZERO.search(report), report


def test_a_constant_zero_needs_no_brackets():
    assert repr((-0.0) ** y) == "Value(0 = 0 ** y)"
