"""compare: gradients derived by hand beside the automatic and the numeric ones, and what is wrong with them in words.

One point lies: where y is 0, a formula that forgot y is right. So a formula is checked at random points too, on copies
of the graph, and a cause is named only if it holds at every point.
"""

from __future__ import annotations

import inspect
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import inf, isclose, isfinite, isnan, nan
from time import monotonic
from typing import Any, NamedTuple, TypeAlias
from unicodedata import normalize

from autograd_mini.backprop import backpropagated
from autograd_mini.graph import Graph
from autograd_mini.notation import Text
from autograd_mini.reals import Real, real
from autograd_mini.value import Value

EPS = sys.float_info.epsilon
TINY = sys.float_info.min  # smaller numbers lose their digits one by one: no difference counts below it
SIZE_OF_ZERO = 1e-14  # a nudge is of the size of the last bit, and 0 has none

Formula: TypeAlias = "Callable[..., Any] | Real"


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


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """What ``compare`` found: true if every row is "ok"; its repr is the report, ``rows`` are its lines."""

    rows: tuple[Row, ...]
    report: Text

    def __bool__(self) -> bool:
        return all(row.verdict == "ok" for row in self.rows)

    def __repr__(self) -> str:
        return self.report


def compare(
    output: Value,
    by_hand: Mapping[Value, Formula] | Mapping[str, Formula],
    *,
    points: int = 4,
    seed: int = 0,
    tolerance: float = 1e-9,
    numeric_tolerance: float = 1e-6,
) -> Comparison:
    """Compare gradients of the output derived by hand with the automatic and the numeric ones.

    Takes, for each leaf of interest (or its label), its gradient by hand: a function whose arguments are called as the
    leaves are, or a number. A function is checked at the recorded point and at as many more ``points``, drawn near it
    with the ``seed``; a number at the recorded point only. By hand and automatic agree if they differ by no more than
    the ``tolerance``, relative to the larger of the two; automatic and numeric have a tolerance of their own.

    Returns a Comparison, true if all agree. No Value of yours changes, and no ``grad``. Raises ValueError for what is
    no leaf of the graph, TypeError for what is neither a number nor a function, and what ``backward()`` raises.

    The numeric gradient is the central difference (C(x + h) - C(x - h)) / 2h with h = ∛ε max(1, |x|): the step at
    which the error of the difference, of order h**2, and its rounding error, of order ε / h, are about the same.

    >>> x = Value(2, "x")
    >>> [compare(x**3, {x: formula}).rows[0].cause for formula in (lambda x: 3 * x**2, lambda x: x**2)]
    ['', 'by hand is 1/3 times automatic']
    """
    graph = Graph(output)
    backpropagated(graph, 1.0, float)  # raises what backward() raises
    order = graph.order
    called = graph.names
    C = called[output]
    # Python normalises the names in its sources, so the µ of a keyboard must find the μ of a signature.
    leaves = {text: v for v in order if not v.operands for text in (called[v], normalize("NFKC", called[v]))}
    known = ", ".join(leaves)
    if not by_hand:
        raise ValueError(f"nothing to compare: pass a gradient by hand for one of {known}")
    formulas = []
    for key, formula in by_hand.items():
        leaf = leaves.get(key) if isinstance(key, str) else key
        if leaf is None or leaf not in leaves.values():
            raise ValueError(f"{key} is no leaf of the graph of {C}: its leaves are {known}")
        name = f"∂{C}/∂{called[leaf]}"
        formulas.append((name, leaf, callable(formula), _by_hand(name, formula, leaves)))

    functions = [formula for formula in by_hand.values() if callable(formula)]
    first = inspect.signature(functions[0]).parameters if functions else ()
    shown = list(dict.fromkeys([*(leaves[each] for each in first if each in leaves), *leaves.values()]))
    drawn = _points(order, points if functions else 0, random.Random(seed))
    for point in drawn:
        point.where = ", ".join(f"{called[leaf]}={point.at[leaf]:.6g}" for leaf in shown[:8])
        point.where += ", …" if len(shown) > 8 else ""

    start = monotonic()
    rows: list[Row] = []
    remarks: list[str] = []
    checks: list[Check] = []
    for name, leaf, is_function, formula_at in formulas:
        _progress(f"compare: {len(rows)} of {len(formulas)} gradients", start)
        new = [_check(point, leaf, formula_at(point.at), tolerance, numeric_tolerance) for point in drawn]
        checks += new
        # A number is right or wrong at the recorded point only.
        judged = [check for check in new if is_function or check is new[0] or check.state == "disputed"]
        row, sentences = _judge(name, judged, called, tolerance)
        rows.append(row)
        remarks += sentences
    _progress(" " * 60 + "\r", start)

    errors = [_relative_error(check.automatic, check.numeric) for check in checks if not check.doubt]
    if not errors:
        remarks.insert(0, "automatic is checked by nothing here: the numeric gradients cannot be trusted")
    elif not any(check.state == "disputed" for check in checks):
        remarks.insert(0, f"automatic agrees with numeric (central difference; worst relative error {max(errors):.1e})")
    if functions and len(drawn) <= points:
        remarks.append(f"only {len(drawn) - 1} of {points} more points: {C} could not be computed at the others drawn")
    if len(drawn) == 1 or len(functions) < len(by_hand):
        remarks.append("a number is compared at one point, and one point cannot tell: a function of the leaves can")
    others = f" and at {len(drawn) - 1} more points" if len(drawn) > 1 else ""
    ending = f"seed {seed}; tolerance {tolerance:g} for by hand, {numeric_tolerance:g} for numeric"
    report = [f"gradients of {C} at {drawn[0].where}{others}", "", *_table(rows), "", *remarks, ending]
    return Comparison(tuple(rows), Text("\n".join(report)))


