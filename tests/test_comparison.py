"""compare() finds what is wrong with a gradient derived by hand, names it where it can, and accuses nobody wrongly."""

import math
import sys

import pytest

from autograd_mini import Rule, StaleGraphError, Value, compare, cos, exp, log, relu, sin, sqrt, tanh
from autograd_mini.neuron import closed_form, cost
from autograd_mini.rules import sigmoid


def neuron():
    w, b, x, y = Value(0.5, "w"), Value(2, "b"), Value(3, "x"), Value(0, "y")
    return w, b, x, y, cost(w, b, x, y).named("C")


def slope(z):
    return sigmoid(z) * (1 - sigmoid(z))


def right_w(w, b, x, y):
    return closed_form(w, b, x, y)[0]


def right_b(w, b, x, y):
    return closed_form(w, b, x, y)[1]


FLIPPED = "by hand is -1 times automatic: the sign is flipped"
NO_SLOPE = "by hand lacks the factor ∂v3/∂v2 (v3 = sigmoid(v2))"

# A mistake, the formula for ∂C/∂w with it, the formula for ∂C/∂b with it, and the cause to be named for each ("" where
# none can be named, None where the formula is not wrong by it).
MISTAKES = {
    "sign": (
        lambda w, b, x, y: (y - sigmoid(w * x + b)) * slope(w * x + b) * x,
        lambda w, b, x, y: (y - sigmoid(w * x + b)) * slope(w * x + b),
        FLIPPED,
        FLIPPED,
    ),
    "factor 2": (
        lambda w, b, x, y: 2 * right_w(w, b, x, y),
        lambda w, b, x, y: 2 * right_b(w, b, x, y),
        "by hand is 2 times automatic",
        "by hand is 2 times automatic",
    ),
    "factor 1/2": (
        lambda w, b, x, y: right_w(w, b, x, y) / 2,
        lambda w, b, x, y: right_b(w, b, x, y) / 2,
        "by hand is 1/2 times automatic",
        "by hand is 1/2 times automatic",
    ),
    "sign and factor 2/3": (
        lambda w, b, x, y: -2 * right_w(w, b, x, y) / 3,
        lambda w, b, x, y: -2 * right_b(w, b, x, y) / 3,
        "by hand is -2/3 times automatic",
        "by hand is -2/3 times automatic",
    ),
    "factor π": (
        lambda w, b, x, y: math.pi * right_w(w, b, x, y),
        lambda w, b, x, y: math.pi * right_b(w, b, x, y),
        "by hand is 3.14159 times automatic",
        "by hand is 3.14159 times automatic",
    ),
    "forgot x": (right_b, right_b, "by hand lacks the factor x", None),
    "an extra x": (
        lambda w, b, x, y: right_w(w, b, x, y) * x,
        lambda w, b, x, y: right_b(w, b, x, y) * x,
        "by hand has the factor x too many",
        "by hand has the factor x too many",
    ),
    "forgot the slope of the sigmoid": (
        lambda w, b, x, y: (sigmoid(w * x + b) - y) * x,
        lambda w, b, x, y: sigmoid(w * x + b) - y,
        NO_SLOPE,
        NO_SLOPE,
    ),
    "the slope of the sigmoid twice": (
        lambda w, b, x, y: right_w(w, b, x, y) * slope(w * x + b),
        lambda w, b, x, y: right_b(w, b, x, y) * slope(w * x + b),
        "by hand has the factor ∂v3/∂v2 (v3 = sigmoid(v2)) too many",
        "by hand has the factor ∂v3/∂v2 (v3 = sigmoid(v2)) too many",
    ),
    "forgot y": (
        lambda w, b, x, y: sigmoid(w * x + b) * slope(w * x + b) * x,
        lambda w, b, x, y: sigmoid(w * x + b) * slope(w * x + b),
        "",
        "",
    ),
    "ŷ + y": (
        lambda w, b, x, y: (sigmoid(w * x + b) + y) * slope(w * x + b) * x,
        lambda w, b, x, y: (sigmoid(w * x + b) + y) * slope(w * x + b),
        "",
        "",
    ),
    "σ(x) for σ(z)": (
        lambda w, b, x, y: (sigmoid(x) - y) * slope(x) * x,
        lambda w, b, x, y: (sigmoid(x) - y) * slope(x),
        "",
        "",
    ),
    "z for ŷ": (
        lambda w, b, x, y: (w * x + b - y) * slope(w * x + b) * x,
        lambda w, b, x, y: (w * x + b - y) * slope(w * x + b),
        "",
        "",
    ),
    "lost a square in the slope": (
        lambda w, b, x, y: (sigmoid(w * x + b) - y) * (1 - sigmoid(w * x + b)) * x,
        lambda w, b, x, y: (sigmoid(w * x + b) - y) * (1 - sigmoid(w * x + b)),
        "",
        "",
    ),
    "swapped w and x": (
        lambda w, b, x, y: right_b(w, b, x, y) * w,
        lambda w, b, x, y: right_b(x, b, w, y),
        "",
        None,
    ),
    "sign, and forgot x": (
        lambda w, b, x, y: -right_b(w, b, x, y),
        lambda w, b, x, y: -right_b(w, b, x, y),
        "",
        FLIPPED,
    ),
    "the other parameter's": (right_b, right_w, "by hand lacks the factor x", "by hand has the factor x too many"),
    "0": (lambda: 0, lambda: 0, "", ""),
}


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_reported_with_its_cause_and_with_no_other(mistake, seed):
    w, b, _, _, C = neuron()
    for_w, for_b, *causes = MISTAKES[mistake]
    comparison = compare(C, {w: for_w, b: for_b}, seed=seed)
    assert not comparison
    for row, cause in zip(comparison.rows, causes, strict=True):
        assert row.verdict == ("ok" if cause is None else "WRONG"), row
        assert row.cause == (cause or "")
        assert not cause or cause in repr(comparison)


