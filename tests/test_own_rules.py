"""Rules of the user's own, however they are written: everything gives the graph's own number, or there is a clear error.

Never another number: not from the engine, a gradient, a formula, a program, or a copy of a program.
"""

import contextlib
import copy
import functools
import keyword
import math
import operator
import pickle
import re
from decimal import Decimal
from fractions import Fraction
from unicodedata import normalize

import pytest
import refusals

import autograd_mini
from autograd_mini import (
    Program,
    Rule,
    Value,
    Walk,
    exp,
    explain,
    formula,
    gradient,
    log,
    relu,
    sigmoid,
    softplus,
    tree,
)
from autograd_mini.graph import Graph

FUNCTIONS = {name: getattr(autograd_mini, name) for name in autograd_mini.__all__}


def evaluated(value, *own):
    """The number of its formula, with these rules under their symbols."""
    functions = FUNCTIONS | {rule.symbol: rule for rule in own}
    numbers = {name: node.data for node, name in Graph(value).names.items() if not node.operands}
    whole, *parts = formula(value).splitlines()
    for part in parts:
        name, text = part.removeprefix("where ").split(" = ")
        numbers[name] = eval(text, functions, numbers)
    return eval(whole, functions, numbers)


def everywhere(rule, number, slope, points=(0.75, -1.5)):
    """Check that everything gives this number and this slope of the rule, both functions of a float, at all points.

    The rule stands in a graph among rows of the table. The program is that of the first point, and its copies.
    """

    def record(x):
        return softplus(sigmoid(rule(x * x)) ** 1.5 + abs(x))

    def expected(x):
        z = 1 / (1 + math.exp(-number(x * x)))
        s = z**1.5 + abs(x)
        ds = 1.5 * z**1.5 * (1 - z) * slope(x * x) * 2 * x + math.copysign(1, x)
        return math.log1p(math.exp(s)), ds / (1 + math.exp(-s))

    x = Value(points[0], "x")
    program = Program(record(x), [x])
    for point in points:
        x.data = point
        C = record(x)
        C.backward()
        result = C.data, (x.grad,)
        assert (C.data, x.grad) == pytest.approx(expected(point), rel=1e-12)
        for each in (program, copy.copy(program), copy.deepcopy(program)):
            assert each(point) == result
        assert explain(C, x).derivative == x.grad
        (derivative,) = gradient(C, [x])
        assert derivative.data == x.grad
        assert evaluated(C, rule) == C.data
        assert evaluated(derivative, rule) == derivative.data
        Walk(C).run()
        assert result == (C.data, (x.grad,))


def type_name(given):
    return type(given).__name__


def message(error, call):
    """The message of the error: at which operation, and what is wrong with it."""
    text = refusals.message(error, call)
    assert "own(x)" in text
    assert text[-2:] != ": "
    return text


# Symbols.


NO_NAMES = [
    *keyword.kwlist, "", " ", "1x", "a b", "a.b", "f(", "f\n", "x\x00", "\u202e", "²", "+", "**", "\ud800", None, 3, b"f",
    ["f"], sigmoid,
]  # fmt: skip
NAMES = [
    *keyword.softkwlist, "_", "__", "x", "v1", "v2", "dv5_dx", "C", "math", "max", "min", "float", "int", "print", "self",
    "program", "logistic", "real_power", "positive_part", "log_one_plus_exp", "heaviside", "signum", "log_or_0", "inf",
    "sigmoid", "exp", "relu", "softplus", "step", "one", "__builtins__", "__debug__", "__import__", "__name__", "eval",
    "µ", "σ", "ﬁ", "𝐟", "Å", "ŷ", "y\u0302", "ª", "中", "abs", "isinstance", "complex", "ValueError",
]  # fmt: skip


def test_a_symbol_that_is_not_a_name_is_refused():
    for symbol in NO_NAMES:
        text = refusals.message(ValueError, Rule, symbol, math.sinh, lambda out, a: 0.0)
        assert text.startswith("the symbol of a Rule is the name of a function, like 'exp', not ")