def _by_hand(name: str, formula: Formula, leaves: Mapping[str, Value]) -> Callable[[Mapping[Value, float]], float]:
    """The formula as a function of all leaves, which gives nan where the formula gives no number."""
    if not callable(formula):
        number = real(formula)
        return lambda at: number
    signature = inspect.signature(formula)
    for each, parameter in signature.parameters.items():
        if each not in leaves and parameter.default is parameter.empty:
            raise ValueError(
                f"the formula for {name} asks for {each}: the leaves are {', '.join(leaves)}, the rest follows from them"
            )

    def by_hand(at: Mapping[Value, float]) -> float:
        bound = signature.bind_partial()
        bound.arguments.update((each, at[leaves[each]]) for each in signature.parameters if each in leaves)
        try:
            result = formula(*bound.args, **bound.kwargs)
        except (ArithmeticError, ValueError):
            return nan
        if isinstance(result, Value):
            raise TypeError(f"the formula for {name} gave a Value: let it compute with its arguments, the numbers")
        try:
            return nan if isinstance(result, complex) else real(result)
        except TypeError as error:
            raise TypeError(f"the formula for {name} gave no number: {error}") from None

    return by_hand


class Point:
    """The graph once more, recorded and backpropagated at other numbers of the leaves."""

    where = ""  # as text

    def __init__(self, order: Sequence[Value], at: Mapping[Value, float]) -> None:
        self.order = order
        self.at = at
        self.nodes = self.replay()
        self.data: dict[Any, float] = {node: new.data for node, new in self.nodes.items()}
        self.steps = [(node, node.rule.forward, node.operands) for node in order if node.operands]

    def replay(self, seed: int = 0, nudge: float = 0.0) -> dict[Value, Value]:
        """The new node of each old one, its number nudged up or down at random."""
        rng = random.Random(seed)
        nodes: dict[Any, Value] = {}
        for node in self.order:
            new = node.rule(*(nodes.get(v, v) for v in node.operands)) if node.operands else Value(self.at[node])
            new._data += rng.choice((-nudge, nudge)) * (abs(new._data) or SIZE_OF_ZERO)
            nodes[node] = new
        nodes[self.order[-1]].backward()
        return nodes

    @cached_property
    def noise(self) -> dict[Value | None, float]:
        """How far the gradients of the leaves and, at None, C itself move with the last bits of all numbers.

        Rounding errors show in what becomes of C when every number is nudged, and then once more the other way; a
        gradient that they have eaten up, or that jumps at a kink, in what becomes of the gradient. Infinite if a nudge
        moves the graph to where it cannot be computed.
        """
        here = self.read(self.nodes)
        try:
            moved = [self.read(self.replay(seed, nudge)) for seed in (0, 1) for nudge in (EPS, -EPS)]
        except (ArithmeticError, ValueError):
            return dict.fromkeys(here, inf)
        return {v: max(abs(each[v] - number) for each in moved) for v, number in here.items()}

    def read(self, nodes: Mapping[Value, Value]) -> dict[Value | None, float]:
        """The gradients of the leaves and, at None, C itself."""
        return {None: nodes[self.order[-1]].data} | {leaf: nodes[leaf].grad for leaf in self.at}

    @cached_property
    def factors(self) -> dict[tuple[Value, int], float]:
        """What a formula may lack or have too many of: the leaves, and the partial of every node by each operand."""
        partials = {node: new.partials or (new.data,) for node, new in self.nodes.items()}
        return {(node, k): f for node, row in partials.items() for k, f in enumerate(row) if f is not None}


