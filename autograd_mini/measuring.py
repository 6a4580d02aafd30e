"""Slopes, measured: how much the output changes when one leaf moves a little, and how far rounding lets one trust that.

No rule's derivative is used to measure. The chain rule is used to know the rounding error: each node of a graph is
rounded to a relative ε, and passes that on to the output as it passes on everything.
"""

import random
import sys
from collections.abc import Mapping, Sequence
from math import inf, isclose, isfinite, isnan, nan
from typing import NamedTuple

from autograd_mini.gradients import gradient
from autograd_mini.graph import Graph, topological_order
from autograd_mini.notation import figure, some
from autograd_mini.programs import Program
from autograd_mini.reals import attempt
from autograd_mini.value import Value

EPS = sys.float_info.epsilon
TOLERANCE = 1e-6  # a measured slope and the automatic gradient agree so far, relative to the larger in size
TINY = sys.float_info.min  # smaller numbers lose their digits one by one: no difference counts below it
SHOWN = 8  # of the leaves of a point, in a text
KINK = "the output has a kink, or bends too sharply"


def agree(a: float, b: float, tolerance: float) -> bool:
    return isclose(a, b, rel_tol=tolerance, abs_tol=TINY)


def rounding(output: Value) -> float:
    """By how much the number of the output is uncertain: ε Σ |∂C/∂node × node| over its graph, whose grads it sets."""
    output.backward()
    return EPS * sum(abs(node.grad) * max(abs(node.data), TINY) for node in topological_order(output))


class Point:
    """A copy of the graph, recorded and backpropagated at other numbers of the leaves."""

    def __init__(self, graph: Graph, at: Mapping[Value, float]) -> None:
        self.where = some([f"{graph.names[leaf]}={figure(number)}" for leaf, number in at.items()], SHOWN)
        self.at = at
        self.nodes = graph.replay(lambda leaf: Value(at[leaf]))
        self.output: Value = self.nodes[graph.output]
        self.rounding = rounding(self.output)
        self.gradients = {leaf: self.nodes[leaf].grad for leaf in at}

    def uncertainty(self, leaf: Value) -> float:
        """By how much rounding may move the gradient of the leaf; nan if the gradient has no derivative here."""
        return attempt(lambda: rounding(*gradient(self.output, [self.nodes[leaf]])))


def draw_points(graph: Graph, leaves: Sequence[Value], count: int, seed: int) -> list[Point]:
    """The recorded point, and others at which each leaf is moved by a quarter to the whole of its size (1 if smaller).

    Where C or its gradient cannot be computed at the point drawn, the next one is drawn nearer.
    """
    points = [Point(graph, {leaf: leaf.data for leaf in leaves})]
    rng, reach = random.Random(seed), 1.0
    while len(points) <= count and reach > 1e-6:
        moves = {leaf: reach * rng.choice((-1, 1)) * rng.uniform(0.25, 1) for leaf in graph.leaves}
        try:
            points.append(Point(graph, {v: v.data + moves[v] * max(1.0, abs(v.data)) for v in leaves}))
        except (ArithmeticError, ValueError):
            reach *= 0.7
    return points


class Slope(NamedTuple):
    """A measured slope, an interval that the true one lies in, and why it cannot be trusted: "" if it can."""

    number: float
    low: float
    high: float
    doubt: str


def measure(program: Program, point: Point, leaf: Value) -> Slope:
    """The central difference (C(x + h) - C(x - h)) / 2h, at a step h where it agrees with the automatic gradient.

    A step that is too short drowns in rounding, one that is too long passes over what the function does. So where the
    usual step ∛ε |x| does not agree, others are tried, from 1e-8 to 1e4 times as long. Each gives an interval: the slope
    plus or minus its rounding, twice its difference from the slope at the step before, and half the gap between the
    slopes on both sides so far as it does not shrink with the step (a kink). The steps have become too long once their
    interval contradicts those of shorter ones.
    """

    def cost(moved: float) -> float:
        return program(*{**point.at, leaf: moved}.values())[0]

    x, automatic, here = point.at[leaf], point.gradients[leaf], point.output.data
    best = Slope(nan, -inf, inf, "the output cannot be computed on both sides")
    before, closest, larger = (nan, nan), (inf, nan), inf
    for k in (0, *range(-8, 5)):
        step = EPS ** (1 / 3) * (abs(x) or 1.0) * 10.0**k
        noise = 3 * point.rounding / step
        if noise > larger and k < 3:
            continue
        up, down = x + step, x - step
        above, below = attempt(cost, up), attempt(cost, down)
        slope = (above - below) / (up - down)
        gap = (above - here) / (up - x) - (here - below) / (x - down)
        if automatic and agree(slope, automatic, TOLERANCE):
            return Slope(slope, slope - TOLERANCE * abs(slope), slope + TOLERANCE * abs(slope), "")
        if larger == inf:  # that was the usual step; now the others
            larger = max(abs(automatic), abs(slope))
            continue
        bend = abs(10 * before[1] - gap) / 18
        error = noise + (abs(gap) if isnan(before[0]) else 2 * abs(slope - before[0]) + bend)
        before = slope, gap
        if slope - error > best.high or slope + error < best.low:
            break
        if isfinite(error):
            low, high = max(best.low, slope - error), min(best.high, slope + error)
            doubt = KINK if bend > 15 * noise else f"its rounding error is about {(high - low) / 2:.1e}"
            closest = min(closest, (error, slope))
            best = Slope(closest[1], low, high, doubt)
    return best._replace(doubt="") if best.number == automatic == 0 else best
