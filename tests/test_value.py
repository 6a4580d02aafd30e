"""Value by itself: what it is made of, what its operators record, what they refuse, and how it is shown."""

import math
import operator
import re
from decimal import Decimal
from fractions import Fraction

import pytest
import refusals

from autograd_mini import Value, cos, exp, log, sigmoid, softplus, sqrt, tanh

ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge]


def by_name(functions):
    return [pytest.param(function, id=function.__name__) for function in functions]


# Making one.


@pytest.mark.parametrize("data", [2, 2.5, -0.0, Fraction(1, 3), Decimal("0.1"), 10**20, math.inf])
def test_any_real_number_becomes_a_float(data):
    value = Value(data)
    assert type(value.data) is float
    assert value.data == float(data)
    value.data = 7
    value.data = data
    assert type(value.data) is float
    assert value.data == float(data)


REFUSED = [
    (True, "True (bool): pass float(...) of it"),
    ("2", "'2' (str): pass float(...) of it"),
    (None, "None (NoneType): pass an int or a float"),
    (1j, "1j (complex): pass an int or a float"),
    ([1.0, 2.0], "[1.0, 2.0] (list): pass its numbers one by one, each in a Value of its own"),
    ((1, 2), "(1, 2) (tuple): pass its numbers one by one, each in a Value of its own"),
    ([0.0] * 1000, "[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, ...] (list): pass its numbers one by one"),
]


@pytest.mark.parametrize(
    ("data", "message"), [*REFUSED, (Value(2, "w"), "Value(2, label='w') (Value): pass its .data")], ids=repr
)
def test_anything_else_is_refused_with_what_to_pass(data, message):
    value = Value(1.5)
    with pytest.raises(TypeError, match=re.escape(f"expected a real number, not {message}")):
        Value(data)
    with pytest.raises(TypeError, match=re.escape(f"expected a real number, not {message}")):
        value.data = data
    with pytest.raises(TypeError, match=re.escape(f"expected a real number, not {message}")):
        value.backward(data)
    assert (value.data, value.grad) == (1.5, 0)


def test_a_label_is_a_str():
    x = Value(2.0, "x")
    with pytest.raises(TypeError, match="the label of a Value is a str, not 3"):
        Value(2, 3)
    with pytest.raises(TypeError, match="the label of a Value is a str, not 5"):
        x.label = 5
    with pytest.raises(TypeError, match="the label of a Value is a str, not 7"):
        x.named(7)
    assert x.label == "x"


def test_a_new_value_is_a_leaf_without_gradient():
    w = Value(0.5, "w")
    assert (w.data, w.grad, w.label, w.operands, w.partials) == (0.5, 0.0, "w", (), ())
    assert type(w.grad) is float
    assert Value(2).label is None


def test_a_label_can_be_set_and_named_returns_the_value():
    z = Value(2) * 3
    assert z.label is None
    assert z.named("z") is z
    assert z.label == "z"
    z.label = "u"
    assert repr(z) == "Value(6 = 2 * 3, label='u')"


def test_a_misspelt_attribute_is_an_error():
    w = Value(2)
    with pytest.raises(AttributeError, match="gard"):
        w.gard = 1
    with pytest.raises(AttributeError, match="gard"):
        float(w.gard)
    assert not hasattr(w, "__dict__")


def test_the_data_of_an_operation_cannot_be_set():
    w = Value(2, "w")
    z = (w * 3).named("z")
    message = "Value(6 = w * 3, label='z') is computed from its operands: set the data of a leaf (w.data -= …, not w -= …) and compute it again"
    with pytest.raises(AttributeError, match=re.escape(message)):
        z.data = 7
    assert z.data == 6


@pytest.mark.parametrize("name", ["operands", "partials"])
def test_what_an_operation_recorded_cannot_be_set(name):
    with pytest.raises(AttributeError):
        setattr(Value(2) * 3, name, ())


# Operators.


@pytest.mark.parametrize("operate", by_name(ARITHMETIC))
def test_operators_compute_what_python_does_and_keep_their_operands_in_order(operate):
    for a, b in [(2.5, 1.25), (0.3, -0.7), (7.0, 3.0)]:
        left, right = Value(a), Value(b)
        for first, second in [(left, right), (left, b), (a, right)]:
            result = operate(first, second)
            assert result.data == operate(a, b)
            assert result.operands == (first, second)
            assert result.grad == 0
            assert result.label is None