def _points(order: Sequence[Value], count: int, rng: random.Random) -> list[Point]:
    """The recorded point, and others at which each leaf is moved by a quarter to the whole of its size (1 if smaller).

    Where C or its gradient cannot be computed at the point drawn, the next one is drawn nearer.
    """
    points = [Point(order, {node: node.data for node in order if not node.operands})]
    reach = 1.0
    for _ in range(count + 40):
        if len(points) > count:
            break
        moved = {}
        for leaf, number in points[0].at.items():
            moved[leaf] = number + reach * rng.choice((-1, 1)) * rng.uniform(0.25, 1) * max(1.0, abs(number))
        try:
            points.append(Point(order, moved))
        except (ArithmeticError, ValueError):
            reach *= 0.7
    return points


def _numeric(point: Point, leaf: Value, tolerance: float) -> tuple[float, str]:
    """The central difference, and why it cannot be trusted where it cannot. Nothing here knows a derivative.

    Only a difference that is not the automatic gradient is looked at twice, with half the step: where C has a kink or
    bends within the step, the two central differences differ, or the gap between the slopes on both sides does not
    shrink with the step.
    """
    output, number, automatic = point.order[-1], point.at[leaf], point.nodes[leaf].grad

    def cost(moved: float) -> float:
        data, changed = point.data | {leaf: moved}, {leaf}
        try:
            for node, forward, operands in point.steps:
                if not changed.isdisjoint(operands):
                    data[node] = forward(*map(data.get, operands, operands))  # a plain number is not there, and stays
                    changed.add(node)
        except (ArithmeticError, ValueError):
            return nan
        return data[output]

    def slopes(step: float) -> tuple[float, float]:
        """The central difference, and by how much the slopes on both sides differ."""
        up, down, here = number + step, number - step, point.data[output]
        above, below = cost(up), cost(down)
        return (above - below) / (up - down), (above - here) / (up - number) - (here - below) / (number - down)

    step = EPS ** (1 / 3) * max(1.0, abs(number))
    slope, gap = slopes(step)
    if _close(slope, automatic, tolerance):
        return slope, ""
    half_slope, half_gap = slopes(step / 2)
    if not isfinite(slope) or not isfinite(half_slope):
        return nan, "the output cannot be computed a step to each side"
    bend = 2 * abs(slope - half_slope) + abs(2 * half_gap - gap)
    rounding = 10 * point.noise[None] / step
    if abs(slope - automatic) > bend + rounding:
        return slope, ""
    if bend > rounding:
        return slope, "the output has a kink, or bends, within its step"
    return slope, f"its rounding error, of about {rounding:.1e}, outweighs the difference"


def _close(a: float, b: float, tolerance: float) -> bool:
    return isclose(a, b, rel_tol=tolerance, abs_tol=TINY)


def _relative_error(a: float, b: float) -> float:
    larger = max(abs(a), abs(b))
    return abs(a / larger - b / larger) if larger else 0.0


class Check(NamedTuple):
    """One gradient at one point: its numbers, why the numeric one cannot be trusted, and what follows.

    The state is "agrees", "differs", "unclear", "no number", or "disputed" where automatic and numeric do not agree.
    """

    by_hand: float
    automatic: float
    numeric: float
    doubt: str
    state: str
    remark: str
    point: Point


def _check(point: Point, leaf: Value, hand: float, tolerance: float, numeric_tolerance: float) -> Check:
    automatic = point.nodes[leaf].grad
    numeric, doubt = _numeric(point, leaf, numeric_tolerance)
    both = f"{hand:.8g} by hand, {automatic:.8g} automatic at {point.where}"
    state, remark = "agrees", ""
    if not doubt and not _close(numeric, automatic, numeric_tolerance):
        side = "numeric" if _close(hand, numeric, numeric_tolerance) else "neither"
        side = "automatic" if _close(hand, automatic, tolerance) else side
        state = "disputed"
        remark = (
            f"automatic {automatic:.8g} DISAGREES with numeric {numeric:.8g} at {point.where}: the derivative of a "
        )
        remark += f"rule in this graph is wrong; by hand agrees with {side}"
    elif not isfinite(hand):
        state, remark = "no number", f"the formula gives no finite number at {point.where}"
    elif _close(hand, automatic, tolerance):
        pass
    elif abs(hand - automatic) / 10 > point.noise[leaf]:
        state, remark = "differs", both
    elif hand:  # 0 agrees: it is what a gradient is that rounding alone keeps from being 0
        state, remark = "unclear", f"{both} cannot be told apart: the last bits of the numbers move automatic as far"
    return Check(hand, automatic, numeric, doubt, state, remark, point)


