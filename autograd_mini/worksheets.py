"""Worksheet: backpropagation with blanks to fill in, which marks the answers and names the slip in a wrong one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from copy import deepcopy
from math import isclose
from typing import Any, NamedTuple
from unicodedata import normalize

from autograd_mini.backprop import Contribution, backward_pass, local_derivative
from autograd_mini.by_hand import Formula
from autograd_mini.comparison import compare
from autograd_mini.errors import told
from autograd_mini.graph import Graph
from autograd_mini.notation import Text, figure
from autograd_mini.reals import attempt, real
from autograd_mini.slips import Slip, derivative_slips, sum_slips, value_slips
from autograd_mini.value import Value
from autograd_mini.walk import Walk, chain


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
        self._known = set(graph.names.values()) if worked else set()
        names = marks(graph.output, {}, {})
        self._names: dict[Any, str] = {normalize("NFC", name.replace("∂", "d")): name for name in names}
        self._names.update((normalize("NFC", name), name) for name in names)
        self._names.update(zip(Graph(output).order, map(graph.gradient_name, graph.order), strict=True))

    def __len__(self) -> int:
        return len(self._steps)

    def __repr__(self) -> str:
        return self._text(self.worked, self._known)

    @property
    def key(self) -> Text:
        """The whole solution: the forward pass, and the steps as a Walk shows them."""
        return Text(self._text(len(self), self._names.values()))

    def check(self, answers: Mapping[str, Formula] | Mapping[Value, Formula]) -> Text:
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
                names = ", ".join(dict.fromkeys(self._names.values()))
                raise ValueError(f"there is no {key!r} to fill in: on this sheet are {names}")
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
        own = marks(graph.output, self.answers, self.answers)
        right = {name: number for name, number in self.answers.items() if own[name].rank == 0}
        rounded = marks(graph.output, self.answers, right, rounding=True)
        best = {name: min(own[name], rounded[name], key=lambda mark: mark.rank) for name in own}
        self._known -= self.answers.keys()
        self._known |= {name for name in self.answers if best[name].rank <= 1}
        lines = [f"{name} = {figure(numbers[name])}: {mark.text}" for name, mark in best.items() if name in numbers]
        return Text("\n".join(lines + reports))

    def _text(self, worked: int, known: Container[str]) -> str:
        graph = self._graph

        def write(name: str, number: float) -> str:
            return figure(number) if name in known else "______"

        given = ", ".join(f"{graph.names[leaf]} = {figure(leaf.data)}" for leaf in graph.leaves)
        equations = {node: graph.equation(node) for node in graph.order if node.operands}
        width = max(map(len, equations.values()), default=0)
        lines = [f"backprop of {graph.names[graph.output]}: {worked} of {len(self)} steps done", f"given {given}"]
        lines += [f"  {text:<{width}} = {write(graph.names[node], node.data)}" for node, text in equations.items()]
        lines += [repr(step) if step.number <= worked else step.text(write) for step in self._steps]
        return "\n".join(lines)


class Mark(NamedTuple):
    """What is to be said of an answer; the lower the rank, the better it is."""

    rank: int
    text: str


def marks(
    output: Value, answers: Mapping[str, float], carried: Mapping[str, float], rounding: bool = False
) -> dict[str, Mark]:
    """The mark of every blank, in the order of the sheet, by doing the computation again.

    The numbers ``carried`` forward take the place of the right ones; where ``rounding``, each of the others is rounded
    to three digits, as a pencil might.
    """
    graph = Graph(deepcopy(output))
    contributions = list(backward_pass(graph, 1.0, float))
    last = {each.operand: each for each in contributions}
    marked: dict[str, Mark] = {}

    def mark(name: str, right: float, follows: float, rule: str, slips: Iterable[Slip] = ()) -> float:
        """Mark the number of that name, and give the one to go on with."""
        answer = answers.get(name, follows)
        if close(answer, right):
            found = Mark(0, "right")
        elif close(answer, follows):
            rounded = Mark(1, "right but for rounding: carry more digits")
            found = rounded if rounding else Mark(2, "follows from what you have above: mend that")
        else:
            slip = next((slip.words(graph) for slip in slips if close(answer, slip.number)), "")
            found = Mark(3, f"that is {slip}") if slip else Mark(4, f"wrong: it is {rule}")
        marked.setdefault(name, found)
        return carried.get(name, float(f"{follows:.3g}") if rounding else follows)

    for node in graph.order:
        if node.operands:
            right = node.data
            node._data = follows = attempt(node.rule.number, *map(float, node.operands))
            node._data = mark(graph.names[node], right, follows, graph.expression(node), value_slips(node))
    gradients = {graph.output: mark(graph.gradient_name(graph.output), 1.0, 1.0, "1")}
    sums: dict[Value, list[Contribution]] = defaultdict(list)
    for each in contributions:
        node, position, operand, upstream = each.node, each.position, each.operand, gradients[each.node]
        follows = attempt(local_derivative, graph, node, position, float)
        rule = f"how {graph.equation(node)} changes with {graph.names[operand]}"
        own = each._replace(upstream=1.0, partial=follows, contribution=follows)
        # Those of the output are gradients too.
        slips = sum_slips([own]) if node is graph.output else derivative_slips(own)
        partial = mark(graph.derivative_name(node, position), each.partial, follows, rule, slips)
        sums[operand].append(each._replace(upstream=upstream, partial=partial, contribution=upstream * partial))
        if each is last[operand]:
            follows = sum(part.contribution for part in sums[operand])
            rule = " + ".join(chain(graph, part) for part in sums[operand])
            slips = sum_slips(sums[operand])
            gradients[operand] = mark(graph.gradient_name(operand), each.after, follows, rule, slips)
    return marked


def close(a: float, b: float) -> bool:
    """Do the numbers agree to three digits? Where one is 0, the other may be what rounding leaves of a 0."""
    return isclose(a, b, rel_tol=5e-3) or (0 in (a, b) and abs(a - b) < 1e-12)
