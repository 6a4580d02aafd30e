"""Whoever passes something else where a Value belongs is told so, and by one sentence everywhere."""

import re
from types import SimpleNamespace

import pytest

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


@pytest.mark.parametrize(
    "call",
    [
        lambda: Walk("w"),
        lambda: draw("w"),
        lambda: tree("w"),
        lambda: formula("w"),
        lambda: flipbook("w", "page.html"),
        lambda: compare("w", {w: 1.0}),
        lambda: explain("w", w),
        lambda: explain(w * w, "w"),
        lambda: gradient("w", [w]),
        lambda: gradient(w * w, ["w"]),
        lambda: Program("w", [w]),
        lambda: Program(w * w, ["w"]),
        lambda: Program(w * w, [w], wrt=["w"]),
    ],
)
def test_what_is_no_value_is_refused(call):
    with pytest.raises(TypeError, match=r"^expected a Value, not 'w' \(str\)$"):
        call()


C = (w * 3).named("C")


@pytest.mark.parametrize(
    "junk", [None, 3, 2.5, "w", b"w", [1, 2], [w], [None], {}, object(), print, float("nan")], ids=repr
)
@pytest.mark.parametrize(
    "call",
    [
        formula,
        tree,
        draw,
        Walk,
        lambda junk: explain(junk, w),
        lambda junk: explain(C, junk),
        lambda junk: gradient(junk, [w]),
        lambda junk: gradient(C, [junk]),
        lambda junk: Program(junk, [w]),
        lambda junk: Program(C, [junk]),
        lambda junk: Program(C, [w], wrt=[junk]),
        lambda junk: flipbook(junk, "page.html"),
        lambda junk: compare(junk, {w: 1.0}),
        lambda junk: draw(C, walk=junk or 0),
        lambda junk: draw(C, parameters=[junk]),
    ],
)
def test_junk_is_refused_in_words(call, junk):
    """With a TypeError or a ValueError, not with an AttributeError or an IndexError from inside."""
    with pytest.raises((TypeError, ValueError)) as caught:
        call(junk)
    assert caught.type in (TypeError, ValueError)
    assert re.match(r"expected a Value, not |this is not a walk of C: ", str(caught.value))


@pytest.mark.parametrize(
    "call",
    [
        lambda: gradient(C, w),
        lambda: Program(C, w),
        lambda: Program(C, [w], wrt=w),
        lambda: draw(C, parameters=w),
        lambda: gradient(C, None),
        lambda: Program(C, 3),
        lambda: draw(C, parameters=None),
    ],
)
def test_one_value_in_place_of_a_list_is_refused_with_an_example(call):
    with pytest.raises(TypeError, match=r"expected a list of Values, e\.g\. .*\[w.*\].*, not "):
        call()


@pytest.mark.parametrize(
    "junk", [None, "2", b"2", [1, 2], (1.0,), {}, object(), SimpleNamespace(label=3), print, True, 1j], ids=repr
)
@pytest.mark.parametrize(
    "call", [sigmoid, Value, w.__add__, w.__rpow__, w.__lt__, C.backward, lambda junk: rules.mul(junk, 2.0)]
)
def test_what_is_no_real_number_is_refused_with_what_to_pass(call, junk):
    with pytest.raises(TypeError, match=r"expected a real number, not .*: pass "):
        call(junk)


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