def test_any_name_is_a_symbol():
    """Those too that the printed functions use."""
    for symbol in NAMES:
        own = Rule(symbol, lambda a: a * 0.5, lambda out, a: 0.5)
        assert own.symbol == normalize("NFKC", symbol)
        x = Value(0.75, "x")
        C = softplus(sigmoid(own(x * x)) ** 1.5 + relu(x)) * x
        C.backward()
        program = Program(C, [x])
        assert program(0.75) == copy.deepcopy(program)(0.75) == (C.data, (x.grad,)), symbol
        assert formula(own(x)) == f"{own.symbol}(x)"
        text = refusals.message(ValueError, Program(own(x) ** 1.5, [x]), -0.75)
        assert text == "a negative number to a fractional power is complex", symbol


def test_a_program_tells_rules_with_one_symbol_apart():
    x = Value(0.75, "x")
    double = Rule("own", lambda a: 2 * a, lambda out, a: 2.0)
    triple = Rule("own", lambda a: 3 * a, lambda out, a: 3.0)
    C = double(triple(x)) - Rule("sigmoid", lambda a: 5 * a, lambda out, a: 5.0)(sigmoid(x))
    C.backward()
    assert Program(C, [x])(0.75) == (C.data, (x.grad,))


# What may compute a rule, and its derivative.


class Half:
    def log(self, a):  # by the name of another function
        return 0.5 * a

    __call__ = log


def halved(a):
    return a / 2


def half_of(out, a):
    return 0.5


def recursive(a):
    return a / 2 if abs(a) < 1 else 2 * recursive(a / 2)


def times(factor):
    return lambda a: factor * a


@functools.wraps(math.exp)
def wrapped(a):
    return a / 2


one, other = lambda a: 0.5 * a, lambda a: 0.25 * a  # two on one line

HALVES = {
    "lambda": lambda a: 0.5 * a,
    "default": lambda a, factor=0.5: factor * a,
    "keyword": lambda a, *, factor=0.5: factor * a,
    "any number of arguments": lambda *a: 0.5 * a[0],
    "first on its line": one,
    "second on its line": lambda a: 2 * other(a),
    "closure": times(0.5),
    "method": Half().log,
    "callable": Half(),
    "partial": functools.partial(operator.mul, 0.5),
    "wrapped": wrapped,
    "cached": functools.cache(halved),
    "recursive": recursive,
    "int, where it is one": lambda a: int(a / 2) if a % 2 == 0 else a / 2,
    "Fraction": lambda a: Fraction(a) / 2,
    "Decimal": lambda a: Decimal(a) / 2,
    "rule": Rule("half", halved, half_of),
    "from a text": eval("lambda a: a / 2"),
}


@pytest.mark.parametrize("form", HALVES)
def test_any_form_of_forward(form):
    everywhere(Rule("own", HALVES[form], half_of), halved, lambda a: 0.5)


@pytest.mark.parametrize("function", [math.erf, abs, float, math.fabs])
def test_a_builtin_as_forward(function):
    gauss = Rule("own", function, lambda out, a: 2 / math.sqrt(math.pi) * exp(-a * a) if function is math.erf else 1.0)
    everywhere(gauss, function, lambda a: gauss.da(function(a), a))


def test_numpy_as_forward():
    numpy = pytest.importorskip("numpy")
    everywhere(Rule("own", numpy.sinh, lambda out, a: (exp(a) + exp(-a)) / 2), math.sinh, math.cosh)


class Exponential:
    def sin(self, out, a):  # by the name of another function
        return out

    __call__ = sin


