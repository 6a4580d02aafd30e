"""gradient(): the derivatives as graphs, of any order, with the numbers of backward()."""

import math

import pytest
from random_graphs import numeric_derivative, random_graph

from autograd_mini import StaleGraphError, Value, exp, gradient, log, rules, sigmoid, sin, sqrt, tanh
from autograd_mini.graph import topological_order
from autograd_mini.neuron import cost


def derivatives(output, x, count):
    """The first, second, … derivative of the output by x, as numbers."""
    numbers = []
    for _ in range(count):
        (output,) = gradient(output, [x])
        numbers.append(output.data)
    return numbers


@pytest.mark.parametrize("seed", range(12))
def test_gradient_has_the_numbers_of_backward(seed):
    output, leaves = random_graph(seed, 50)
    output.backward()
    order = topological_order(output)
    assert [value.data for value in gradient(output, order)] == [node.grad for node in order]
    assert len(gradient(output, leaves)) == len(leaves)


@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_of_a_random_graph_has_a_gradient_that_agrees_with_differences(seed):
    output, leaves = random_graph(seed, 30)
    for first in gradient(output, leaves):
        for leaf, second in zip(leaves, gradient(first, leaves), strict=True):
            assert second.data == pytest.approx(numeric_derivative(first, leaf), rel=1e-6, abs=1e-6)


def test_the_results_are_values_in_the_order_asked_for():
    x, y = Value(2.0), Value(3.0)
    C = x * x * y
    dx, dy = gradient(C, [x, y])
    assert (type(dx), type(dy), dx.data, dy.data) == (Value, Value, 12, 4)
    assert [value.data for value in gradient(C, (y, x, y))] == [4, 12, 4]
    assert gradient(C, []) == []
    assert [value.data for value in gradient(C, iter([x, y]))] == [12, 4]


def test_an_input_that_the_output_does_not_depend_on_has_the_derivative_0():
    x, y = Value(2.0), Value(3.0)
    later = x * y
    assert [value.data for value in gradient(x * x, [y, later, x])] == [0, 0, 4]


def test_a_node_between_is_an_input_like_a_leaf():
    x = Value(2.0)
    inner = x * 3
    assert gradient(inner**2, [inner])[0].data == 12


def test_of_an_output_by_itself_it_is_1():
    x = Value(2.0)
    C = x * x
    assert gradient(C, [C])[0].data == 1
    assert gradient(x, [x])[0].data == 1


def test_a_constant_derivative_can_be_differentiated_again():
    x = Value(2.0)
    assert derivatives(3 * x, x, 3) == [3, 0, 0]
    assert derivatives(x, x, 2) == [1, 0]
    assert derivatives(x + 1, x, 2) == [1, 0]
    assert derivatives(5 - x, x, 2) == [-1, 0]
    assert derivatives(-x, x, 2) == [-1, 0]
    assert derivatives(x - x, x, 2) == [0, 0]
    assert derivatives(Value(1.0) * 2, x, 2) == [0, 0]
    (slope,) = gradient(3 * x, [x])
    slope.backward()
    assert slope.grad == 1


def test_the_derivative_of_a_product_is_the_other_factor_itself():
    w, x = Value(0.5), Value(3.0)
    assert gradient(w * x, [w, x]) == [x, w]