@pytest.mark.parametrize("operate", by_name(ARITHMETIC))
def test_plain_numbers_on_either_side_become_floats_inside_the_graph(operate):
    x = Value(1.7)
    for number in (2, Fraction(1, 3), Decimal("1.5")):
        left, right = operate(number, x), operate(x, number)
        assert left.data == operate(float(number), 1.7)
        assert right.data == operate(1.7, float(number))
        for constant in (left.operands[0], right.operands[1]):
            assert type(constant) is float
            assert constant == float(number)


@pytest.mark.parametrize("operate", by_name(ARITHMETIC))
def test_operators_refuse_what_value_refuses(operate):
    x = Value(1.5, "x")
    for data, text in REFUSED:
        shown = text.split(": ")[0] if data is not None else "None"
        for operands in [(x, data), (data, x)]:
            assert f"at x = 1.5: expected a real number, not {shown}" in refusals.message(TypeError, operate, *operands)


def test_the_message_of_a_refused_operand_tells_the_operation_and_what_to_pass():
    x = Value(1.5, "x")
    message = "x - [1] at x = 1.5: expected a real number, not [1] (list): pass its numbers one by one"
    with pytest.raises(TypeError, match=re.escape(message)):
        x - [1]
    with pytest.raises(
        TypeError, match=re.escape("'2' - x at x = 1.5: expected a real number, not '2' (str): pass float")
    ):
        "2" - x


@pytest.mark.parametrize("operate", by_name([operator.floordiv, operator.mod, operator.matmul, operator.and_]))
def test_operators_without_a_row_are_python_s_type_error(operate):
    with pytest.raises(TypeError, match="unsupported operand"):
        operate(Value(2), Value(3))


def test_unary_operators():
    x = Value(-2.5)
    assert ((-x).data, abs(x).data) == (2.5, 2.5)
    assert (-x).operands == abs(x).operands == (x,)


def test_a_value_times_itself_has_two_edges():
    x = Value(3)
    square = x * x
    assert square.operands == (x, x)
    assert square.partials == (3, 3)


def test_minus_and_division_are_operations_of_their_own():
    assert (Value(49) / Value(49)).data == 1 != 49.0 * 49.0**-1
    assert repr(Value(5, "a") / Value(3, "b")) == "Value(1.66667 = a / b)"
    assert repr(Value(5, "a") - Value(3, "b")) == "Value(2 = a - b)"


def test_sum_leaves_no_stray_zero():
    a, b, c = Value(1), Value(2), Value(3)
    total = sum([a, b, c])
    (first, last) = total.operands
    assert last is c
    assert first.operands == (a, b)
    assert sum([a]) is a
    assert (0.0 + a).operands == (0.0, a)  # an addition that somebody wrote
    assert (a + 0).operands == (a, 0.0)


def test_augmented_assignment_makes_a_new_value():
    x = Value(3)
    z = x
    z += 1
    z *= 2
    assert (x.data, z.data) == (3, 8)
    z.backward()
    assert x.grad == 2


def test_partials_are_the_local_derivatives_in_order():
    w, x = Value(0.5), Value(3)
    assert (w * x).partials == (3, 0.5)
    assert (w - x).partials == (1, -1)
    assert (w / x).partials == (1 / 3, -(0.5 / 3) / 3)
    assert (x**w).partials == (0.5 * 3**-0.5, 3**0.5 * math.log(3))
    assert exp(x).partials == (math.exp(3),)
    assert all(type(partial) is float for partial in (*(w + x).partials, *(-x).partials, (x**0).partials[0]))


def test_partials_are_none_for_plain_numbers():
    x = Value(3)
    assert (2 * x).partials == (None, 2)
    assert (x * 2).partials == (2, None)
    assert (x**2).partials == (6, None)
    assert (Value(-2.0) ** 2).partials == (-4, None)


def test_partials_raise_where_there_is_no_derivative():
    with pytest.raises(ZeroDivisionError):
        list(sqrt(Value(0)).partials)


# Reading a number.


@pytest.mark.parametrize("compare", by_name(COMPARISONS))
def test_comparisons_read_the_data(compare):
    for a, b in [(1, 2), (2, 1), (2, 2)]:
        for first, second in [
            (Value(a), Value(b)),
            (Value(a), b),
            (a, Value(b)),
            (Value(a), Fraction(b)),
            (Decimal(a), Value(b)),
        ]:
            assert compare(first, second) is compare(a, b)