@pytest.mark.parametrize("mistake", ["forgot y", "ŷ + y"])
def test_one_point_would_have_let_it_pass(mistake):
    w, _, _, _, C = neuron()
    only_here = compare(C, {w: MISTAKES[mistake][0]}, points=0)
    assert only_here
    assert "one point cannot tell" in repr(only_here)
    assert not compare(C, {w: MISTAKES[mistake][0]})
    assert "wrong at 4 of 5 points, right at the recorded one, no single cause fits" in repr(
        compare(C, {w: MISTAKES[mistake][0]})
    )


def test_the_right_formula_passes_and_nothing_of_the_users_changes():
    w, b, x, y, C = neuron()
    C.backward()
    before = [(v.data, v.grad) for v in (w, b, x, y, C)]
    comparison = compare(C, {w: right_w, "b": right_b})
    assert comparison
    assert [row.verdict for row in comparison.rows] == ["ok", "ok"]
    assert [row.automatic for row in comparison.rows] == [w.grad, b.grad]
    assert [(v.data, v.grad) for v in (w, b, x, y, C)] == before


def test_the_report():
    w, b, _, _, C = neuron()
    comparison = compare(C, {w: MISTAKES["sign"][0], b: right_b}, points=2, seed=7, tolerance=1e-8)
    worst = repr(comparison).split("worst relative error ")[1].split(")")[0]
    assert repr(comparison) == (
        "gradients of C at w=0.5, b=2, x=3, y=0 and at 2 more points\n"
        "\n"
        "            by hand     automatic       numeric  hand/auto  rel. error\n"
        "∂C/∂w  -0.082857007   0.082857007   0.082857007    -1.0000     2.0e+00  WRONG\n"
        "∂C/∂b   0.027619002   0.027619002   0.027619002     1.0000     0.0e+00  ok\n"
        "\n"
        f"automatic agrees with numeric (central difference; worst relative error {worst})\n"
        "∂C/∂w: at all 3 points by hand is -1 times automatic: the sign is flipped\n"
        "seed 7; tolerance 1e-08 for by hand, 1e-06 for numeric"
    )
    shown = [abs(row.numeric / row.automatic - 1) for row in comparison.rows]
    assert 0.9 * max(shown) < float(worst) < 1e-7


