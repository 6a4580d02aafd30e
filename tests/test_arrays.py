"""Programs on arrays: NumPy's and JAX's numbers are those of the float program at every point, and dask's are lazy."""

import copy
import difflib
import math
import multiprocessing
import pickle
import random
from concurrent.futures import ProcessPoolExecutor

import pytest
from random_graphs import RULES, random_graph

from autograd_mini import Program, Rule, Value, exp, neuron, relu, sigmoid, softplus

numpy = pytest.importorskip("numpy")

POINTS = 20


@pytest.fixture
def jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    return jax


@pytest.fixture(params=["numpy", "jax.numpy", "dask.array"])
def library(request):
    if request.param == "jax.numpy":
        return request.getfixturevalue("jax").numpy
    return pytest.importorskip(request.param)


def recorded():
    """The neuron, for all four of its leaves."""
    w, b, x, y = (Value(number, label) for number, label in ((0.5, "w"), (2.0, "b"), (3.0, "x"), (0.0, "y")))
    return Program(neuron.cost(w, b, x, y).named("C"), [w, b, x, y], wrt=[w, b])


def data(points):
    """Inputs, and what a neuron with w = 1.5 and b = -0.7 says to them."""
    xs = numpy.random.default_rng(0).normal(0.0, 2.0, points)
    return xs, 1 / (1 + numpy.exp(0.7 - 1.5 * xs))


def as_rows(result, points=POINTS):
    """A result as an array with one row for each point, and the output in front of its derivatives."""
    output, derivatives = result
    return numpy.stack([numpy.broadcast_to(numpy.asarray(each), points) for each in (output, *derivatives)], axis=1)


def points_near(program, leaves, seed):
    """Points around the recorded one at which the program has a number, and these numbers."""
    rng = random.Random(seed)
    points, results = [], []
    while len(points) < POINTS:
        point = [leaf.data * rng.uniform(0.9, 1.1) for leaf in leaves]
        try:
            output, derivatives = program(*point)
        except (ArithmeticError, ValueError):
            continue  # beyond the border of a domain
        points.append(point)
        results.append([output, *derivatives])
    return numpy.array(points).T, numpy.array(results)


def assert_close(found, expected):
    # The libraries' exp, sin and ** differ from Python's in the last bit, and where terms cancel, the rest differs more.
    numpy.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("block", range(10))
def test_numpy_has_the_numbers_of_the_float_program(block):
    equal = numbers = 0
    for seed in range(20 * block, 20 * (block + 1)):
        output, leaves = random_graph(seed, 20)
        program = Program(output, leaves)
        points, expected = points_near(program, leaves, seed)
        found = as_rows(program.on(numpy)(*points))
        assert_close(found, expected)
        equal += (found == expected).sum()
        numbers += expected.size
    assert equal > 0.8 * numbers  # to the bit


def test_jax_has_the_numbers_of_the_float_program_and_finds_the_same_derivatives(jax):
    """Compiled, vectorised; and jax.grad of the printed forward pass against the printed backward pass."""
    for seed in range(5):
        output, leaves = random_graph(seed, 20)
        program = Program(output, leaves)
        points, expected = points_near(program, leaves, seed)
        on_jax = program.on(jax.numpy)
        assert_close(as_rows(jax.jit(on_jax)(*points)), expected)
        assert_close(as_rows(jax.jit(jax.vmap(on_jax))(*points)), expected)
        gradient = jax.grad(lambda *point, on_jax=on_jax: on_jax(*point)[0], range(len(leaves)))
        assert_close(numpy.stack(jax.jit(jax.vmap(gradient))(*points), axis=1), expected[:, 1:])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.symbol)
def test_each_row_of_the_table(rule, library):
    """Where Python raises an error, because there is no number or it is too large, an array has nan or inf."""
    a, b = Value(0.6, "a"), Value(1.7, "b")
    output = rule(a) if rule.db is None else rule(a, b)
    program = Program(output.named("out"), [a, b][: len(rule.partials)])
    points = [0.1, 0.6, 3.0, 800.0, -0.1, -0.6, -3.0, -800.0, 0.0]
    expected = []
    for point in points:
        try:
            value, derivatives = program(point, *[1.7] * (rule.db is not None))
            expected.append([value, *derivatives])
        except (ArithmeticError, ValueError):
            expected.append([math.nan] * (1 + len(rule.partials)))
    with numpy.errstate(all="ignore"):
        found = as_rows(program.on(library)(library.asarray(points), *[1.7] * (rule.db is not None)), len(points))
    for row, expected_row in zip(found.tolist(), expected, strict=True):
        if any(map(math.isnan, expected_row)):
            assert not all(map(math.isfinite, row))
        else:
            assert row == pytest.approx(expected_row, rel=1e-12)


