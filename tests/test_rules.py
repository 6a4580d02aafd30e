"""Every row of the table of rules: its derivatives against central differences, its numbers, and what a new row brings.

The rows are enumerated: a row added to the table is tested without a change here, unless its domain needs points of its
own.
"""

import math
import pickle
import pydoc
import sys

import pytest

import autograd_mini
from autograd_mini import Rule, Value, gradient, rules

ROWS = {name: rule for name, rule in vars(rules).items() if isinstance(rule, Rule)}

# Points off the kinks, both operands different. By number of operands, then the rows with a smaller domain.
POINTS = {1: [(-2.3,), (-0.7,), (0.4,), (1.6,)], 2: [(-1.3, 0.7), (0.8, 2.5), (2.2, -1.6), (-0.4, -3.1)]}
POINTS_OF = {
    "power": [(0.3, 1.7), (1.4, -2.2), (2.5, 0.6), (1.2, 3.0)],
    "log": [(0.2,), (0.9,), (1.6,), (5.0,)],
    "log_0": [(0.2,), (0.9,), (1.6,), (5.0,)],
    "sqrt": [(0.2,), (0.9,), (1.6,), (5.0,)],
}


def points_of(name):
    return POINTS_OF.get(name, POINTS[len(ROWS[name].partials)])


def central_difference(f, point, i):
    """∂f/∂(operand i) at the point, f a function of floats."""
    h = sys.float_info.epsilon ** (1 / 3) * max(1.0, abs(point[i]))
    above, below = ([*point[:i], point[i] + step, *point[i + 1 :]] for step in (h, -h))
    return (f(*above) - f(*below)) / (above[i] - below[i])


def close(expected):
    return pytest.approx(expected, rel=1e-7, abs=1e-8)


def check_partials(rule, point):
    """Each partial by itself, of floats and of Values, the other operand a Value or a plain number."""
    out = rule(*point)
    for i, partial in enumerate(rule.partials):
        slope = central_difference(rule.forward, point, i)
        assert float(partial(out, *point)) == close(slope), point

        operands = list(point)
        operands[i] = Value(point[i])
        expected = [None] * len(point)
        expected[i] = close(slope)
        assert list(rule(*operands).partials) == expected, point


def check_gradients(rule, point):
    """backward() and gradient() of 3 * rule: the incoming gradient is not 1, the other operand a Value or a number."""
    slopes = [3 * central_difference(rule.forward, point, i) for i in range(len(point))]
    operands = [Value(number) for number in point]
    (3 * rule(*operands)).backward()
    assert [operand.grad for operand in operands] == close(slopes), point

    for i, slope in enumerate(slopes):
        mixed = list(point)
        mixed[i] = Value(point[i])
        C = 3 * rule(*mixed)
        C.backward()
        assert mixed[i].grad == close(slope), point
        assert gradient(C, [mixed[i]])[0].data == mixed[i].grad, point


def check_second_derivatives(rule, point):
    """The derivatives of the partials, which gradient() finds on the graphs that the partials record."""
    operands = [Value(number) for number in point]
    for i, first in enumerate(gradient(3 * rule(*operands), operands)):
        partial = rule.partials[i]

        def slope(*numbers, partial=partial):
            return 3 * float(partial(rule(*numbers), *numbers))

        curvatures = [central_difference(slope, point, j) for j in range(len(point))]
        assert [second.data for second in gradient(first, operands)] == close(curvatures), point


def check_numbers(rule, point):
    """The same number for floats and for Values."""
    number = rule(*point)
    assert type(number) is float
    node = rule(*map(Value, point))
    assert type(node) is Value
    assert node.data == number == rule.forward(*point), point


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("check", [check_partials, check_gradients, check_second_derivatives, check_numbers])
def test_a_row_agrees_with_differences_and_with_itself(name, check):
    for point in points_of(name):
        check(ROWS[name], point)


def test_the_enumeration_finds_the_table():
    assert len(ROWS) >= 18
    assert {"add", "power", "absolute", "sigmoid", "step"} <= ROWS.keys()


# Functions at a point: the value and the slope in closed form.
LOGISTIC = 1 / (1 + math.exp(-2))  # of 2


