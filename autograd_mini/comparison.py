"""compare: gradients derived by hand beside the automatic and the numeric ones, and what is wrong with them in words.

One point lies: where y is 0, a formula that forgot y is right. So a formula is checked at random points too, on copies
of the graph, and a cause is named only if it explains the numbers at every point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import cache, partial
from itertools import product
from math import inf, isfinite, isnan, nan
from typing import Any, NamedTuple, TypeAlias
from unicodedata import normalize

from autograd_mini.backprop import backpropagated
from autograd_mini.by_hand import ByHand, Formulas
from autograd_mini.graph import Graph
from autograd_mini.measuring import EPS, KINK, TOLERANCE, Point, Slope, agree, draw_points, measure
from autograd_mini.notation import Text, columns
from autograd_mini.programs import Program
from autograd_mini.slips import gradient_slips
from autograd_mini.value import Value

SAFETY = 10  # a difference counts if it is so many times what rounding explains
MOST_SLIPS = 40_000  # nodes at which slips are looked for, all gradients together
ONE_POINT = "one point cannot tell: a number, or a formula without arguments, is checked at the recorded point only"
HINT = "; it is right at the recorded point: is there an `if` in C, or a number in the formula that is not an argument?"


class Row(NamedTuple):
    """One gradient in the report: its numbers at the recorded point, and the verdict of all points together.

    ``by_hand`` or ``numeric`` is nan where there is no such number; ``trusted`` says whether the numeric one can be
    relied on. ``verdict`` is "ok", "WRONG" or "unclear"; ``cause`` names what is wrong, "" where no single cause fits.
    """

    name: str
    by_hand: float
    automatic: float
    numeric: float
    trusted: bool
    verdict: str
    cause: str


class Comparison(NamedTuple):
    """What ``compare`` found: true if every row is "ok"; its repr is the report, ``rows`` are its lines."""

    rows: tuple[Row, ...]
    report: Text

    def __bool__(self) -> bool:
        return all(row.verdict == "ok" for row in self.rows)

    def __repr__(self) -> str:
        return self.report


def compare(output: Value, by_hand: Formulas, *, points: int = 4, seed: int = 0, tolerance: float = 1e-9) -> Comparison:
    """Compare gradients of the output derived by hand with the automatic and the numeric ones.

    Takes, for each leaf of interest (or its label), its gradient by hand: a function whose arguments are called as the
    leaves are, or a number. A function is checked at the recorded point and at as many more ``points``, drawn near it
    with the ``seed``; a number at the recorded point only. By hand and automatic agree if they differ by no more than
    the ``tolerance``, relative to the larger in size.

    Returns a Comparison, true if all agree. No Value of yours changes, and no ``grad``. Raises ValueError for what is
    not a leaf of the graph, TypeError for what is neither a number nor a function, and what ``backward()`` raises.

    >>> x = Value(2, "x")
    >>> [compare(x**3, {x: formula}).rows[0].cause for formula in (lambda x: 3 * x**2, lambda x: x**2)]
    ['', 'by hand is 1/3 times automatic']
    """
    graph = Graph(output)
    backpropagated(graph, 1.0, float)  # raises what backward() raises
    if not isinstance(by_hand, Mapping) or not by_hand:
        raise TypeError(f"expected a dict of gradients by hand, compare(C, {{w: lambda w, x: …}}), not {by_hand!r}")
    if points < 0:
        raise ValueError(f"expected 0 or more points, not {points}")
    # Python normalises the names in its sources, so the µ of a keyboard must find the μ of a signature.
    leaves = {text: v for v in graph.leaves for text in (graph.names[v], normalize("NFKC", graph.names[v]))}
    keys: list[Any] = [leaves.get(key, key) if isinstance(key, str) else key for key in by_hand]
    graph.require_leaves(keys)
    for leaf in keys:
        if keys.count(leaf) > 1:
            raise ValueError(f"{graph.gradient_name(leaf)} is given twice: by the leaf itself, and by its label")
    hands = {key: ByHand(graph.gradient_name(key), by, leaves) for key, by in zip(keys, by_hand.values(), strict=True)}
    asked = dict.fromkeys(leaf for hand in hands.values() for leaf in hand.asked.values())
    drawn = draw_points(graph, [*(asked | dict.fromkeys(graph.leaves))], points if asked else 0, seed)
    program = Program(output, [*drawn[0].at], [])

    checks: dict[Value, list[Check]] = {}
    for leaf, hand in hands.items():
        noise = EPS * max(abs(point.gradients[leaf]) for point in drawn)
        checks[leaf] = [
            _check(hand, leaf, point, measure(program, point, leaf), noise, tolerance)
            for point in (drawn if hand.asked else drawn[:1])  # a number is right or wrong at the recorded point only
        ]
    judged = [_judge(graph, leaf, checks, tolerance) for leaf in checks]
    rows = tuple(row for row, _ in judged)
    remarks = [remark for _, remarks in judged for remark in remarks]
    every = [check for each in checks.values() for check in each]
    if all(check.slope.doubt for check in every):
        remarks.insert(0, "automatic could not be verified numerically")
    elif all(check.state != "disputed" for check in every):
        remarks.insert(0, "automatic agrees with numeric (the central difference)")
    if len(rows) > _searched(graph):
        remarks.append(f"the graph is large: slips were looked for in {_searched(graph)} of {len(rows)} gradients only")
    if any(len(each) == 1 for each in checks.values()):
        remarks.append(ONE_POINT)
    more = f" and at {len(drawn) - 1} more point{'s' * (len(drawn) > 2)}" if len(drawn) > 1 else ""
    title = f"gradients of {graph.names[output]} at {drawn[0].where}{more}"
    ending = f"seed {seed}; tolerance {tolerance:g} for by hand, {TOLERANCE:g} for numeric"
    return Comparison(rows, Text("\n".join([title, "", *_table(rows), "", *remarks, ending])))


class Check(NamedTuple):
    """One gradient at one point, and what follows: it "agrees", "differs", is "unclear" or, by the slope, "disputed"."""

    by_hand: float
    automatic: float
    slope: Slope
    point: Point
    state: str
    remark: str = ""


Checks: TypeAlias = Mapping[Value, Sequence[Check]]


def _check(hand: ByHand, leaf: Value, point: Point, slope: Slope, noise: float, tolerance: float) -> Check:
    """What by hand, the automatic gradient and the measured slope say of one another at a point."""
    number, problem = hand.number(point.at)
    automatic = point.gradients[leaf]
    within = slope.low <= number <= slope.high
    outside = max(slope.low - automatic, automatic - slope.high)
    if slope.doubt and outside > 0 and outside > point.uncertainty(leaf):
        both = f"automatic {automatic:.8g} DISAGREES with numeric {slope.number:.8g} at {point.where}"
        remark = f"{both}: the derivative of a rule in this graph is wrong{'; by hand agrees with numeric' * within}"
        return Check(number, automatic, slope._replace(doubt=""), point, "disputed", remark)
    check = partial(Check, number, automatic, slope, point)
    if problem:
        return check("unclear", f"the formula {problem} at {point.where}")
    if agree(number, automatic, tolerance):
        return check("agrees")
    both = f"{number:.8g} by hand, {automatic:.8g} automatic at {point.where}"
    if slope.doubt == KINK and within:
        return check("unclear", f"{both}: {KINK}")
    # How far the automatic gradient is right, the measured slope says; where that is not enough, its rounding error.
    known = inf if slope.doubt else slope.high - slope.low
    difference = abs(number - automatic) / SAFETY - noise - hand.rounding(point.nodes)
    if difference > known or difference > point.uncertainty(leaf):
        return check("differs", both)
    # 0 agrees: it is what a gradient is that rounding alone keeps from being 0.
    return check("unclear", f"{both}: the difference is within rounding error") if number else check("agrees")


def _judge(graph: Graph, leaf: Value, every: Checks, tolerance: float) -> tuple[Row, list[str]]:
    """What all points together say of a gradient, and what the table does not show, in sentences."""
    name, checks, here, count = graph.gradient_name(leaf), every[leaf], every[leaf][0], len(every[leaf])
    conclusive = [check for state in ("differs", "agrees") for check in checks if check.state == state]
    said = {check.state: check.remark for check in reversed(checks)}  # of each state, at the first point
    verdict, cause = "unclear", ""
    if "disputed" in said:
        said = {"disputed": said["disputed"]}
    elif "differs" in said:
        verdict, cause = "WRONG", _cause(graph, leaf, every, conclusive, tolerance)
        said["differs"] = _wrong(checks, conclusive, cause)
    # That 0 is 0 says little about a formula which is elsewhere not quite 0.
    elif isfinite(here.by_hand) and (any(check.automatic for check in conclusive) or {*said} == {"agrees"}):
        verdict = "ok"
    remarks = [f"{name}: {remark}" for remark in said.values() if remark]
    if here.slope.doubt:
        remarks.insert(0, f"~ {name}: the numeric gradient is unreliable here: {here.slope.doubt}")
    if verdict != "WRONG" and count > 1 and not any(check.automatic for check in checks):
        remarks.append(f"{name} is 0 at all {count} points: a wrong factor would go unnoticed")
    return Row(name, here.by_hand, here.automatic, here.slope.number, not here.slope.doubt, verdict, cause), remarks


def _wrong(checks: Sequence[Check], conclusive: Sequence[Check], cause: str) -> str:
    """At how many points a gradient is wrong, and by which cause."""
    if cause and len(conclusive) == 1:
        return f"at the one point {cause}; another cause may fit as well"
    if cause:
        return f"at all {len(conclusive)} {'conclusive ' * (len(conclusive) < len(checks))}points {cause}"
    wrong = sum(check.state == "differs" for check in checks)
    where = f" at {wrong} of {len(checks)} points" if len(checks) > 1 else ""
    return f"wrong{where}, no single cause fits: {conclusive[0].remark}{HINT * (checks[0].state == 'agrees')}"


def _searched(graph: Graph) -> int:
    """For how many gradients slips are looked for: all the slips of a large graph take a second or more."""
    return 1 + MOST_SLIPS // len(graph.order)


def _cause(graph: Graph, leaf: Value, every: Checks, conclusive: Sequence[Check], tolerance: float) -> str:
    """The cause that explains the numbers at every conclusive point, the plainest if several do; "" if none does."""
    agrees = partial(agree, tolerance=tolerance)
    hands, automatics = [check.by_hand for check in conclusive], [check.automatic for check in conclusive]

    def explained(numbers: Iterable[float]) -> bool:
        return all(map(agrees, hands, numbers))

    for other, checks in every.items():
        both = [*zip(every[leaf], checks, strict=False)]  # a number has the recorded point only
        if all(agrees(a.by_hand, b.automatic) and agrees(b.by_hand, a.automatic) for a, b in both):
            return f"by hand is {graph.gradient_name(other)}: the two are swapped"
    if not any(hands):
        return ""
    several = sum(map(any, zip(hands, automatics, strict=True))) > 1
    # One number alone is some multiple of any other, and by some constant larger.
    for ratio in [hands[0] / (automatics[0] or nan)] if several else [-1.0, 2.0, 0.5]:
        if explained(ratio * each for each in automatics):
            fraction = Fraction(ratio).limit_denominator(12)
            text = str(fraction) if agrees(float(fraction), ratio) else f"{ratio:.6g}"
            return f"by hand is {text} times automatic" + ": the sign is flipped" * (text == "-1")
    if [*every].index(leaf) >= _searched(graph) or (tolerance > 1e-6 and not several):  # of so many, one fits by chance
        return ""
    slips = cache(lambda point: gradient_slips(Graph(point.output), point.nodes[leaf]))
    for k in range(len(slips(conclusive[0].point))):
        if explained(slips(check.point)[k].number for check in conclusive):
            return f"by hand is automatic {gradient_slips(graph, leaf)[k].text(graph)}"
    offset = hands[0] - automatics[0]
    if several and explained(each + offset for each in automatics):
        return f"by hand is automatic {'-' if offset < 0 else '+'} {abs(offset):.6g}"
    # Each of these takes a pass of its own, so there are not many in a large graph.
    for other, number in product(graph.leaves[: 10_000 // len(graph.order)], (0.0, 1.0)):
        with suppress(ArithmeticError, ValueError):
            if explained(Point(graph, {**check.point.at, other: number}).gradients[leaf] for check in conclusive):
                return f"by hand is automatic with {number:g} in place of {graph.names[other]}"
    return ""


def _table(rows: Sequence[Row]) -> list[str]:
    lines = [["", "by hand", "automatic", "numeric", "hand/auto", "rel. error", ""]]
    for name, hand, automatic, numeric, trusted, verdict, _ in rows:
        ratio = _shown(hand / (automatic or nan), "#.5g")
        larger = max(abs(hand), abs(automatic)) or 1.0
        error = _shown(abs(hand / larger - automatic / larger), ".1e")
        numbers = _shown(hand), _shown(automatic), "~" * (not trusted) + _shown(numeric)
        lines.append([name, *numbers, ratio, error, verdict])
    width = max(len(text) for line in lines for text in line[1:4])
    lines[0][1:4] = [text.rjust(width) for text in lines[0][1:4]]  # the columns of the numbers are equally wide
    return columns(lines, ">>>>>>>")


def _shown(number: float, digits: str = ".8g") -> str:
    return "–" if isnan(number) else format(number + 0.0, digits)  # + 0.0, so that no -0 is shown