@pytest.mark.parametrize("compare", by_name(COMPARISONS))
def test_comparisons_refuse_what_is_no_number(compare):
    with pytest.raises(TypeError, match="expected a real number, not '2' \\(str\\): pass float"):
        compare(Value(2), "2")


def test_equality_and_hash_are_those_of_the_node():
    a, b = Value(2), Value(2)
    assert a == a
    assert a != b
    assert a != 2
    assert len({a, b, a}) == 2
    assert {a: "a", b: "b"}[a] == "a"
    a.data = 5
    assert a in {a}


def test_a_value_is_read_where_python_wants_a_float():
    x = Value(0.25)
    assert float(x) == 0.25
    assert math.sqrt(x) == 0.5
    assert max(Value(3), Value(5), Value(4)).data == 5
    assert f"{float(x):.1f}" == "0.2"


# How it is shown.


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Value(2), "Value(2)"),
        (Value(1 / 3, "t"), "Value(0.333333, label='t')"),
        (Value(2, "a") + 1, "Value(3 = a + 1)"),
        (Value(2) * Value(1 / 3), "Value(0.666667 = 2 * 0.333333)"),
        (0.1 - Value(2, "a"), "Value(-1.9 = 0.1 - a)"),
        (Value(2, "a") ** -1, "Value(0.5 = a ** -1)"),
        (Value(-2.0) ** 2, "Value(4 = (-2) ** 2)"),
        (-Value(2, "a"), "Value(-2 = -a)"),
        (abs(Value(-2, "a")), "Value(2 = abs(a))"),
        (tanh(Value(0, "a")).named("t"), "Value(0 = tanh(a), label='t')"),
        (Value(2, "it's"), 'Value(2, label="it\'s")'),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_repr_shows_the_number_the_operation_and_the_label(value, text):
    assert repr(value) == text


def test_repr_shows_the_gradient_once_there_is_one():
    x = Value(3, "x")
    C = (x * x).named("C")
    C.backward()
    assert repr(x) == "Value(3, label='x', grad=6)"
    assert repr(C) == "Value(9 = x * x, label='C', grad=1)"


def test_repr_of_a_deep_graph_shows_one_operation():
    z = Value(1, "w")
    for _ in range(10_000):
        z = z + 1
    assert repr(z) == "Value(10001 = 10000 + 1)"


# Errors of arithmetic: Python's own, and where they came from.

MINUS = Value(-1.0, "w")
ZERO = Value(0.0, "x")
BIG = Value(1000.0, "k")


@pytest.mark.parametrize(
    ("operation", "error", "message"),
    [
        (lambda: log(MINUS), ValueError, "log(w) at w = -1.0: "),
        (lambda: log(ZERO), ValueError, "log(x) at x = 0.0: "),
        (lambda: MINUS.sqrt(), ValueError, "sqrt(w) at w = -1.0: "),
        (lambda: sqrt(Value(-4)), ValueError, "sqrt(-4.0): "),
        (lambda: MINUS / ZERO, ZeroDivisionError, "w / x at w = -1.0, x = 0.0: "),
        (lambda: MINUS / 0, ZeroDivisionError, "w / 0 at w = -1.0: "),
        (lambda: 1 / ZERO, ZeroDivisionError, "1 / x at x = 0.0: "),
        (lambda: ZERO**-1, ZeroDivisionError, "x ** -1 at x = 0.0: "),
        (lambda: 0**MINUS, ZeroDivisionError, "0 ** w at w = -1.0: "),
        (lambda: MINUS**0.5, ValueError, "w ** 0.5 at w = -1.0: a negative number to a fractional power is complex"),
        (lambda: (-2.0) ** Value(0.5, "n"), ValueError, "(-2.0) ** n at n = 0.5: a negative number to a fractional"),
        (lambda: Value(-2.0) ** Value(0.5), ValueError, "(-2.0) ** 0.5: a negative number to a fractional power"),
        (lambda: exp(BIG), OverflowError, "exp(k) at k = 1000.0: "),
        (lambda: BIG**BIG, OverflowError, "k ** k at k = 1000.0: "),
        (lambda: BIG**1000, OverflowError, "k ** 1000 at k = 1000.0: "),
        (lambda: cos(Value(math.inf, "t")), ValueError, "cos(t) at t = inf: "),
    ],
)
def test_errors_name_the_operation_the_labels_and_the_numbers(operation, error, message):
    with pytest.raises(error) as caught:
        operation()
    assert caught.type is error
    assert str(caught.value).startswith(message)
    assert re.search("[a-z]{4}", str(caught.value).partition(": ")[2])  # a reason in words