EXPONENTIALS = {
    "lambda": lambda out, a: out,
    "default": lambda out, a, factor=1.0: factor * out,
    "rule": lambda out, a: exp(a),
    "method": Exponential().sin,
    "callable": Exponential(),
    "partial": functools.partial(lambda factor, out, a: factor * out, 1.0),
    "any number of arguments": lambda *operands: operands[0],
    "branches": lambda out, a: exp(a) if a > 0.0 else out,
    "wrapped": functools.wraps(math.sin)(lambda out, a: out * 1),
}


@pytest.mark.parametrize("form", EXPONENTIALS)
def test_any_form_of_partial(form):
    own = Rule("own", math.exp, EXPONENTIALS[form])
    everywhere(own, math.exp, math.exp, (0.75, -1.25))
    x = Value(0.75, "x")
    (slope,) = gradient(own(x), [x])
    assert gradient(slope, [x])[0].data == pytest.approx(math.exp(0.75))


@pytest.mark.parametrize("constant", [2, 2.0, Fraction(2), Decimal(2), Value(2.0)], ids=repr)
def test_a_constant_as_partial(constant):
    everywhere(Rule("own", lambda a: 2 * a, lambda out, a: constant), lambda a: 2 * a, lambda a: 2.0, (0.75, -0.5))


def test_two_operands():
    share = Rule(
        "own", lambda a, b: a / (a + b), lambda out, a, b: b / (a + b) ** 2, lambda out, a, b: -a / (a + b) ** 2
    )
    x, y = Value(0.75, "x"), Value(2.0, "y")
    for C in (share(x, y), share(x, 2.0), share(0.75, y), share(x, x)):
        C.backward()
        leaves = Graph(C).leaves
        slopes = [leaf.grad for leaf in leaves]
        assert Program(C, leaves)(*(leaf.data for leaf in leaves)) == (C.data, tuple(slopes))
        assert evaluated(C, share) == C.data
        assert [evaluated(slope, share) for slope in gradient(C, leaves)] == slopes


def test_a_program_with_functions_that_have_a_name_is_pickled():
    x = Value(0.75, "x")
    C = Rule("own", halved, half_of)(x) * 3
    C.backward()
    assert pickle.loads(pickle.dumps(Program(C, [x])))(0.75) == (C.data, (x.grad,))


# What is refused, and named.


def ways(own):
    """Every way to ask for a derivative of the rule."""
    x = Value(0.75, "x")
    C = own(x) * 3
    return {
        "backward": C.backward,
        "partials": lambda: C.operands[0].partials,
        "gradient": lambda: gradient(C, [x]),
        "Program": lambda: Program(C, [x]),
        "Walk": lambda: Walk(C),
        "explain": lambda: explain(C, x),
    }


@pytest.mark.parametrize(
    "given", [1j, True, None, "3", b"3", [1.0], (1.0,), {}, Value(2.0), math.sin, object()], ids=str
)
def test_a_forward_that_gives_no_real_number_is_refused(given):
    own = Rule("own", lambda a: given, half_of)
    text = message(TypeError, lambda: own(Value(0.75, "x")))
    assert text.startswith("own(x) at x = 0.75: expected a real number, not ")
    with pytest.raises(TypeError, match="expected a real number, not "):
        own(0.75)


@pytest.mark.parametrize("given", [1j, None, [1.0], (1.0,), {}, math.sin, object()], ids=type_name)
def test_a_partial_that_gives_no_real_number_is_refused(given):
    for way in ways(Rule("own", halved, lambda out, a: given)).values():
        text = message(TypeError, way)
        assert text.startswith("the derivative of v1 = own(x) with respect to x cannot be computed at x = 0.75: ")


@pytest.mark.parametrize("error", [ValueError, ZeroDivisionError, OverflowError, TypeError, FloatingPointError])
def test_a_function_that_raises_without_a_word(error):
    def fail(*_):
        raise error

    assert message(error, lambda: Rule("own", fail, half_of)(Value(0.75, "x"))).startswith("own(x) at x = 0.75: ")
    for way in ways(Rule("own", halved, fail)).values():
        text = message(error, way)
        assert re.match(r"v1 = own\(x\) is not differentiable|the derivative of v1 = own\(x\)", text)
        assert " with respect to x " in text
        assert f"at x = 0.75: {error.__name__}" in text
    assert "own(x)" in tree(Rule("own", halved, fail)(Value(0.75, "x")))


