"""The slips of a derivation: what a gradient becomes where the chain rule goes wrong in one place, and how to say it.

A slip is made at one contribution, upstream gradient × local derivative. What it does to the gradient of a leaf follows
without another backward pass: a contribution reaches the leaf multiplied by the derivative of its operand with respect
to the leaf. Everything is computed with the rules of the graph, so a row of your own has its slips as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from operator import truediv
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

    The phrase is about a node and, unless the position is None, its operand there.
    """

    number: float
    phrase: str
    node: Value
    position: int | None = None

    def words(self, graph: Graph) -> str:
        """The slip in the names of the graph: "without the local derivative ∂v1/∂w = x"."""
        names = [plain(v) if isinstance(v, float) else graph.names[v] for v in (self.node, *self.node.operands)]
        if self.position is None:
            return self.phrase.format(*names)
        upstream, local = graph.gradient_name(self.node), graph.derivative_name(self.node, self.position)
        contribution = local if self.node is graph.output else f"{upstream} × {local}"
        derivative = f"{local} = {partial_formula(graph, self.node, self.position)}"
        return self.phrase.format(
            *names, upstream=upstream, local=local, contribution=contribution, derivative=derivative
        )

    def text(self, graph: Graph) -> str:
        """The words, and the equations they need where those are not at hand: "…, where v1 = w * x"."""
        unlabelled = [v for v in self.node.operands if isinstance(v, Value) and v.label != graph.names[v]]
        told = [graph.equation(v) for v in dict.fromkeys([self.node, *unlabelled]) if v.operands]
        return self.words(graph) + (f", where {', '.join(told)}" if told else "")


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
        number = step.upstream * attempt(node.rule.partials[position], *fed)
        yield Slip(number, f"with {{{taken}}} in place of {{{place}}} in {{derivative}}", node, position)


def factor_slips(right: float, factor: float, phrase: str, *where: Any) -> Iterator[Slip]:
    """The wrong numbers that a product may become: without a factor, or with one that it does not have."""
    yield Slip(attempt(truediv, right, factor), f"without the factor {phrase}", *where)
    yield Slip(right * factor, f"with an extra factor {phrase}", *where)


def pencil_slips(step: Contribution) -> list[Slip]:
    """The slips of a contribution, those of a factor in the local derivative among them.

    Without the 2 of 2 * v comes before half of a contribution.
    """
    node, position = step.node, step.position
    factors: list[Slip] = []
    for place, number in enumerate(map(float, node.operands), 1):
        if node.rule is not div:  # its derivatives are quotients
            factors += factor_slips(step.contribution, number, f"{{{place}}} in {{derivative}}", node, position)
    slips = [*contribution_slips(step)]
    return [*slips[:3], *factors, *slips[3:]]


def derivative_slips(step: Contribution) -> Iterator[Slip]:
    """The wrong numbers that the local derivative of a step may become: those of a contribution with 1 upstream."""
    for slip in pencil_slips(step):
        if not slip.phrase.startswith(("without the contribution", "without the local", "without the upstream")):
            yield slip._replace(phrase=slip.phrase.replace("the contribution {contribution}", "{local}"))


def sum_slips(steps: Sequence[Contribution]) -> Iterator[Slip]:
    """The wrong numbers that a gradient may become, given all the contributions to it."""
    total = sum(step.contribution for step in steps)
    yield Slip(-total, "with the sign flipped", steps[0].operand)
    for step in steps:
        yield Slip(step.contribution, "with nothing but {contribution}", step.node, step.position)
    for step in steps:
        for slip in pencil_slips(step):
            yield slip._replace(number=total - step.contribution + slip.number)


def value_slips(node: Value) -> Iterator[Slip]:
    """The wrong numbers that the value of a node may become: signs, and the operation left out."""
    yield Slip(-node.data, "with the sign flipped", node)
    for place, number in enumerate(map(float, node.operands), 1):
        fed = [*map(float, node.operands)]
        fed[place - 1] = -number
        yield Slip(attempt(node.rule.number, *fed), f"with -{{{place}}} in place of {{{place}}}", node)
        yield Slip(number, f"{{{place}}} itself", node)


def gradient_slips(graph: Graph, leaf: Value) -> list[Slip]:
    """The wrong numbers that the gradient of the leaf may become, the plainest first, of equals the nearest to the leaf.

    Which slips there are, and in which order, depends on nothing but the shape of the graph.
    """
    steps = list(backward_pass(graph, 1.0, float))
    right = next((step.after for step in reversed(steps) if step.operand is leaf), 1.0)
    reach = defaultdict(float, {leaf: 1.0})  # the derivative of a node with respect to the leaf
    ranked: dict[float, list[Slip]] = defaultdict(list)  # the lower the rank, the plainer
    alike: dict[Any, list[Slip]] = defaultdict(list)
    for step in reversed(steps):
        node, position, operand = step[:3]
        if operand in reach:
            reach[node] += step.partial * reach[operand]
            alone = step.contribution * reach[operand]
            ranked[0.5].append(Slip(alone, "with nothing but {contribution}", node, position))
            for rank, wrong in enumerate(contribution_slips(step)):
                slip = Slip(right + (wrong.number - step.contribution) * reach[operand], *wrong[1:])
                ranked[rank].append(slip)
                alike[rank, node.rule, position, operand is leaf, (*map(type, node.operands),)].append(slip)
    for (rank, *_), slips in alike.items():
        count, (first, *others) = len(slips), slips
        if others:
            change = sum(slip.number - right for slip in others)
            phrase = f"{first.phrase}, in all {count} places like it"
            ranked[rank].append(first._replace(number=first.number + change, phrase=phrase))
            if rank == 0:
                once = f"with one contribution like {{contribution}} in place of {count}"
                ranked[0.5].append(first._replace(number=right + change, phrase=once))
    for node in graph.order:
        ranked[1.5] += factor_slips(right, node.data, "{0}", node)
    return [slip for rank in sorted(ranked) for slip in ranked[rank]]
