"""compare: gradients derived by hand beside the automatic and the numeric ones, and what is wrong with them in words.

One point lies: where y is 0, a formula that forgot y is right. So a formula is checked at random points too, on copies
of the graph, and a cause is named only if it holds at every point.
"""

from __future__ import annotations

import inspect
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from math import copysign, inf, isclose, isfinite, isnan, nan
from time import monotonic
from typing import Any, NamedTuple, TypeAlias
from unicodedata import normalize

from autograd_mini.faults import StaleGraphError, check
from autograd_mini.graph import expression, names, topological_order
from autograd_mini.value import Real, Value

EPS = sys.float_info.epsilon
TINY = sys.float_info.min  # smaller numbers lose their digits one by one: no difference counts below it
NUDGE_AT_ZERO = 1e-30

Formula: TypeAlias = "Callable[..., Any] | Real"
Step: TypeAlias = tuple[Callable[..., float], int, int, "int | None"]


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


class Comparison:
    """What ``compare`` found: true if every row is "ok"; its repr is the report, ``rows`` are its lines."""

    __slots__ = ("_report", "rows")

    def __init__(self, rows: Sequence[Row], report: str) -> None:
        self.rows = tuple(rows)
        self._report = report

    def __bool__(self) -> bool:
        return all(row.verdict == "ok" for row in self.rows)

    def __repr__(self) -> str:
        return self._report


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

    >>> from autograd_mini.rules import cos, sin
    >>> x = Value(2, "x")
    >>> compare(sin(x) ** 2, {x: lambda x: 2 * sin(x)})  # doctest: +ELLIPSIS
    gradients of v2 at x=2 and at 4 more points
    <BLANKLINE>
               by hand   automatic     numeric  hand/auto  rel. error
    ∂v2/∂x   1.8185949  -0.7568025  -0.7568025    -2.4030     1.4e+00  WRONG
    <BLANKLINE>
    automatic agrees with numeric (central difference; worst relative error ...)
    ∂v2/∂x: at all 5 points by hand lacks the factor ∂v1/∂x (v1 = sin(x))
    seed 0; tolerance 1e-09 for by hand, 1e-06 for numeric
    >>> assert compare(sin(x) ** 2, {x: lambda x: 2 * sin(x) * cos(x)})
    """
    order = topological_order(output)
    check(order)
    called = names(order)
    leaves = {called[node]: node for node in order if not node.operands}
    formulas = [_Formula(key, formula, called[output], leaves) for key, formula in by_hand.items()]
    if not formulas:
        raise ValueError(f"nothing to compare: pass a gradient by hand for one of {', '.join(leaves)}")
    leaves = {formula.label: formula.leaf for formula in formulas} | leaves

    recorded = _Point(order, {leaf: leaf.data for leaf in leaves.values()})
    more = points if any(formula.function for formula in formulas) else 0
    drawn = [recorded, *_draw(recorded, more, random.Random(seed))]
    trials = _trials(order, formulas, drawn, tolerance, numeric_tolerance)
    factors = _Factors(order, called, drawn)
    rows = [trial.row(factors) for trial in trials]

    others = f" and at {len(drawn) - 1} more points" if len(drawn) > 1 else ""
    report = [f"gradients of {called[output]} at {recorded.text(leaves)}{others}", "", *_table(rows), ""]
    report += _numeric_summary(trials)
    report += [remark for trial, row in zip(trials, rows, strict=True) for remark in trial.remarks(row, leaves)]
    if len(drawn) <= more:
        report.append(
            f"only {len(drawn) - 1} of {more} more points: {called[output]} could not be computed at the others drawn"
        )
    if len(drawn) == 1 or not all(formula.function for formula in formulas):
        report.append("a number is compared at one point, and one point cannot tell: a function of the leaves can")
    report.append(f"seed {seed}; tolerance {tolerance:g} for by hand, {numeric_tolerance:g} for numeric")
    return Comparison(rows, "\n".join(report))


class _Formula:
    """A gradient by hand: the leaf it belongs to, and the function or the number that was given."""

    def __init__(self, key: Value | str, formula: Formula, output: str, leaves: Mapping[str, Value]) -> None:
        known = ", ".join(leaves)
        labels = [label for label, leaf in leaves.items() if key in (label, leaf)]
        if not labels:
            shown = key if isinstance(key, str) else repr(key)
            raise ValueError(f"{shown} is no leaf of the graph of {output}: its leaves are {known}")
        self.label = labels[0]
        self.leaf = leaves[self.label]
        self.name = f"∂{output}/∂{self.label}"
        self.function: Callable[..., Any] | None = None
        if not callable(formula):
            self._number = Value(formula).data
            return
        self.function = formula
        # Python normalises the names in its sources, so the µ of a keyboard must find the μ of a signature.
        spelled = {normalize("NFKC", label): leaf for label, leaf in leaves.items()}
        self._arguments: dict[str, Value] = {}
        self._positional: list[Value] = []
        for name, parameter in inspect.signature(self.function).parameters.items():
            if name not in spelled:
                if parameter.default is parameter.empty:
                    raise ValueError(f"the formula for {self.name} asks for {name}: the leaves are {known}")
            elif parameter.kind is parameter.POSITIONAL_ONLY:
                self._positional.append(spelled[name])
            else:
                self._arguments[name] = spelled[name]

    def at(self, point: _Point) -> float:
        """The number by hand; nan where the formula gives none."""
        if self.function is None:
            return self._number
        numbers = point.numbers
        try:
            result = self.function(
                *(numbers[leaf] for leaf in self._positional),
                **{name: numbers[leaf] for name, leaf in self._arguments.items()},
            )
        except (ArithmeticError, ValueError):
            return nan
        if isinstance(result, complex):
            return nan
        if isinstance(result, Value):
            raise TypeError(f"the formula for {self.name} gave a Value: let it compute with its arguments, the numbers")
        return Value(result).data


class _Point:
    """The graph once more, recorded and backpropagated at other numbers of the leaves."""

    def __init__(self, order: Sequence[Value], numbers: Mapping[Value, float]) -> None:
        self.order = order
        self.numbers = numbers
        self.nodes = _replay(order, numbers)

    def text(self, leaves: Mapping[str, Value]) -> str:
        """Where this is: "w=0.5, b=2"."""
        shown = [f"{label}={self.numbers[leaf]:.6g}" for label, leaf in list(leaves.items())[:8]]
        return ", ".join(shown) + (", …" if len(leaves) > 8 else "")

    @cached_property
    def data(self) -> list[float]:
        return [node.data for node in self.nodes.values()]

    @cached_property
    def noise(self) -> dict[Value, tuple[float, float]]:
        """How far the data and the gradients of the leaves and the output move with the last bits of all numbers.

        Every number is nudged up or down at random, then once more the other way: rounding errors show in what becomes
        of C, and a gradient that they have eaten up, or that jumps at a kink, in what becomes of the gradient.
        Infinite if a nudge moves the graph to where it cannot be computed.
        """
        watched = dict.fromkeys([*self.numbers, self.order[-1]])
        moved = [(0.0, 0.0) for _ in watched]
        for seed, way in ((0, 1), (0, -1), (1, 1), (1, -1)):
            try:
                nudged = _replay(self.order, self.numbers, _nudge(random.Random(seed), way))
            except (ArithmeticError, ValueError, StaleGraphError):  # the last, where backward() sees that it was nudged
                return dict.fromkeys(watched, (inf, inf))
            pairs = [(nudged[node], self.nodes[node]) for node in watched]
            moved = [
                (max(data, abs(new.data - old.data)), max(grad, abs(new.grad - old.grad)))
                for (data, grad), (new, old) in zip(moved, pairs, strict=True)
            ]
        return dict(zip(watched, moved, strict=True))


def _replay(
    order: Sequence[Value], numbers: Mapping[Value, float], nudge: Callable[[float], float] = float
) -> dict[Value, Value]:
    """Record the graph once more, at other numbers of its leaves, and backpropagate: the new node of each old one."""
    nodes: dict[Value, Value] = {}
    for node in order:
        if node._rule is None:
            new = Value(numbers[node])
        else:
            new = node._rule(*(nodes[v] if isinstance(v, Value) else v for v in node.operands))
        new._data = nudge(new._data)
        new.label = node.label
        nodes[node] = new
    nodes[order[-1]].backward()
    return nodes


def _nudge(rng: random.Random, way: int) -> Callable[[float], float]:
    return lambda number: number + way * copysign(EPS * abs(number) or NUDGE_AT_ZERO, rng.random() - 0.5)


def _draw(recorded: _Point, count: int, rng: random.Random) -> Iterator[_Point]:
    """Points near the recorded one, every leaf moved by a quarter to the whole of its size (of 1 where it is smaller).

    Where C or its gradient cannot be computed at the point drawn, the next one is drawn nearer.
    """
    reach = 1.0
    for _ in range(count + 40):
        if not count:
            return
        numbers = {}
        for leaf, number in recorded.numbers.items():
            share = rng.uniform(-0.75, 0.75)
            numbers[leaf] = number + reach * max(1.0, abs(number)) * (share + copysign(0.25, share))
        try:
            yield _Point(recorded.order, numbers)
            count -= 1
        except (ArithmeticError, ValueError):
            reach *= 0.7


class _Costs:
    """The graph as a list of steps on a list of numbers, to be run again for C at other numbers of one leaf.

    The numbers are those of the nodes, in topological order, and then the plain numbers among the operands. Nothing
    here knows a derivative.
    """

    def __init__(self, order: Sequence[Value]) -> None:
        self.order = order
        self.index = {node: k for k, node in enumerate(order)}
        self.constants: list[float] = []
        self.steps: list[Step] = []
        for node in order:
            if node._rule is not None:
                a, *b = [self._place(operand) for operand in node.operands]
                self.steps.append((node._rule.forward, self.index[node], a, b[0] if b else None))

    def _place(self, operand: Value | float) -> int:
        if isinstance(operand, Value):
            return self.index[operand]
        self.constants.append(operand)
        return len(self.order) + len(self.constants) - 1

    def steps_from(self, leaf: Value) -> list[Step]:
        """The steps that depend on the leaf."""
        moved = {self.index[leaf]}
        steps = []
        for step in self.steps:
            if step[2] in moved or step[3] in moved:
                moved.add(step[1])
                steps.append(step)
        return steps

    def at(self, point: _Point, steps: Sequence[Step], leaf: Value) -> Callable[[float], float]:
        """C as a function of the leaf, everything else being as it is at the point; nan where C cannot be computed."""
        values = point.data + self.constants
        where = self.index[leaf]
        output = len(self.order) - 1

        def cost(number: float) -> float:
            moved = values.copy()
            moved[where] = number
            try:
                for forward, out, a, b in steps:
                    moved[out] = forward(moved[a]) if b is None else forward(moved[a], moved[b])
            except (ArithmeticError, ValueError):
                return nan
            return moved[output]

        return cost


def _numeric(cost: Callable[[float], float], point: _Point, leaf: Value, tolerance: float) -> tuple[float, str]:
    """The central difference, and why it cannot be trusted where it cannot.

    Only a difference that is not the automatic gradient is looked at twice, with half the step: where C has a kink or
    bends within the step, the two central differences differ, or the gap between the slopes on both sides does not
    shrink with the step.
    """
    number = point.numbers[leaf]
    automatic = point.nodes[leaf].grad
    step = EPS ** (1 / 3) * max(1.0, abs(number))
    here = point.data[-1]
    slope, gap = _slopes(cost, number, here, step)
    if _close(slope, automatic, tolerance):
        return slope, ""
    half_slope, half_gap = _slopes(cost, number, here, step / 2)
    if not isfinite(slope) or not isfinite(half_slope):
        return nan, "the output cannot be computed a step to each side"
    bend = 2 * abs(slope - half_slope) + abs(2 * half_gap - gap)
    rounding = 10 * point.noise[point.order[-1]][0] / step
    if abs(slope - automatic) > bend + rounding:
        return slope, ""
    if bend > rounding:
        return slope, "the output has a kink, or bends, within its step"
    return slope, f"its rounding error, of about {rounding:.1e}, outweighs the difference"


def _slopes(cost: Callable[[float], float], number: float, here: float, step: float) -> tuple[float, float]:
    """The central difference, and by how much the slopes on both sides differ."""
    up, down = number + step, number - step
    above, below = cost(up), cost(down)
    return (above - below) / (up - down), (above - here) / (up - number) - (here - below) / (number - down)


def _close(a: float, b: float, tolerance: float) -> bool:
    return isclose(a, b, rel_tol=tolerance, abs_tol=TINY)


def _relative_error(a: float, b: float) -> float:
    larger = max(abs(a), abs(b))
    return abs(a / larger - b / larger) if larger else 0.0


class _Trial:
    """One formula at all points: its numbers beside the automatic and the numeric ones, and what follows from them."""

    def __init__(
        self,
        formula: _Formula,
        points: Sequence[_Point],
        numerics: Sequence[tuple[float, str]],
        tolerance: float,
        numeric_tolerance: float,
    ) -> None:
        self.formula = formula
        self.points = points if formula.function else points[:1]
        self.by_hand = [formula.at(point) for point in self.points]
        self.automatic = [point.nodes[formula.leaf].grad for point in points]
        self.numeric = [slope for slope, _ in numerics]
        self.doubts = [doubt for _, doubt in numerics]
        self.tolerance = tolerance
        self.numeric_tolerance = numeric_tolerance
        self.states = [self._state(k) for k in range(len(self.points))]
        self.disputed = [
            k
            for k, (slope, doubt) in enumerate(numerics)
            if not doubt and not _close(slope, self.automatic[k], numeric_tolerance)
        ]

    def _state(self, k: int) -> str:
        hand, automatic = self.by_hand[k], self.automatic[k]
        if not isfinite(hand):
            return "no number"
        if _close(hand, automatic, self.tolerance):
            return "agrees"
        if abs(hand - automatic) / 10 > self.points[k].noise[self.formula.leaf][1]:
            return "differs"
        return "unclear" if hand else "agrees"  # 0 is what a gradient is that rounding alone keeps from being 0

    @property
    def verdict(self) -> str:
        if self.disputed:
            return "unclear"
        if "differs" in self.states:
            return "WRONG"
        agreeing = [self.automatic[k] for k, state in enumerate(self.states) if state == "agrees"]
        if not agreeing or self.states[0] == "no number":
            return "unclear"
        # That 0 is 0 says little about a formula which is elsewhere not quite 0.
        return "ok" if any(agreeing) or "unclear" not in self.states else "unclear"

    def row(self, factors: _Factors) -> Row:
        numbers = self.by_hand[0], self.automatic[0], self.numeric[0]
        cause = self._cause(factors) if self.verdict == "WRONG" else ""
        return Row(self.formula.name, *numbers, not self.doubts[0], self.verdict, cause)

    def _cause(self, factors: _Factors) -> str:
        """The one cause that holds at every point; "" where none or several do."""
        told = [k for k, state in enumerate(self.states) if state in ("agrees", "differs")]
        useful = [k for k in told if self.by_hand[k] and self.automatic[k]]
        if len(useful) < 2:
            return ""
        first = useful[0]
        ratio = self.by_hand[first] / self.automatic[first]
        if all(_close(self.by_hand[k], self.automatic[k] * ratio, self.tolerance) for k in told):
            fraction = Fraction(ratio).limit_denominator(12)
            small = abs(fraction) < 1000 and _close(float(fraction), ratio, self.tolerance)
            text = str(fraction) if small else f"{ratio:.6g}"
            return f"by hand is {text} times automatic" + (": the sign is flipped" if text == "-1" else "")

        found: dict[tuple[str, tuple[float, ...]], int] = {}
        for sentence, given, wanted in (
            ("by hand lacks the factor {}", self.by_hand, self.automatic),
            ("by hand has the factor {} too many", self.automatic, self.by_hand),
        ):
            for place in factors.near(first, wanted[first] / given[first], self.tolerance):
                factor = tuple(factors.columns[k][place] for k in told)
                if all(_close(given[k] * f, wanted[k], self.tolerance) for k, f in zip(told, factor, strict=True)):
                    found.setdefault((sentence, factor), place)
        if len(found) != 1:  # the same number to the last bit, at every point, is one factor; any other is a second one
            return ""
        (((sentence, _), place),) = found.items()
        return sentence.format(factors.text(place))

    def remarks(self, row: Row, leaves: Mapping[str, Value]) -> Iterator[str]:
        """What the table does not say, in sentences."""
        name, count = self.formula.name, len(self.points)
        told = count - self.states.count("unclear") - self.states.count("no number")
        where = f"at all {count} points" if told == count else f"at all {told} points that can tell"

        if self.doubts[0]:
            yield f"~ {name}: the numeric one cannot be trusted here, since {self.doubts[0]}"
        for k in self.disputed[:1]:
            sides = [
                ("automatic", self.automatic[k], self.tolerance),
                ("numeric", self.numeric[k], self.numeric_tolerance),
            ]
            hand = self.by_hand[k] if k < count else nan
            agreeing = [side for side, number, tolerance in sides if _close(hand, number, tolerance)]
            yield (
                f"{name}: automatic {self.automatic[k]:.8g} DISAGREES with numeric {self.numeric[k]:.8g} at "
                f"{self.points[k].text(leaves)}: the derivative of a rule in this graph is wrong; "
                f"by hand agrees with {agreeing[0] if agreeing else 'neither'}"
            )
        if row.cause:
            yield f"{name}: {where} {row.cause}"
        elif row.verdict == "WRONG" and count > 1:
            k = self.states.index("differs")
            yield (
                f"{name}: wrong at {self.states.count('differs')} of {count} points, no single cause fits: {self.by_hand[k]:.8g} "
                f"by hand, {self.automatic[k]:.8g} automatic at {self.points[k].text(leaves)}"
            )
        if "no number" in self.states:
            k = self.states.index("no number")
            yield f"{name}: the formula gives no finite number at {self.points[k].text(leaves)}"
        if "unclear" in self.states:
            k = self.states.index("unclear")
            yield (
                f"{name}: {self.by_hand[k]:.8g} by hand and {self.automatic[k]:.8g} automatic cannot be told apart at "
                f"{self.points[k].text(leaves)}: the last bits of the numbers move automatic as far (rounding, or a kink)"
            )
        if row.verdict != "WRONG" and count > 1 and not any(self.automatic):
            yield f"{name} is 0 at all {count} points: that cannot tell a formula from one with a wrong factor"


class _Factors:
    """What a formula may lack or have too many of: the leaves and the local derivatives, at every point."""

    def __init__(self, order: Sequence[Value], called: Mapping[Any, str], points: Sequence[_Point]) -> None:
        self._called = called
        self._points = points
        self._leaves = [node for node in order if not node.operands]
        self._edges = [(node, place) for node in order for place, v in enumerate(node.operands) if isinstance(v, Value)]

    @cached_property
    def columns(self) -> list[list[float]]:
        """For each point, what the factors are there."""
        columns: list[list[Any]] = [
            [point.numbers[leaf] for leaf in self._leaves]
            + [point.nodes[node].partials[place] for node, place in self._edges]
            for point in self._points
        ]
        return columns

    def near(self, k: int, number: float, tolerance: float) -> list[int]:
        """The factors that are this number at one point, give or take a little more than the tolerance."""
        margin = 2 * tolerance * abs(number)
        low, high = number - margin, number + margin
        return [place for place, factor in enumerate(self.columns[k]) if low <= factor <= high]

    def text(self, k: int) -> str:
        """The factor, and where it is found in the graph."""
        called = self._called
        if k < len(self._leaves):
            return called[self._leaves[k]]
        node, place = self._edges[k - len(self._leaves)]
        where = f"{called[node]} = {expression(node, called.__getitem__)}"
        return f"∂{called[node]}/∂{called[node.operands[place]]} ({where})"


def _trials(
    order: Sequence[Value],
    formulas: Sequence[_Formula],
    points: Sequence[_Point],
    tolerance: float,
    numeric_tolerance: float,
) -> list[_Trial]:
    costs = _Costs(order)
    trials = []
    for formula in _with_progress(formulas):
        leaf = formula.leaf
        steps = costs.steps_from(leaf)
        numerics = [_numeric(costs.at(point, steps, leaf), point, leaf, numeric_tolerance) for point in points]
        trials.append(_Trial(formula, points, numerics, tolerance, numeric_tolerance))
    return trials


def _with_progress(formulas: Sequence[_Formula]) -> Iterator[_Formula]:
    """The formulas, and a line on a terminal that says how far they are, if it takes longer than a second."""
    start = monotonic()
    shown = False
    for done, formula in enumerate(formulas):
        if monotonic() - start > 1 and sys.stderr is not None and sys.stderr.isatty():
            print(f"\rcompare: {done} of {len(formulas)} gradients", end="", file=sys.stderr, flush=True)
            shown = True
        yield formula
    if shown:
        print("\r" + " " * 60, end="\r", file=sys.stderr, flush=True)


def _table(rows: Sequence[Row]) -> list[str]:
    lines: list[tuple[str, ...]] = [("", "by hand", "automatic", "numeric", "hand/auto", "rel. error")]
    for row in rows:
        numbers = [
            _shown(row.by_hand),
            _shown(row.automatic),
            _shown(row.numeric) if row.trusted else f"~{_shown(row.numeric)}",
        ]
        compared = isfinite(row.by_hand)
        ratio = row.by_hand / row.automatic if compared and row.automatic else nan
        text = f"{ratio:.4f}" if 1e-3 <= abs(ratio) < 1e5 else _shown(ratio, ".1e")
        error = f"{_relative_error(row.by_hand, row.automatic):.1e}" if compared else "–"
        lines.append((row.name, *numbers, text, error))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for k in (1, 2, 3):
        widths[k] = max(widths[1:4])
    verdicts = ["", *(row.verdict for row in rows)]
    return [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:]), verdict]).rstrip()
        for line, verdict in zip(lines, verdicts, strict=True)
    ]


def _shown(number: float, digits: str = ".8g") -> str:
    return "–" if isnan(number) else format(number + 0.0, digits)  # + 0.0, so that no -0 is shown


def _numeric_summary(trials: Sequence[_Trial]) -> list[str]:
    if any(trial.disputed for trial in trials):
        return []
    errors = [
        _relative_error(automatic, numeric)
        for trial in trials
        for automatic, numeric, doubt in zip(trial.automatic, trial.numeric, trial.doubts, strict=True)
        if not doubt
    ]
    if not errors:
        return ["automatic is checked by nothing here: the numeric gradients cannot be trusted"]
    return [f"automatic agrees with numeric (central difference; worst relative error {max(errors):.1e})"]