def test_what_changes_in_the_text_is_the_first_lines():
    x = Value(2.0, "x")
    for output, lines in [(sigmoid(x), []), (relu(sigmoid(x)), ["", "max = math.maximum"]), (x * x, ["", ""])]:
        program = Program(output, [x])
        changes = [
            line
            for line in difflib.ndiff(program.source.splitlines(), program.on(numpy).source.splitlines())
            if line[0] in "+-"
        ]
        removed = ["- import math"] if program.source.startswith("import") else []
        assert sorted(changes) == sorted([*removed, "+ import numpy as math", *(f"+ {line}" for line in lines)])


def test_from_one_library_to_another(library):
    program = recorded()
    assert program.on(numpy).on(library).source == program.on(library).source
    assert program.on(library).on(library).source == program.on(library).source
    assert f"import {library.__name__} as math\n" in program.on(library).source
    assert program.source.startswith("import math\n")
    assert repr(program.on(library)) == program.on(library).source


def test_numbers_alone_are_welcome(library):
    """On NumPy an array without dimensions is a number, and the numbers of a program on floats are Python's."""
    expected = recorded()(0.5, 2.0, 3.0, 0.0)
    cost, derivatives = recorded().on(library)(0.5, 2.0, 3.0, 0.0)
    assert [float(each) for each in (cost, *derivatives)] == pytest.approx([expected[0], *expected[1]], rel=1e-14)
    assert type(recorded()(0.5, 2.0, 3.0, 0.0)[0]) is float


def test_the_mean_over_the_data_is_the_gradient_of_the_batch(library):
    xs, ys = data(1000)
    costs, slopes, offsets = 0.0, 0.0, 0.0
    program = recorded()
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        cost, (dw, db) = program(0.5, 2.0, x, y)
        costs, slopes, offsets = costs + cost, slopes + dw, offsets + db
    cost, (dw, db) = program.on(library)(0.5, 2.0, library.asarray(xs), library.asarray(ys))
    means = [float(each.mean()) for each in (cost, dw, db)]
    assert means == pytest.approx([costs / 1000, slopes / 1000, offsets / 1000], rel=1e-12)


def test_arrays_for_the_weights_too():
    """One point, and the cost over a grid of weights."""
    ws, bs = numpy.linspace(-1.0, 1.0, 5)[:, None], numpy.linspace(-2.0, 2.0, 7)
    cost, (dw, db) = recorded().on(numpy)(ws, bs, 3.0, 0.0)
    assert cost.shape == dw.shape == db.shape == (5, 7)
    assert cost[1, 2] == pytest.approx(recorded()(ws[1, 0], bs[2], 3.0, 0.0)[0], rel=1e-14)


def test_a_derivative_that_no_array_takes_part_in_is_one_number(library):
    w, b, x = Value(2.0, "w"), Value(1.0, "b"), Value(3.0, "x")
    program = Program(w * x + b * b, [w, b, x]).on(library)
    _, (dw, db, dx) = program(2.0, 1.0, library.asarray([3.0, 4.0]))
    assert numpy.asarray(dw).tolist() == [3.0, 4.0]
    assert (db, dx) == (2.0, 2.0)


def test_dask_computes_nothing_until_it_is_asked():
    dask = pytest.importorskip("dask.array")
    xs, ys = data(1000)
    asked = []

    def block(numbers):
        asked.append(len(numbers))
        return numbers

    lazily = [dask.from_array(each, chunks=100).map_blocks(block, dtype=float, meta=xs) for each in (xs, ys)]
    cost, (dw, db) = recorded().on(dask)(0.5, 2.0, *lazily)
    assert asked == []
    assert all(each.numblocks == (10,) for each in (cost, dw, db))
    assert_close(as_rows((cost, (dw, db)), 1000), as_rows(recorded().on(numpy)(0.5, 2.0, xs, ys), 1000))
    assert set(asked) == {100}


def test_jax_differentiates_the_text_right_at_0(jax):
    """Where z is 0, as with weights that start at 0, both sides of an abs and of a comparison meet in these functions."""
    for function, slope in [(sigmoid, 0.25), (softplus, 0.5)]:
        z = Value(0.0, "z")
        on_jax = Program(function(z), [z]).on(jax.numpy)
        assert on_jax(0.0)[1][0] == jax.grad(lambda z, on_jax=on_jax: on_jax(z)[0])(0.0) == slope