@pytest.mark.parametrize(
    ("name", "point", "value", "slope"),
    [
        ("exp", 0.5, math.e**0.5, math.e**0.5),
        ("exp", 0.0, 1, 1),
        ("log", 4.0, 2 * math.log(2), 0.25),
        ("log", 1.0, 0, 1),
        ("sqrt", 2.25, 1.5, 1 / 3),
        ("sin", math.pi / 6, 0.5, 3**0.5 / 2),
        ("cos", math.pi / 6, 3**0.5 / 2, -0.5),
        ("tanh", 0.5, (math.e - 1) / (math.e + 1), 4 * math.e / (math.e + 1) ** 2),
        ("tanh", 0.0, 0, 1),
        ("sigmoid", 0.0, 0.5, 0.25),
        ("sigmoid", 2.0, LOGISTIC, LOGISTIC * (1 - LOGISTIC)),
        ("sigmoid", -2.0, 1 - LOGISTIC, LOGISTIC * (1 - LOGISTIC)),
        ("softplus", 0.0, math.log(2), 0.5),
        ("softplus", 2.0, -math.log(1 - LOGISTIC), LOGISTIC),
        ("softplus", -2.0, -math.log(LOGISTIC), 1 - LOGISTIC),
        ("relu", 1.5, 1.5, 1),
        ("relu", -1.5, 0, 0),
        ("absolute", 1.5, 1.5, 1),
        ("absolute", -1.5, 1.5, -1),
        ("neg", 1.5, -1.5, -1),
        ("sign", 1.5, 1, 0),
        ("sign", -1.5, -1, 0),
        ("step", 1.5, 1, 0),
        ("step", -1.5, 0, 0),
    ],
)
def test_functions_have_their_closed_forms(name, point, value, slope):
    x = Value(point)
    out = ROWS[name](x)
    out.backward()
    assert out.data == pytest.approx(value, rel=1e-15, abs=1e-15)
    assert x.grad == pytest.approx(slope, rel=1e-15, abs=1e-15)


@pytest.mark.parametrize("name", ["absolute", "relu", "sign", "step"])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_at_a_kink_value_and_derivative_are_0(name, zero):
    x = Value(zero)
    out = ROWS[name](x)
    out.backward(5)
    assert (out.data, x.grad) == (0, 0)


@pytest.mark.parametrize(
    ("name", "point", "value", "slope"),
    [
        ("sigmoid", 1e4, 1, 0),
        ("sigmoid", -1e4, 0, 0),
        ("softplus", 1e4, 1e4, 1),
        ("softplus", -1e4, 0, 0),
        ("tanh", 1e4, 1, 0),
        ("tanh", -1e4, -1, 0),
    ],
)
def test_saturated_functions_do_not_overflow(name, point, value, slope):
    x = Value(point)
    out = ROWS[name](x)
    out.backward()
    assert (out.data, x.grad) == (value, slope)
    (derivative,) = gradient(out, [x])
    assert [second.data for second in gradient(derivative, [x])] == [0]


@pytest.mark.parametrize("z", [-700.0, -40.0, -5.0, 5.0, 40.0, 700.0])
def test_sigmoid_and_softplus_keep_their_precision_in_the_tails(z):
    assert rules.sigmoid(-40.0) == pytest.approx(math.exp(-40), rel=1e-15, abs=0)
    assert rules.softplus(-40.0) == pytest.approx(math.exp(-40), rel=1e-15, abs=0)
    assert rules.sigmoid(z) + rules.sigmoid(-z) == pytest.approx(1, rel=1e-15, abs=0)
    assert rules.softplus(z) - rules.softplus(-z) == pytest.approx(z, rel=1e-15, abs=0)


def test_the_partial_of_a_plain_number_is_never_asked_for():
    def refuse(*_):
        raise AssertionError("called for a plain number")

    times = Rule("times", lambda a, b: a * b, refuse, lambda out, a, b: a)
    x = Value(2.0)
    C = times(3.0, x)
    C.backward()
    assert x.grad == 3
    assert C.partials == (None, 3)
    assert gradient(C, [x])[0].data == 3
    (Value(-2.0) ** 2).backward()  # its other partial would be the logarithm of -2


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_rows_may_use_rows_that_stand_below_them(name):
    x = Value(0.3)
    derivative = ROWS[name](x)
    for _ in range(4):
        (derivative,) = gradient(derivative, [x])
    assert derivative.data == ROWS[name](0.3)


# Functions, methods and exports are the same rows.
FUNCTIONS = {name: rule for name, rule in ROWS.items() if rule.symbol == name}
HELPERS = {"log_0", "sign", "step"}  # rows for partials, which are not methods


def test_function_rows_are_the_exported_rules():
    exported = {name: getattr(autograd_mini, name) for name in autograd_mini.__all__}
    assert {name: row for name, row in exported.items() if isinstance(row, Rule)} == FUNCTIONS


