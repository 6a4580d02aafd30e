"""Whoever passes something else where a Value belongs is told so, and by one sentence everywhere."""

import pytest

from autograd_mini import Program, Value, Walk, compare, draw, explain, flipbook, formula, gradient, tree

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