def test_constants_that_have_no_literal(library):
    x = Value(2.0, "x")
    program = Program(x / math.inf + x / -math.inf - 0.0, [x]).on(library)
    assert "math.inf" in program.source
    assert numpy.asarray(program(library.asarray([1.0, 2.0]))[0]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("label", ["math", "max", "maximum", "program", "numpy", "abs", "inf", "sigmoid"])
def test_labels_that_are_names_in_the_text(label):
    x = Value(0.7, label)
    program = Program((relu(x) * x.exp() + abs(x) + sigmoid(x) / math.inf).named(label), [x])
    expected = [program(number) for number in (0.7, -1.0)]
    cost, (dx,) = program.on(numpy)(numpy.array([0.7, -1.0]))
    assert cost.tolist() == pytest.approx([cost for cost, _ in expected], rel=1e-14)
    assert dx.tolist() == pytest.approx([dx for _, (dx,) in expected], rel=1e-14)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.symbol)
def test_scalars_of_numpy_are_numbers(rule):
    """In a row, in a Value, and in a program on floats."""
    numbers = [0.6, 1.7][: len(rule.partials)]
    scalars = [numpy.float64(number) for number in numbers]
    assert type(rule(*scalars)) is float
    assert rule(*scalars) == rule(*numbers)
    leaves = [Value(scalar) for scalar in scalars]
    output = rule(*leaves)
    assert type(output.data) is float
    program = Program(output, leaves)
    assert program(*scalars) == program(*numbers)


# Rows of one's own.


def smooth_abs(a):
    return (a * a + 1e-6) ** 0.5


def test_a_row_of_ones_own_is_called_with_the_arrays(library):
    """Also by the name of a function of Python's that the printed functions use."""
    own = Rule("abs", smooth_abs, lambda out, a: a / out)
    x = Value(0.7, "x")
    program = Program(own(x) * sigmoid(x), [x])
    assert program.functions.keys() == {"abs_2"}
    expected = numpy.array([[cost, dx] for cost, (dx,) in map(program, (-2.0, 0.0, 3.0))])
    assert_close(as_rows(program.on(library)(library.asarray([-2.0, 0.0, 3.0])), 3), expected)


@pytest.mark.parametrize(
    "function",
    [math.erf, lambda a: a if a > 0 else 0.0, lambda a: max(a, 0.1 * a), float],
    ids=["math", "if", "max", "float"],
)
def test_a_row_of_ones_own_that_takes_no_arrays_is_named(function, library):
    x = Value(0.7, "x")
    program = Program(exp(Rule("hinge", function, lambda out, a: 1)(x)), [x])
    assert program(0.7)[0] == math.exp(function(0.7))
    with pytest.raises(TypeError, match=r"^hinge, the function of a row of your own, does not take these arrays: "):
        program.on(library)(library.asarray([1.0, 2.0]))


def test_a_row_of_ones_own_that_jax_cannot_trace_is_named(jax):
    x = Value(0.7, "x")
    program = Program(Rule("erf", math.erf, lambda out, a: 2 / math.pi**0.5 * exp(-a * a))(x), [x])
    with pytest.raises(TypeError, match=r"^erf, the function of a row of your own, does not take these arrays: "):
        jax.jit(program.on(jax.numpy))(0.7)


# Copies, also in other processes.


def test_a_program_on_arrays_can_be_copied_and_pickled(library):
    program = recorded().on(library)
    points = [library.asarray(each) for each in data(10)]
    expected = as_rows(program(0.5, 2.0, *points), 10)
    for same in (copy.copy(program), copy.deepcopy(program), pickle.loads(pickle.dumps(program))):
        assert (type(same), same.source) == (Program, program.source)
        assert (as_rows(same(0.5, 2.0, *points), 10) == expected).all()


def test_a_pool_of_processes():
    x = Value(0.7, "x")
    own = Program(Rule("smooth", smooth_abs, lambda out, a: a / out)(x), [x]).on(numpy)
    xs, ys = (numpy.split(each, 4) for each in data(1000))
    program = recorded().on(numpy)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        results = list(pool.map(program, [0.5] * 4, [2.0] * 4, xs, ys))
        others = list(pool.map(own, xs))
    whole = as_rows(program(0.5, 2.0, *data(1000)), 1000)
    assert (numpy.concatenate([as_rows(result, 250) for result in results]) == whole).all()
    assert all((other[0] == smooth_abs(block)).all() for other, block in zip(others, xs, strict=True))