def test_function_rows_are_methods_of_value():
    methods = {name for name, method in vars(Value).items() if name in FUNCTIONS}
    assert methods == FUNCTIONS.keys() - HELPERS


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - HELPERS))
def test_a_method_records_the_same_operation_as_the_function(name):
    x = Value(0.7, "x")
    method, function = getattr(x, name)(), FUNCTIONS[name](x)
    assert method.operands == function.operands == (x,)
    assert repr(method) == repr(function)
    assert getattr(Value, name)(x).data == method.data


def test_no_two_rows_are_written_alike():
    assert len({(rule.symbol, len(rule.partials)) for rule in ROWS.values()}) == len(ROWS)


def test_the_repr_of_a_row_shows_what_it_computes():
    assert [repr(ROWS[name]) for name in ("mul", "neg", "exp")] == ["<rule a * b>", "<rule -a>", "<rule exp(a)>"]


def test_a_row_of_two_operands_wants_both():
    with pytest.raises(TypeError, match=r"\* takes two operands, not one"):
        rules.mul(Value(2, "w"))


# A new row: nothing but the row itself.
softsign = Rule("softsign", lambda a: a / (1 + abs(a)), lambda out, a: (1 - abs(out)) ** 2)
distance = Rule("distance", math.hypot, lambda out, a, b: a / out, lambda out, a, b: b / out)


def test_a_new_row_is_a_function_of_numbers_and_of_values():
    assert softsign(3.0) == 0.75
    assert repr(softsign(Value(3.0, "x"))) == "Value(0.75 = softsign(x))"
    assert distance(3.0, 4.0) == 5
    assert repr(distance(Value(3.0, "x"), 4.0)) == "Value(5 = distance(x, 4))"
    assert repr(distance(3.0, Value(4.0, "y"))) == "Value(5 = distance(3, y))"


def test_a_new_row_has_its_gradient_and_its_second_derivative():
    x = Value(3.0)
    C = softsign(x)
    C.backward()
    assert x.grad == 1 / 16
    (slope,) = gradient(C, [x])
    (curvature,) = gradient(slope, [x])
    assert curvature.data == -2 / 4**3

    a, b = Value(3.0), Value(4.0)
    first = gradient(distance(a, b), [a, b])
    assert [value.data for value in first] == [3 / 5, 4 / 5]
    assert [value.data for value in gradient(first[0], [a, b])] == pytest.approx(
        [16 / 125, -12 / 125], rel=1e-15, abs=0
    )


@pytest.mark.parametrize(
    ("partial", "check"),
    [
        (lambda out, a: -((1 - abs(out)) ** 2), check_partials),
        (lambda out, a: -((1 - abs(out)) ** 2), check_gradients),
        (lambda out, a: -((1 - abs(out)) ** 2), check_second_derivatives),
        (lambda out, a: 1 - abs(out), check_gradients),
        (lambda out, a: (1 - abs(float(out))) ** 2, check_second_derivatives),  # a number where a graph is needed
    ],
)
def test_the_checks_of_this_file_find_a_wrong_row(partial, check):
    check(softsign, (0.4,))
    with pytest.raises((AssertionError, TypeError)):
        check(Rule("softsign", softsign.forward, partial), (0.4,))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("sigmoid", ["out = sigmoid(a)", "1 / (1 + e**-a)", "∂out/∂a = out * (1 - out)"]),
        ("div", ["out = a / b", "∂out/∂a = 1 / b", "∂out/∂b = -out / b"]),
    ],
)
def test_help_says_what_a_row_computes_and_its_derivative(name, lines):
    text = pydoc.render_doc(ROWS[name], renderer=pydoc.plaintext)
    assert all(line in text for line in lines)


def test_help_shows_the_operators_of_value_under_their_own_names():
    text = pydoc.render_doc(Value, renderer=pydoc.plaintext)
    for name, meaning in [("__add__", "self + other"), ("__rpow__", "other ** self, other a plain number")]:
        assert f"{name}(self: 'Value', other: " in text
        assert f"      {meaning}\n" in text
    for name, meaning in [("__neg__", "-self"), ("__abs__", "abs(self)"), ("softplus", "softplus(self)")]:
        assert f"{name}(self: 'Value') -> 'Value'\n |      {meaning}\n" in text
    for method in (Value.__add__, Value.__rpow__, Value.__neg__, Value.softplus):
        assert pickle.loads(pickle.dumps(method)) is method
    with pytest.raises(TypeError, match=r"^Value\.sqrt\(\) takes 1 positional argument"):
        Value(1.0).sqrt(2)


def test_the_help_of_log_does_not_promise_the_base_that_math_log_takes():
    assert rules.log.__doc__ == "out = log(a)\n∂out/∂a = 1 / a"