def test_an_int_too_large_for_a_float_says_so():
    with pytest.raises(OverflowError):
        Value(10**400)
    with pytest.raises(OverflowError, match=re.escape("at x = 0.0: int too large")):
        ZERO + 10**400


def test_sigmoid_and_softplus_never_overflow():
    assert [sigmoid(Value(z)).data for z in (1e4, -1e4, 1e308, -1e308)] == [1, 0, 1, 0]
    assert [softplus(Value(z)).data for z in (1e4, -1e4)] == [1e4, 0]


# NumPy, where it is installed.


@pytest.fixture
def numpy():
    return pytest.importorskip("numpy")


def test_numpy_scalars_are_real_numbers(numpy):
    for kind in ("float64", "float32", "float16", "longdouble", "int64", "int8", "uint8"):
        number = getattr(numpy, kind)(2)
        assert type(Value(number).data) is float
        w = Value(3.0)
        w.data = number
        assert type(w.data) is float
        assert w.data == 2
        w.backward(number)
        assert w.grad == 2


@pytest.mark.parametrize("operate", by_name(ARITHMETIC))
def test_numpy_scalars_stand_on_either_side_of_an_operator(numpy, operate):
    for kind in ("float64", "float32", "float16", "longdouble", "int64"):
        w, number = Value(3.0), getattr(numpy, kind)(2)
        right, left = operate(w, number), operate(number, w)
        assert type(right) is type(left) is Value, kind
        assert type(right.data) is type(left.data) is float, kind
        assert (right.data, left.data) == (operate(3.0, 2.0), operate(2.0, 3.0))
        assert right.operands == (w, 2.0)
        assert left.operands == (2.0, w)


@pytest.mark.parametrize("compare", by_name(COMPARISONS))
def test_numpy_scalars_are_compared_with_values(numpy, compare):
    for kind in ("float64", "float32", "int64"):
        for data in (1.0, 2.0, 3.0):
            w, number = Value(data), getattr(numpy, kind)(2)
            assert compare(w, number) is compare(data, 2.0), kind
            assert compare(number, w) is compare(2.0, data), kind


@pytest.mark.parametrize("operate", by_name(ARITHMETIC + COMPARISONS))
def test_numpy_arrays_are_refused(numpy, operate):
    w, array = Value(3.0, "w"), numpy.array([1.0, 2.0])
    message = re.escape("expected a real number, not array([1., 2.]) (ndarray): pass its numbers one by one")
    with pytest.raises(TypeError, match=message):
        operate(w, array)
    with pytest.raises(TypeError, match=message):
        operate(array, w)


def test_a_numpy_array_or_bool_makes_no_value(numpy):
    for data in (numpy.array([1.0]), numpy.array(1.0), numpy.zeros((2, 2)), numpy.bool_(True)):
        with pytest.raises(TypeError, match="expected a real number, not "):
            Value(data)


def test_a_value_is_formatted_as_its_number():
    w = Value(2.0, "w")
    assert f"{w:.3f}" == "2.000"
    assert f"{w}" == repr(w)


# What Python asks of a number.


def test_plus_and_round():
    w = Value(2.675, "w")
    assert +w is w
    assert round(w, 2) == round(2.675, 2)
    assert (round(w), type(round(w))) == (3, int)


def test_a_node_says_by_which_rule_it_was_computed():
    w = Value(2.0, "w")
    assert w.rule is None
    assert [node.rule.symbol for node in (w * 2, 2 - w, -w, w**2, exp(w), w.exp(), abs(w))] == [
        "*", "-", "-", "**", "exp", "exp", "abs",
    ]  # fmt: skip
    assert exp(w).rule is exp


def test_the_rule_of_a_node_cannot_be_set():
    w = Value(2.0, "w")
    C = w * w
    with pytest.raises(AttributeError):
        C.rule = (w + w).rule
    with pytest.raises(AttributeError):
        w.rule = C.rule
