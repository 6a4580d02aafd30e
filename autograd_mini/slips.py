"""The slips of a derivation: what a gradient becomes where the chain rule goes wrong in one place, and how to say it.

A slip is made at one contribution, upstream gradient × local derivative. What it does to the gradient of a leaf follows
without another backward pass: a contribution reaches the leaf multiplied by the derivative of its operand with respect
to the leaf. Everything is computed with the rules of the graph, so a row of your own has its slips as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from math import nan
from typing import Any, NamedTuple

from autograd_mini.backprop import Contribution, backward_pass
from autograd_mini.formulas import partial_formula
from autograd_mini.graph import Graph
from autograd_mini.notation import plain
from autograd_mini.reals import attempt
from autograd_mini.rules import div, power
from autograd_mini.value import Value

# What may be put in place of a contribution, the plainest first.
# fmt: off
SLIPS: tuple[tuple[str, Callable[[Contribution], float]], ...] = (
    ("without the contribution {contribution}",                       lambda c: 0.0),
    ("without the local derivative {derivative}",                     lambda c: c.upstream),
    ("with the sign of the contribution {contribution} flipped",      lambda c: -c.contribution),
    ("with twice the contribution {contribution}",                    lambda c: 2 * c.contribution),
    ("with half of the contribution {contribution}",                  lambda c: c.contribution / 2),
    ("without the upstream gradient {upstream}",                      lambda c: c.partial),
    ("with {0} itself in place of the local derivative {derivative}", lambda c: c.upstream * c.node.data),
    ("with the local derivative {derivative} twice",                  lambda c: c.contribution * c.partial),
)
# fmt: on


class Slip(NamedTuple):
    """A wrong number, nan if there is none, and the phrase that says what is wrong, to be filled in with names.

    The phrase is about a node and, unless the position is None, its operand there. ``places`` counts the places in the
    graph where the same goes wrong.
    """

    number: float
    phrase: str
    node: Value
    position: int | None = None
    places: int = 1

    def words(self, graph: Graph) -> str:
        """The slip in the names of the graph: "without the local derivative ∂v1/∂w = x"."""
        called = [plain(each) if isinstance(each, float) else graph.names[each] for each in self._values]
        parts: dict[str, str] = {}
        if self.position is not None:
            upstream, local = graph.gradient_name(self.node), graph.derivative_name(self.node, self.position)
            contribution = local if self.node is graph.output else f"{upstream} × {local}"
            derivative = f"{local} = {partial_formula(graph, self.node, self.position)}"
            parts = {"upstream": upstream, "local": local, "contribution": contribution, "derivative": derivative}
        places = f", in all {self.places} places like it" if self.places > 1 else ""
        return self.phrase.format(*called, **parts) + places

    def text(self, graph: Graph) -> str:
        """The words, and the equations they need where those are not at hand: "…, where v1 = w * x"."""
        nodes = [each for each in dict.fromkeys(self._values) if isinstance(each, Value) and each.operands]
        told = [graph.equation(each) for each in nodes if each is self.node or graph.names[each] != each.label]
        return self.words(graph) + (f", where {', '.join(told)}" if told else "")

    @property
    def _values(self) -> tuple[Value | float, ...]:
        return (self.node, *self.node.operands)


def contribution_slips(step: Contribution) -> Iterator[Slip]:
    """The wrong numbers that the contribution of a step may become, the plainest first.

    Which slips there are, and in which order, depends on nothing but the rule.
    """
    node, position = step.node, step.position
    for phrase, wrong in SLIPS:
        yield Slip(wrong(step), phrase, node, position)
    numbers = [node.data, *map(float, node.operands)]
    for place, taken in permutations(range(len(numbers)), 2):
        if node.rule is power and isinstance(node.operands[1], float) and 2 in (place, taken):
            continue  # the exponent stands twice in b * a ** (b - 1), once of them as b - 1
        fed = [*numbers]
        fed[place] = numbers[taken]
        partial = attempt(lambda fed: float(node.rule.partials[position](*fed)), fed)
        phrase = f"with {{{taken}}} in place of {{{place}}} in {{derivative}}"
        yield Slip(step.upstream * partial, phrase, node, position)


def factor_slips(step: Contribution) -> Iterator[Slip]:
    """The wrong numbers that a contribution may become where the local derivative has a factor too many or too few."""
    for place, number in enumerate(map(float, step.node.operands), 1):
        if step.node.rule is div:
            continue  # its derivatives are quotients
        without = step.contribution / number if number else nan
        extra = step.contribution * number
        yield Slip(without, f"without the factor {{{place}}} in {{derivative}}", step.node, step.position)
        yield Slip(extra, f"with an extra factor {{{place}}} in {{derivative}}", step.node, step.position)


def plainest_first(step: Contribution) -> list[Slip]:
    """Both kinds: without the 2 of 2 * v comes before half of a contribution."""
    slips = [*contribution_slips(step)]
    return [*slips[:3], *factor_slips(step), *slips[3:]]


def derivative_slips(step: Contribution) -> Iterator[Slip]:
    """The wrong numbers that the local derivative of a step may become: those of a contribution with 1 upstream."""
    alone = step._replace(upstream=1.0, contribution=step.partial)
    for slip in plainest_first(alone):
        if not slip.phrase.startswith(("without the contribution", "without the local", "without the upstream")):
            yield slip._replace(phrase=slip.phrase.replace("the contribution {contribution}", "{local}"))


def sum_slips(steps: Sequence[Contribution]) -> Iterator[Slip]:
    """The wrong numbers that a gradient may become, given all the contributions to it."""
    total = sum(step.contribution for step in steps)
    yield Slip(-total, "with the sign flipped", steps[0].operand)
    if len(steps) > 1:
        for step in steps:
            yield Slip(step.contribution, "with nothing but {contribution}", step.node, step.position)
    for step in steps:
        for slip in plainest_first(step):
            yield slip._replace(number=total - step.contribution + slip.number)


def value_slips(node: Value) -> Iterator[Slip]:
    """The wrong numbers that the value of a node may become: signs, and the operation left out."""
    yield Slip(-node.data, "with the sign flipped", node)
    numbers = [*map(float, node.operands)]
    for place, number in enumerate(numbers, 1):
        fed = [*numbers]
        fed[place - 1] = -number
        yield Slip(attempt(node.rule.number, *fed), f"with -{{{place}}} in place of {{{place}}}", node)
        yield Slip(number, f"{{{place}}} itself", node)


def gradient_slips(graph: Graph, leaf: Value) -> list[Slip]:
    """The wrong numbers that the gradient of the leaf may become, the plainest first, of equals the nearest to the leaf.

    Which slips there are, and in which order, depends on nothing but the shape of the graph.
    """
    steps = list(backward_pass(graph, 1.0, float))
    right = {graph.output: 1.0, **{step.operand: step.after for step in steps}}[leaf]
    reach = defaultdict(float, {leaf: 1.0})  # the derivative of a node with respect to the leaf
    ranked: dict[int, list[Slip]] = defaultdict(list)
    alike: dict[Any, list[Slip]] = defaultdict(list)
    alone = []
    for step in reversed(steps):
        node, position, operand = step[:3]
        if operand in reach:
            reach[node] += step.partial * reach[operand]
            alone.append(Slip(step.contribution * reach[operand], "with nothing but {contribution}", node, position))
            for rank, wrong in enumerate(contribution_slips(step)):
                slip = Slip(right + (wrong.number - step.contribution) * reach[operand], *wrong[1:])
                ranked[rank].append(slip)
                alike[rank, node.rule, position, operand is leaf, (*map(type, node.operands),)].append(slip)
    for (rank, *_), slips in alike.items():
        if len(slips) > 1:
            others = sum(slip.number - right for slip in slips[1:])
            ranked[rank].append(slips[0]._replace(number=slips[0].number + others, places=len(slips)))
            if rank == 0:
                once = f"with one contribution like {{contribution}} in place of {len(slips)}"
                alone.append(Slip(right + others, once, slips[0].node, slips[0].position))
    ranked[0] += alone
    for node in graph.order:
        ranked[1].append(Slip(right / node.data if node.data else nan, "without the factor {0}", node))
        ranked[1].append(Slip(right * node.data, "with an extra factor {0}", node))
    return [slip for rank in sorted(ranked) for slip in ranked[rank]]