@pytest.mark.parametrize("point", [-1.2, 0.0, 0.3, 2.0])
def test_tanh_to_third_order(point):
    x = Value(point)
    t = math.tanh(point)
    expected = [1 - t**2, -2 * t * (1 - t**2), (6 * t**2 - 2) * (1 - t**2)]
    assert derivatives(tanh(x), x, 3) == pytest.approx(expected, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("point", [-3.0, 0.0, 0.7, 5.0])
def test_sigmoid_to_third_order(point):
    x = Value(point)
    s = 1 / (1 + math.exp(-point))
    slope = s * (1 - s)
    expected = [slope, slope * (1 - 2 * s), slope * (1 - 6 * s + 6 * s**2)]
    assert derivatives(sigmoid(x), x, 3) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("point", [-1.5, 0.0, 2.0])
def test_a_fifth_power_to_sixth_order(point):
    x = Value(point)
    expected = [5 * point**4, 20 * point**3, 60 * point**2, 120 * point, 120, 0]
    assert derivatives(x**5, x, 6) == expected


def test_other_functions_to_third_order():
    x = Value(0.6)
    a = 0.6
    for output, expected in [
        (exp(2 * x), [k * math.exp(2 * a) for k in (2, 4, 8)]),
        (log(x), [1 / a, -1 / a**2, 2 / a**3]),
        (1 / x, [-1 / a**2, 2 / a**3, -6 / a**4]),
        (sqrt(x), [0.5 * a**-0.5, -0.25 * a**-1.5, 0.375 * a**-2.5]),
        (sin(x), [math.cos(a), -math.sin(a), -math.cos(a)]),
        (2**x, [math.log(2) ** k * 2**a for k in (1, 2, 3)]),
        (x**x, [a**a * (L := math.log(a) + 1), a**a * (L**2 + 1 / a), a**a * (L**3 + 3 * L / a - 1 / a**2)]),
        (abs(x - 1) ** 3, [-3 * (1 - a) ** 2, 6 * (1 - a), -6]),
    ]:
        assert derivatives(output, x, 3) == pytest.approx(expected, rel=1e-13, abs=0)


def test_the_second_derivatives_of_the_neuron():
    w, b, x, y = Value(0.5), Value(2.0), Value(3.0), Value(0.25)
    gw, gb = gradient(cost(w, b, x, y), [w, b])
    p = 1 / (1 + math.exp(-3.5))
    slope = p * (1 - p)
    assert [gw.data, gb.data] == pytest.approx([(p - 0.25) * slope * 3, (p - 0.25) * slope], rel=1e-13, abs=0)
    curvature = slope**2 + (p - 0.25) * slope * (1 - 2 * p)  # ∂²C/∂z²
    assert [value.data for value in gradient(gw, [w, b])] == pytest.approx(
        [9 * curvature, 3 * curvature], rel=1e-13, abs=0
    )
    assert [value.data for value in gradient(gb, [w, b])] == pytest.approx([3 * curvature, curvature], rel=1e-13, abs=0)
    # ∂²C/∂w∂x: by the product rule, ŷ's slope once more and the factor x itself.
    assert gradient(gw, [x])[0].data == pytest.approx(3 * 0.5 * curvature + (p - 0.25) * slope, rel=1e-13, abs=0)
    assert gradient(gw, [y])[0].data == pytest.approx(-3 * slope, rel=1e-13, abs=0)


def test_mixed_second_derivatives_do_not_depend_on_the_order():
    x, y = Value(0.7), Value(1.3)
    C = sin(x * y) * exp(x / y)
    dx, dy = gradient(C, [x, y])
    assert gradient(dx, [y])[0].data == pytest.approx(gradient(dy, [x])[0].data, rel=1e-14, abs=0)


def test_a_cost_may_contain_a_gradient():
    x = Value(2.0)
    (slope,) = gradient(x**3, [x])
    C = slope**2 + x
    C.backward()
    assert x.grad == 36 * 2**3 + 1


def test_no_grad_changes():
    x = Value(2.0)
    C = (x * x).named("C")
    x.grad, C.grad = 5.0, 7.0
    (slope,) = gradient(C, [x])
    gradient(slope, [x])
    assert (x.grad, C.grad, C.label, x.label) == (5, 7, "C", None)


def test_the_output_still_can_be_called_backward_on():
    x = Value(2.0)
    C = x**3
    gradient(C, [x])
    C.backward()
    assert x.grad == 12


def test_factors_of_1_leave_no_node():
    w, b, x = Value(0.5, "w"), Value(2.0, "b"), Value(3.0, "x")
    dw, db = gradient(w * x + b, [w, b])
    assert dw is x
    assert (db.data, db.operands) == (1, ())
    assert gradient(x**2, [x])[0].operands == (2, x)  # without an x ** 1
    assert repr(gradient((w * x + b) ** 2, [b])[0]) == "Value(7 = 2 * 3.5)"


def test_gradient_raises_what_backward_raises():
    x = Value(2.0, "x")
    C = (x * x).named("C")
    x.data = 3.0
    with pytest.raises(StaleGraphError, match="C = x \\* x was recorded as 4 but is 9 now: x has changed, compute C"):
        gradient(C, [x])
    with pytest.raises(FloatingPointError, match="v1 = a \\* 10 is inf at a = 1e\\+308: there is no derivative"):
        gradient(Value(1e308, "a") * 10 * x, [x])
    with pytest.raises(FloatingPointError, match="x is nan: there is no derivative"):
        gradient(Value(math.nan, "x") * 2, [x])
    with pytest.raises(ZeroDivisionError, match=r"s = sqrt\(x\) is not differentiable with respect to x at x = 0: "):
        gradient(sqrt(Value(0.0, "x")).named("s"), [x])


def test_a_changed_leaf_makes_the_gradient_stale_too():
    x = Value(2.0, "x")
    (slope,) = gradient(x**3, [x])
    x.data = 3.0
    with pytest.raises(StaleGraphError):
        slope.backward()
    with pytest.raises(StaleGraphError):
        gradient(slope, [x])


def test_a_derivative_that_is_a_leaf_s_number_follows_the_leaf():
    w, x = Value(0.5), Value(3.0)
    (dw,) = gradient(w * x, [w])
    x.data = 4.0
    assert dw.data == 4


def test_a_deep_chain_is_differentiated_twice():
    x = Value(1.0)
    node = x
    for _ in range(800):  # two nodes each
        node = node * x * 0.9999 if node.data > 0.5 else node + x
    (slope,) = gradient(node, [x])
    node.backward()
    assert slope.data == x.grad
    (second,) = gradient(slope, [x])
    slope.backward()
    assert second.data == x.grad


def test_a_gradient_that_overflows_is_refused():
    a = Value(1e-200, "a")
    with pytest.raises(FloatingPointError, match="∂v2/∂a is -inf: the gradient is not finite"):
        gradient(1 / a / 1e200, [a])


def test_the_sign_of_a_zero_is_that_of_backward():
    x, u = Value(1.1, "x"), Value(-0.3, "u")
    C = rules.sign(x) * u + rules.step(x)
    C.backward()
    (slope,) = gradient(C, [x])
    assert slope.data.hex() == x.grad.hex()