def _judge(name: str, checks: Sequence[Check], called: Mapping[Any, str], tolerance: float) -> tuple[Row, list[str]]:
    """What all points together say of a gradient, and what the table does not show, in sentences."""
    here = checks[0]
    states, count = [check.state for check in checks], len(checks)
    agreeing = [check.automatic for check in checks if check.state == "agrees"]
    said = {check.state: check.remark for check in reversed(checks) if check.remark}  # at the first point of each state
    verdict, cause = "unclear", ""
    if "disputed" in states:
        said = {"disputed": said["disputed"]}
    elif "differs" in states:
        verdict, cause = "WRONG", _cause(checks, called, tolerance)
        wrong = states.count("differs")
        told = (
            f"all {count} points"
            if wrong + len(agreeing) == count
            else f"all {wrong + len(agreeing)} points that can tell"
        )
        where = f"wrong at {wrong} of {count} points" + (
            ", right at the recorded one" if here.state == "agrees" else ""
        )
        no_cause = f"{where}, no single cause fits: {said['differs']}"
        said["differs"] = f"at {told} {cause}" if cause else no_cause
    # That 0 is 0 says little about a formula which is elsewhere not quite 0.
    elif here.state != "no number" and (any(agreeing) or (agreeing and "unclear" not in states)):
        verdict = "ok"
    remarks = [f"{name}: {remark}" for remark in said.values()]
    if here.doubt:
        remarks.insert(0, f"~ {name}: the numeric one cannot be trusted here, since {here.doubt}")
    if verdict != "WRONG" and count > 1 and not any(check.automatic for check in checks):
        remarks.append(f"{name} is 0 at all {count} points: that cannot tell a formula from one with a wrong factor")
    return Row(name, *here[:3], not here.doubt, verdict, cause), remarks


def _cause(checks: Sequence[Check], called: Mapping[Any, str], tolerance: float) -> str:
    """The one cause that holds at every point that can tell; "" where none or several do."""
    told = [check for check in checks if check.state in ("agrees", "differs")]
    ratios = [check.by_hand / check.automatic for check in told if check.by_hand and check.automatic]
    if len(ratios) < 2:
        return ""
    ratio = ratios[0]
    if all(_close(check.by_hand, check.automatic * ratio, tolerance) for check in told):
        fraction = Fraction(ratio).limit_denominator(12)
        text = str(fraction) if _close(float(fraction), ratio, tolerance) else f"{ratio:.6g}"
        return f"by hand is {text} times automatic" + (": the sign is flipped" if text == "-1" else "")

    found: dict[tuple[Any, ...], tuple[Value, int]] = {}
    for lacking in (True, False):
        places = list(told[0].point.factors)
        for check in told:
            given, wanted = (check.by_hand, check.automatic) if lacking else (check.automatic, check.by_hand)
            places = [place for place in places if _close(given * check.point.factors[place], wanted, tolerance)]
        for place in places:  # the same number to the last bit, at every point, is one factor; any other is another one
            found.setdefault((lacking, *(check.point.factors[place] for check in told)), place)
    if len(found) != 1:
        return ""
    (((lacking, *_), (node, k)),) = found.items()
    factor = called[node]
    if node.operands:
        factor = (
            f"∂{factor}/∂{called[node.operands[k]]} ({factor} = {Graph(checks[0].point.order[-1]).expression(node)})"
        )
    return f"by hand lacks the factor {factor}" if lacking else f"by hand has the factor {factor} too many"


def _table(rows: Sequence[Row]) -> list[str]:
    lines = [("", "by hand", "automatic", "numeric", "hand/auto", "rel. error", "")]
    for name, hand, automatic, numeric, trusted, verdict, _ in rows:
        ratio = hand / automatic if automatic else nan
        quotient = _shown(ratio, ".4f" if 1e-3 <= abs(ratio) < 1e5 else ".1e")
        error = _shown(_relative_error(hand, automatic), ".1e")
        marked = ("" if trusted else "~") + _shown(numeric)
        lines.append((name, _shown(hand), _shown(automatic), marked, quotient, error, verdict))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    widths[1:4] = [max(widths[1:4])] * 3
    return [
        "  ".join([name.ljust(widths[0]), *map(str.rjust, cells, widths[1:]), verdict]).rstrip()
        for name, *cells, verdict in lines
    ]


def _shown(number: float, digits: str = ".8g") -> str:
    return "–" if isnan(number) else format(number + 0.0, digits)  # + 0.0, so that no -0 is shown


def _progress(text: str, start: float) -> None:
    """Write over the last line of a terminal, once it takes longer than a second."""
    if monotonic() - start > 1 and sys.stderr is not None and sys.stderr.isatty():
        print("\r" + text, end="", file=sys.stderr, flush=True)