def test_the_seed_fixes_the_report():
    w, _, _, _, C = neuron()
    first, again, other = (repr(compare(C, {w: MISTAKES["forgot y"][0]}, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first.splitlines()[-2] != other.splitlines()[-2]  # the point at which it is wrong


def test_a_number_is_checked_at_the_recorded_point_only():
    w, b, _, _, C = neuron()
    comparison = compare(C, {w: 0.0828570068345968, b: 2 * 0.027619002278198936})
    assert [row.verdict for row in comparison.rows] == ["ok", "WRONG"]
    assert comparison.rows[1].cause == ""  # -1, 2 or x, who could tell from one point
    assert "more points" not in repr(comparison)
    assert "one point cannot tell" in repr(comparison)
    assert compare(C, {w: 0.0829}, tolerance=1e-3)


def test_a_pytest_assertion_shows_the_table():
    w, _, _, _, C = neuron()
    checked = compare(C, {w: MISTAKES["sign"][0]})
    with pytest.raises(AssertionError, match="the sign is flipped"):
        assert checked, str(checked)


def test_a_factor_that_two_parts_of_the_graph_could_explain_is_not_named():
    a = Value(0.3, "a")
    twice = exp(a) + 0 * log(exp(-a))  # ∂exp(a)/∂a is eᵃ, and so is, but for rounding, the derivative of the logarithm
    assert compare(twice, {a: lambda a: 1}).rows[0][-2:] == ("WRONG", "")
    assert compare(exp(a) + 0, {a: lambda a: 1}).rows[0].cause == "by hand lacks the factor ∂v1/∂a (v1 = exp(a))"


def test_a_cause_that_fails_at_one_point_is_not_named():
    a = Value(3.0, "a")
    comparison = compare(a**2, {a: lambda a: 2 * a if a == 3.0 else -2 * a})
    assert comparison.rows[0][-2:] == ("WRONG", "")
    assert "wrong at 4 of 5 points" in repr(comparison)


# What a formula may ask for, and what is refused.


def test_a_formula_asks_for_leaves_by_the_names_they_are_shown_by():
    x, twin, unnamed = Value(2.0, "x"), Value(5.0, "x"), Value(7.0)
    formulas = {x: lambda x_2, v2: x_2 * v2, twin: lambda v2, x: x * v2, "v2": lambda x, x_2: x * x_2}
    assert compare(x * twin * unnamed, formulas)


def test_a_formula_may_have_defaults_and_be_a_builtin():
    x = Value(2.0, "x")
    assert compare(sin(x), {x: math.cos})
    assert compare(x**3, {x: lambda x, n=3: n * x ** (n - 1)})
    assert compare(3 * x, {x: lambda *, x: 3})


def test_a_label_is_found_however_it_is_typed():
    micro = Value(2.0, "\N{MICRO SIGN}")  # what a keyboard types; Python reads it as the Greek letter in a name
    assert compare(micro**2, {micro: lambda µ: 2 * µ})


@pytest.mark.parametrize(
    ("by_hand", "error", "message"),
    [
        ({"z": 1}, ValueError, "z is no leaf of the graph of C: its leaves are y, w, x, b"),
        ({Value(1, "w"): 1}, ValueError, "Value(1, label='w') is no leaf of the graph of C"),
        ({"w": lambda w, q: q}, ValueError, "the formula for ∂C/∂w asks for q: the leaves are y, w, x, b"),
        ({}, ValueError, "nothing to compare"),
        ({"w": "2 * x"}, TypeError, "expected a real number, not '2 * x'"),
        ({"w": lambda w: Value(w)}, TypeError, "the formula for ∂C/∂w gave a Value"),
        ({"w": lambda w: None}, TypeError, "expected a real number, not None"),
    ],
)
def test_what_makes_no_sense_is_refused(by_hand, error, message):
    C = neuron()[-1]
    with pytest.raises(error) as caught:
        compare(C, by_hand)
    assert message in str(caught.value)


def test_an_inner_node_is_no_leaf():
    w, _, _, _, _ = neuron()
    z = (w * 2).named("z")
    with pytest.raises(ValueError, match="is no leaf of the graph of C: its leaves are w"):
        compare((z + 1).named("C"), {z: 1})


def test_a_stale_graph_is_refused():
    w, _, _, _, C = neuron()
    w.data = 1.0
    with pytest.raises(StaleGraphError, match="w has changed"):
        compare(C, {w: right_w})


# Where numbers deceive.


def paper_w(w, x, y):
    """Right on paper and in floating point: 1 - σ(z) is computed as σ(-z), which loses nothing."""
    return (sigmoid(w * x) - y) * sigmoid(w * x) * sigmoid(-w * x) * x


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("z", [-40, 40])
def test_at_a_saturated_point_the_right_formula_is_not_accused_and_a_wrong_one_is(z, target):
    w, x, y = Value(z / 2, "w"), Value(2, "x"), Value(target, "y")
    C = cost(w, 0, x, y).named("C")
    assert compare(C, {w: paper_w})
    assert compare(C, {w: lambda w, x, y: closed_form(w, 0, x, y)[0]})
    wrong = compare(C, {w: lambda w, x, y: -paper_w(w, x, y)})
    assert wrong.rows[0].verdict == "WRONG"


def test_a_cause_that_only_some_points_can_tell_says_so():
    w, x, y = Value(20, "w"), Value(2, "x"), Value(1, "y")
    C = cost(w, 0, x, y).named("C")
    reports = [repr(compare(C, {w: lambda w, x, y: -paper_w(w, x, y)}, seed=seed)) for seed in range(10)]
    assert any("points that can tell by hand is -1 times automatic" in report for report in reports)


def test_a_numeric_gradient_lost_to_rounding_is_marked():
    w, x, y = Value(-20, "w"), Value(2, "x"), Value(1, "y")
    comparison = compare(cost(w, 0, x, y).named("C"), {w: paper_w})
    assert comparison
    assert not comparison.rows[0].trusted
    assert "~0" in repr(comparison)
    assert "~ ∂C/∂w: the numeric one cannot be trusted here, since its rounding error" in repr(comparison)


def test_where_every_point_is_saturated_nothing_can_be_told():
    w, x, y = Value(400, "w"), Value(2, "x"), Value(1, "y")
    comparison = compare(cost(w, 0, x, y).named("C"), {w: paper_w})
    assert comparison.rows[0].verdict == "unclear"
    assert "cannot be told apart" in repr(comparison)
    assert "∂C/∂w is 0 at all 5 points" in repr(comparison)


@pytest.mark.parametrize("at_kink", [0.0, 1.0, 3.0])
def test_at_a_kink_any_slope_between_those_on_both_sides_is_accepted(at_kink):
    w, x = Value(0.5, "w"), Value(3, "x")
    C = relu(w * x - 1.5).named("C")
    comparison = compare(C, {w: lambda w, x: x if w * x > 1.5 else at_kink if w * x == 1.5 else 0})
    assert comparison
    assert not comparison.rows[0].trusted
    assert "has a kink" in repr(comparison)
    assert compare(C, {w: lambda w, x: -x if w * x > 1.5 else 0}).rows[0].verdict == "WRONG"
    if at_kink:
        assert compare(C, {w: at_kink}).rows[0].verdict == "unclear"


def test_at_the_kink_of_abs_the_numeric_gradient_happens_to_agree():
    a = Value(0, "a")
    assert compare(abs(a), {a: lambda a: 1 if a >= 0 else -1})
    assert not compare(abs(a), {a: lambda a: -1 if a >= 0 else 1})


def test_near_overflow():
    a = Value(709.78, "a")
    comparison = compare(exp(a).named("C"), {a: lambda a: math.exp(a)})
    assert comparison
    assert math.isnan(comparison.rows[0].numeric)
    assert "the output cannot be computed a step to each side" in repr(comparison)
    assert not compare(exp(a).named("C"), {a: lambda a: -math.exp(a)})


def test_a_formula_that_overflows_where_the_graph_does_not_gets_no_verdict():
    w = Value(-800, "w")
    C = sigmoid(w).named("C")
    comparison = compare(C, {w: lambda w: math.exp(-w) / (1 + math.exp(-w)) ** 2})
    assert comparison.rows[0].verdict == "unclear"
    assert "∂C/∂w: the formula gives no finite number at w=-800" in repr(comparison)


def test_a_formula_that_turns_complex_gives_no_number():
    a = Value(-2.0, "a")
    comparison = compare(abs(a).named("C"), {a: lambda a: a**0.5})
    assert comparison.rows[0].verdict != "ok"
    assert "gives no finite number" in repr(comparison)


def test_a_gradient_that_is_truly_zero():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    C = (0 * x + y).named("C")
    assert compare(C, {x: lambda x: 0})
    assert "∂C/∂x is 0 at all 5 points" in repr(compare(C, {x: lambda x: 0}))
    assert "-0" not in repr(compare(C, {x: lambda x: -0.0})).splitlines()[3]
    wrong = compare(C, {x: lambda x: x})
    assert wrong.rows[0].verdict == "WRONG"
    assert "is 0 at all" not in repr(wrong) + repr(compare(C, {x: 0}))
    assert compare(sin(x) ** 2 + cos(x) ** 2, {x: lambda: 0})


def test_a_gradient_that_only_rounding_keeps_from_being_zero():
    a, shift = Value(0.3, "a"), Value(0.1, "shift")  # a shift of all logits does not change their softmax
    C = (log(exp(a + shift) + exp(0.7 + shift)) - (a + shift)).named("C")
    automatic = compare(C, {shift: lambda: 0})
    assert automatic
    assert any(row.automatic for row in automatic.rows) or "is 0 at all" not in repr(automatic)
    assert compare(C, {shift: lambda: 1e-6}).rows[0].verdict == "WRONG"


def test_a_wrong_rule_is_not_blamed_on_the_formula():
    cube = Rule("cube", lambda a: a**3, lambda out, a: 2 * a**2)
    x = Value(2.0, "x")
    comparison = compare(cube(x).named("C"), {x: lambda x: 3 * x**2})
    assert not comparison
    assert comparison.rows[0].verdict == "unclear"
    assert "automatic 8 DISAGREES with numeric 12 at x=2" in repr(comparison)
    assert repr(comparison).count("by hand agrees with numeric") == 1
    assert "automatic agrees" not in repr(comparison)


def test_a_rule_that_is_wrong_elsewhere_is_found_whatever_the_formula_says():
    cube = Rule("cube", lambda a: a**3, lambda out, a: 6 * a)  # right at 2
    x, y = Value(2.0, "x"), Value(5.0, "y")
    C = (cube(x) + y).named("C")
    comparison = compare(C, {x: 12.0, y: lambda y: 1})
    assert [row.verdict for row in comparison.rows] == ["unclear", "ok"]
    assert "one point cannot tell" in repr(comparison)
    assert compare(C, {x: lambda x: 0 * x}).rows[0].verdict == "unclear"
    assert "0 by hand, 12 automatic" not in repr(compare(C, {x: lambda x: 0 * x}))


def test_numbers_too_small_to_have_all_their_digits_are_not_compared_digit_by_digit():
    a, k = Value(1.0, "a"), Value(1e-310, "k")
    assert compare(a * k, {a: 1.00001e-310})
    assert not compare(a * k, {a: 1e-300})


def test_numbers_that_the_last_bit_takes_to_infinity_get_no_verdict():
    largest = Rule("largest", lambda a: sys.float_info.max, lambda out, a: 1)
    a = Value(1.0, "a")
    assert compare(largest(a), {a: 5}).rows[0].verdict == "unclear"
    assert "DISAGREES" not in repr(compare(largest(a), {a: 5}))


# Where the points come from.


def test_points_stay_where_the_graph_can_be_computed():
    leaves = [Value(0.01 * k, f"a{k}") for k in range(1, 20)]
    C = sum((log(leaf) + sqrt(leaf) for leaf in leaves), Value(0.0, "start")).named("C")
    comparison = compare(C, {leaves[4]: lambda a5: 1 / a5 + 0.5 / math.sqrt(a5)})
    assert comparison
    assert "and at 4 more points" in repr(comparison)
    assert repr(comparison).splitlines()[0].count("=") == 8
    assert ", … and at" in repr(comparison)


def test_where_no_other_point_is_found_the_report_says_so():
    def only_here(a):
        if a != 1.0:
            raise ValueError("only at 1")
        return a

    a = Value(1.0, "a")
    comparison = compare(Rule("only", only_here, lambda out, a: 1)(a).named("C"), {a: lambda a: 1})
    assert "only 0 of 4 more points: C could not be computed" in repr(comparison)
    assert "one point cannot tell" in repr(comparison)
    assert "automatic is checked by nothing here" in repr(comparison)


def test_every_leaf_moves_away_from_its_recorded_number():
    seen = []
    x, y = Value(0.0, "x"), Value(1e6, "y")
    compare(x * y, {x: lambda x, y: seen.append((x, y)) or y}, points=20)
    assert len(seen) == 21
    assert all(0.25 <= abs(a) <= 1 and 0.25e6 <= abs(b - 1e6) <= 1e6 for a, b in seen[1:])


# Size.


def wide_graph(parameters, nodes):
    leaves = [Value(math.sin(k), f"p{k}") for k in range(parameters)]
    values = list(leaves)
    for k in range(nodes):
        values.append(tanh(values[-1] + values[(k * 7919) % len(values)]))
    return leaves, values[-1].named("C")


def test_a_deep_graph_needs_no_recursion():
    leaves, C = wide_graph(3, 2 * sys.getrecursionlimit())
    C.backward()
    assert compare(C, {leaf: leaf.grad for leaf in leaves})


def test_only_the_dependants_of_a_leaf_are_computed_again():
    calls = []
    counted = Rule("counted", lambda a: calls.append(a) or a, lambda out, a: 1)
    a, b = Value(1.0, "a"), Value(2.0, "b")
    C = counted(a) + b
    calls.clear()
    compare(C, {b: 1.0})
    compare_b = len(calls)
    calls.clear()
    compare(C, {a: 1.0})
    assert len(calls) == compare_b + 2  # at a + h and a - h


@pytest.mark.parametrize("terminal", [True, False])
def test_a_progress_line_shows_on_a_terminal_after_a_second(monkeypatch, capsys, terminal):
    clock = iter(range(100))
    monkeypatch.setattr("autograd_mini.comparison.monotonic", lambda: next(clock))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    w, b, x, y, C = neuron()
    compare(C, {w: right_w, b: right_b, x: 1, y: 1})
    out, err = capsys.readouterr()
    assert out == ""
    if terminal:
        assert err.startswith("\rcompare: 1 of 4 gradients\rcompare: 2 of 4 gradients")
        assert err.endswith(" \r")
    else:
        assert err == ""


def test_a_formula_without_a_return_is_named():
    w = Value(2.0, "w")
    with pytest.raises(TypeError, match=r"the formula for ∂C/∂w gave no number: expected a real number, not None"):
        compare((w * w).named("C"), {w: lambda w: None})