@pytest.mark.parametrize("forward", [lambda: 1.0, lambda a, b: a, 3.0, "sin", None], ids=type_name)
def test_a_forward_that_cannot_be_called_with_the_operand_is_named(forward):
    message(TypeError, lambda: Rule("own", forward, half_of)(Value(0.75, "x")))


@pytest.mark.parametrize(
    "partial", [lambda: 1.0, lambda a: 1.0, lambda out, a, b: 1.0, 3.0, "cos", None], ids=type_name
)
def test_a_partial_that_cannot_be_called_with_result_and_operand_is_named(partial):
    for way in ways(Rule("own", halved, partial)).values():
        message(TypeError, way)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_number_that_is_not_finite_is_named(number):
    infinite = ways(Rule("own", lambda a: number, half_of))
    undefined = ways(Rule("own", halved, lambda out, a: number))
    for way in ("backward", "gradient", "Program", "Walk", "explain"):
        with pytest.raises(
            FloatingPointError, match=rf"^v1 = own\(x\) is {number} at x = 0.75: there is no derivative$"
        ):
            infinite[way]()
        with pytest.raises(FloatingPointError, match=rf"^∂v2/∂x is {number}: the gradient is not finite$"):
            undefined[way]()


@pytest.mark.parametrize(
    "call",
    [
        lambda x: log(x, 2),
        lambda x: log(2.0, x),
        lambda x: log(x, x),
        lambda x: log(8.0, 2),
        lambda x: Rule("log", lambda a, factor=2.0: factor * a, lambda out, a: 2.0)(x, 3.0),
    ],
)
def test_a_rule_of_one_operand_refuses_a_second_one(call):
    with pytest.raises(TypeError, match="log"):
        call(Value(8.0, "x"))


def test_a_partial_that_leaves_the_graph_is_noticed_or_does_no_harm():
    """It computes with math, on the float of its operand: right where it was recorded, but a constant ever after."""
    own = Rule("own", math.sin, lambda out, a: math.cos(a))
    x = Value(0.75, "x")
    results = None
    with contextlib.suppress(TypeError, ValueError):
        (slope,) = gradient(own(x), [x])
        results = Program(own(x), [x])(2.0)[1][0], gradient(slope, [x])[0].data
    assert results in (None, (math.cos(2.0), -math.sin(0.75)))


@pytest.mark.parametrize("given", [True, "3", b"3"], ids=type_name)
def test_what_a_partial_gives_is_a_number_for_everybody_or_for_nobody(given):
    results = []
    for way in ways(Rule("own", halved, lambda out, a: given)).values():
        try:
            way()
            results.append("a number")
        except TypeError:
            results.append("no number")
    assert len(set(results)) == 1, results


@pytest.mark.parametrize("error", [AssertionError, RuntimeError, IndexError, KeyError])
def test_any_error_without_a_word_is_named(error):
    def fail(*_):
        raise error

    message(error, lambda: Rule("own", fail, half_of)(Value(0.75, "x")))
    for way in ways(Rule("own", halved, fail)).values():
        message(error, way)


def test_a_shared_part_of_a_derivative_has_a_name_of_its_own():
    def square_of_sigmoid(out, a):
        s = sigmoid(a)
        return s * s

    w, x = Value(0.5, "w"), Value(3.0, "x")
    C = (w * x * Rule("own", halved, square_of_sigmoid)(w + x)).named("C")  # v1 is w * x
    for text in (repr(Walk(C).goto(2).step), repr(explain(C, w)), explain(C, w).latex()):
        assert "where v" not in text
        assert "v1 * v1" not in text
    assert len(repr(Walk(C).goto(2).step).splitlines()) == 2
