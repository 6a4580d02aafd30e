"""Whoever passes something else where a Value belongs is told so, and by one sentence everywhere."""

import math
import re
from types import SimpleNamespace

import pytest
from refusals import message

from autograd_mini import (
    Program,
    Value,
    Walk,
    compare,
    draw,
    exp,
    explain,
    flipbook,
    formula,
    gradient,
    rules,
    sigmoid,
    tree,
)

w = Value(2.0, "w")
C = (w * 3).named("C")


VALUES = {  # what takes a Value
    "formula": formula,
    "tree": tree,
    "draw": draw,
    "Walk": Walk,
    "explain": lambda junk: explain(junk, w),
    "explain, the node": lambda junk: explain(C, junk),
    "gradient": lambda junk: gradient(junk, [w]),
    "gradient, an input": lambda junk: gradient(C, [junk]),
    "Program": lambda junk: Program(junk, [w]),
    "Program, an input": lambda junk: Program(C, [junk]),
    "Program, wrt": lambda junk: Program(C, [w], wrt=[junk]),
    "flipbook": lambda junk: flipbook(junk, "page.html"),
    "compare": lambda junk: compare(junk, {w: 1.0}),
    "draw, a parameter": lambda junk: draw(C, parameters=[junk]),
}


@pytest.mark.parametrize("name", VALUES)
def test_junk_is_refused_in_words(name):
    """With a TypeError, not with an AttributeError or an IndexError from inside."""
    for junk in (None, 3, 2.5, "w", b"w", [1, 2], [w], [None], {}, object(), print, math.nan):
        assert message(TypeError, VALUES[name], junk) == f"expected a Value, not {junk!r} ({type(junk).__name__})"


def test_what_is_no_walk_is_refused_in_words():
    for junk in (3, 2.5, "w", b"w", [1, 2], [w], [None], {}, object(), print, math.nan, Walk(w * 2)):
        words = message(ValueError, lambda junk: draw(C, walk=junk), junk)
        assert words == "this is not a walk of C: draw(walk.output, walk=walk)"


@pytest.mark.parametrize(
    ("call", "example"),
    [
        (lambda junk: gradient(C, junk), "gradient(C, [w])"),
        (lambda junk: Program(C, junk), "Program(C, [w, b])"),
        (lambda junk: Program(C, [w], wrt=junk or 0), "wrt=[w]"),  # None: all of them
        (lambda junk: draw(C, parameters=junk), "draw(C, parameters=[w, b])"),
        (lambda junk: draw(C, nodes=junk or 0), "draw(C, nodes=[z])"),
        (lambda junk: flipbook(C, parameters=junk), "flipbook(C, parameters=[w, b])"),
    ],
)
def test_what_is_no_list_is_refused_with_an_example(call, example):
    for junk in (w, 3, None):
        assert message(TypeError, call, junk).startswith(f"expected a list of Values, e.g. {example}, not ")


@pytest.mark.parametrize(
    "call", [sigmoid, Value, w.__add__, w.__rpow__, w.__lt__, C.backward, lambda junk: rules.mul(junk, 2.0)]
)
def test_what_is_no_real_number_is_refused_with_what_to_pass(call):
    for junk in (None, "2", b"2", [1, 2], (1.0,), {}, object(), SimpleNamespace(label=3), Value, print, True, 1j):
        assert re.search(r"expected a real number, not .*: pass ", message(TypeError, call, junk))
    assert re.search(r": pass its \.data$", message(TypeError, w.__add__, SimpleNamespace(rule=1, label="r")))


def test_a_position_that_is_not_in_the_walk_is_refused():
    walk = Walk(C)
    for position in (-1, 2, 100):
        with pytest.raises(IndexError, match=f"there is no position {position}: this walk goes from 0 to 1"):
            walk.goto(position)
    assert walk.position == 0


def test_functions_of_numpy_record_what_has_a_row_and_refuse_the_rest():
    numpy = pytest.importorskip("numpy")
    assert repr(numpy.exp(w)) == repr(exp(w))
    with pytest.raises(TypeError, match="log1p"):
        numpy.log1p(w)
