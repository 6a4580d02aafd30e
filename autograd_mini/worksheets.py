"""Worksheet: backpropagation with blanks to fill in, which marks the answers and names the slip in a wrong one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable
from copy import deepcopy
from math import isclose
from typing import Any, NamedTuple
from unicodedata import normalize

from autograd_mini.backprop import Contribution
from autograd_mini.by_hand import Formulas
from autograd_mini.comparison import compare
from autograd_mini.errors import told
from autograd_mini.graph import Graph
from autograd_mini.notation import Text, columns, figure
from autograd_mini.reals import attempt, real
from autograd_mini.slips import Slip, derivative_slips, fed, sum_slips, value_slips
from autograd_mini.value import Value
from autograd_mini.walk import Walk, chain


class Blank(NamedTuple):
    """A number to be filled in, how it is computed, and the numbers that slips make of it."""

    number: float
    rule: str
    slips: Iterable[Slip]


class Worksheet:
    """Backpropagation of an output with its first ``worked`` steps done, and blanks in the others.

    With all ``len(sheet)`` steps worked it is an example. With none it is an exercise, and the values of the forward
    pass are blanks too. ``sheet.key`` is the whole solution. No ``grad`` changes, and none gives an answer away.

    Raises what ``backward()`` raises, and ValueError for more steps than there are.

    >>> x = Value(5, "x")
    >>> sheet = Worksheet((x**3).named("C"))
    >>> sheet
    backprop of C: 0 of 1 steps done
    given x = 5
      C = x ** 3 = ______
    step 1 of 1: C = x ** 3 = ______,  ∂C/∂C = ______
      ∂C/∂x += ∂C/∂C × ∂C/∂x  = ______ × ______ = ______
    >>> sheet.check({"C": 125, "dC/dx": 25})
    C = 125: right
    ∂C/∂x = 25: that is without the factor 3 in ∂C/∂x = 3 * x ** 2
    """

    def __init__(self, output: Value, worked: int = 0) -> None:
        walk = Walk(deepcopy(output))
        self._graph = graph = walk.graph
        self._steps = list(walk)
        if not 0 <= worked <= len(self):
            raise ValueError(f"worked is how many steps are done, from 0 to {len(self)}, not {worked}")
        self.worked = worked
        self.answers: dict[str, float] = {}
        self._key = self._blanks(self.answers.get)
        self._known = set(graph.names.values()) if worked else set()
        self._names: dict[Any, str] = {normalize("NFC", name.replace("∂", d)): name for d in "d∂" for name in self._key}
        self._names |= zip(Graph(output).order, map(graph.gradient_name, graph.order), strict=True)

    def __len__(self) -> int:
        return len(self._steps)

    def __repr__(self) -> str:
        return self._text(self.worked, self._known)

    @property
    def key(self) -> Text:
        """The whole solution: the forward pass, and the steps as a Walk shows them."""
        return Text(self._text(len(self), self._key))

    def check(self, answers: Formulas) -> Text:
        """Mark the answers. The key of an answer is its name on the sheet, or a Value for the gradient of that Value.

        "dC/dw" is "∂C/∂w". Three digits suffice. Your own numbers are carried forward, those of earlier calls too, so
        that what follows from a wrong one is marked so. What is right stands on the sheet from now on. A function, for
        the gradient of a leaf, goes to ``compare``.

        Raises ValueError for a name that is not on the sheet, and TypeError for what is not a number.
        """
        graph = self._graph
        leaves = {graph.gradient_name(leaf): leaf for leaf in graph.leaves}
        numbers, formulas = {}, {}
        for key, answer in answers.items():
            key = normalize("NFC", key) if isinstance(key, str) else key  # ŷ is one character or two
            if key not in self._names:
                raise ValueError(f"there is no {key!r} to fill in: on this sheet are {', '.join(self._key)}")
            name = self._names[key]
            if callable(answer) and name in leaves:
                formulas[leaves[name]] = answer
                continue
            try:
                numbers[name] = real(answer)
            except TypeError as error:
                raise told(error, name) from None
        reports = [repr(compare(graph.output, formulas))] if formulas else []
        self.answers |= numbers
        right = {name: answer for name, answer in self.answers.items() if close(answer, self._key[name].number)}
        own = self._blanks(self.answers.get)
        rounded = self._blanks(lambda name, number: right.get(name, float(f"{number:.3g}")))
        marks = {name: self._mark(name, own[name], rounded[name]) for name in own if name in self.answers}
        self._known -= marks.keys()
        self._known |= {name for name, mark in marks.items() if mark.startswith("right")}
        lines = [f"{name} = {figure(numbers[name])}: {mark}" for name, mark in marks.items() if name in numbers]
        return Text("\n".join(lines + reports))

    def _mark(self, name: str, own: Blank, rounded: Blank) -> str:
        """What is to be said of an answer, given what follows from the other answers, and from rounded numbers."""
        answer = self.answers[name]
        if close(answer, self._key[name].number):
            return "right"
        if close(answer, rounded.number):
            return "right but for rounding: carry more digits"
        if close(answer, own.number):
            return "follows from what you have above: mend that"
        slips = (slip for slip in (*own.slips, *rounded.slips) if close(answer, slip.number))
        return next((f"that is {slip.words(self._graph)}" for slip in slips), f"wrong: it is {own.rule}")

    def _blanks(self, carried: Callable[[str, float], float]) -> dict[str, Blank]:
        """Every blank by its name, in the order of the sheet, by doing the computation again.

        Each number is ``carried`` forward as that function of its name and its number: an answer may take its place.
        """
        graph = self._graph
        blanks: dict[str, Blank] = {}

        def blank(name: str, number: float, rule: str, slips: Iterable[Slip] = ()) -> float:
            """Note the blank of that name, and give the number to go on with."""
            blanks.setdefault(name, Blank(number, rule, slips))
            return carried(name, number)

        numbers: dict[Any, float] = {}
        for node in graph.order:
            if node.operands:
                number = attempt(node.rule.number, *fed(node, numbers)[1:])
                numbers[node] = blank(graph.names[node], number, graph.expression(node), value_slips(node, numbers))
        gradients = {graph.output: blank(graph.gradient_name(graph.output), 1.0, "1")}
        sums: dict[Value, list[Contribution]] = defaultdict(list)
        contributions = [each for step in self._steps for each in step.contributions]
        last = {each.operand: each for each in contributions}
        for each in contributions:
            node, position, operand = each[:3]
            number = attempt(node.rule.partials[position], *fed(node, numbers))
            rule = f"how {graph.equation(node)} changes with {graph.names[operand]}"
            alone = each._replace(upstream=1.0, partial=number, contribution=number)
            # Those of the output are gradients too.
            slips = sum_slips([alone], numbers) if node is graph.output else derivative_slips(alone, numbers)
            partial = blank(graph.derivative_name(node, position), number, rule, slips)
            upstream = gradients[node]
            sums[operand].append(each._replace(upstream=upstream, partial=partial, contribution=upstream * partial))
            if each is last[operand]:
                parts = sums[operand]
                number = sum(part.contribution for part in parts)
                rule = " + ".join(chain(graph, part) for part in parts)
                gradients[operand] = blank(graph.gradient_name(operand), number, rule, sum_slips(parts, numbers))
        return blanks

    def _text(self, worked: int, known: Container[str]) -> str:
        graph = self._graph

        def write(name: str, number: float) -> str:
            return figure(number) if name in known else "______"

        given = ", ".join(f"{graph.names[leaf]} = {figure(leaf.data)}" for leaf in graph.leaves)
        forward = [(graph.equation(node), write(graph.names[node], node.data)) for node in graph.order if node.operands]
        lines = [f"backprop of {graph.names[graph.output]}: {worked} of {len(self)} steps done", f"given {given}"]
        lines += [f"  {line}" for line in columns(forward, "<<", " = ")]
        lines += [repr(step) if step.number <= worked else step.text(write) for step in self._steps]
        return "\n".join(lines)


def close(a: float, b: float) -> bool:
    """Do the numbers agree to three digits? Where one is 0, the other may be what rounding leaves of a 0."""
    return isclose(a, b, rel_tol=5e-3) or (0 in (a, b) and abs(a - b) < 1e-12)
