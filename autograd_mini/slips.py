"""The slips of a derivation: what a gradient becomes where the chain rule goes wrong in one place, and how to say it.

A slip is made at one contribution, upstream gradient × local derivative. What it does to the gradient of a leaf follows
without another backward pass: a contribution reaches the leaf multiplied by the derivative of its operand with respect
to the leaf. Everything is computed with the rules of the graph, so a row of your own has its slips as well.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from operator import itemgetter, truediv
from typing import Any, NamedTuple

from autograd_mini.backprop import Contribution, backward_pass
from autograd_mini.formulas import partial_formula
from autograd_mini.graph import Graph
from autograd_mini.notation import plain
from autograd_mini.reals import attempt
from autograd_mini.rules import div, power
from autograd_mini.value import Value


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
        product = local if self.node is graph.output else f"{upstream} × {local}"
        equation = f"{local} = {partial_formula(graph, self.node, self.position)}"
        return self.phrase.format(*names, upstream=upstream, local=local, contribution=product, derivative=equation)

    def text(self, graph: Graph) -> str:
        """The words, and the equations they need where those are not at hand: "…, where v1 = w * x"."""
        unlabelled = [v for v in self.node.operands if isinstance(v, Value) and v.label != graph.names[v]]
        told = [graph.equation(v) for v in dict.fromkeys([self.node, *unlabelled]) if v.operands]
        return self.words(graph) + (f", where {', '.join(told)}" if told else "")


def fed(node: Value, numbers: Mapping[Any, float]) -> list[float]:
    """The numbers of the node and its operands: those given, and else their own."""
    return [numbers.get(each, float(each)) for each in (node, *node.operands)]


def contribution_slips(
    step: Contribution, right: float, numbers: Mapping[Any, float], reach: float = 1.0, factors: bool = False
) -> Iterator[Slip]:
    """The wrong numbers that a gradient may become by a slip at one contribution to it, the plainest first.

    The contribution counts ``reach`` times. With ``factors``, those of a factor in the local derivative are among them:
    without the 2 of 2 * v comes before half of a contribution. Which slips there are, and in which order, depends on
    nothing but the rule.
    """
    rest = right - step.contribution * reach
    for phrase, number in wrong_contributions(step, fed(step.node, numbers), factors):
        yield Slip(rest + number * reach, phrase, step.node, step.position)


def wrong_contributions(step: Contribution, numbers: list[float], factors: bool) -> Iterator[tuple[str, float]]:
    """What may be put in place of the contribution of a step, in words and as a number."""
    node, position, _, upstream, partial, right, *_ = step
    yield "without the contribution {contribution}", 0.0
    yield "without the local derivative {derivative}", upstream
    yield "with the sign of the contribution {contribution} flipped", -right
    if factors and node.rule is not div:  # its derivatives are quotients
        for place, number in enumerate(numbers[1:], 1):
            yield from wrong_factors(right, number, f"{{{place}}} in {{derivative}}")
    yield "with twice the contribution {contribution}", 2 * right
    yield "with half of the contribution {contribution}", right / 2
    yield "without the upstream gradient {upstream}", partial
    yield "with {0} itself in place of the local derivative {derivative}", upstream * numbers[0]
    yield "with the local derivative {derivative} twice", right * partial
    for place, taken in permutations(range(len(numbers)), 2):
        if node.rule is power and isinstance(node.operands[1], float) and 2 in (place, taken):
            continue  # the exponent stands twice in b * a ** (b - 1), once of them as b - 1
        wrong = [*numbers[:place], numbers[taken], *numbers[place + 1 :]]
        number = upstream * attempt(node.rule.partials[position], *wrong)
        yield f"with {{{taken}}} in place of {{{place}}} in {{derivative}}", number


def wrong_factors(right: float, factor: float, name: str) -> Iterator[tuple[str, float]]:
    """What a product may become: without a factor, or with one that it does not have."""
    yield f"without the factor {name}", attempt(truediv, right, factor)
    yield f"with an extra factor {name}", right * factor


def derivative_slips(step: Contribution, numbers: Mapping[Any, float]) -> Iterator[Slip]:
    """The wrong numbers that the local derivative of a step may become: those of a contribution with 1 upstream."""
    _, _, *slips = contribution_slips(
        step, step.partial, numbers, factors=True
    )  # 0 and 1 are not slips of a derivative
    for slip in slips:
        yield slip._replace(phrase=slip.phrase.replace("the contribution {contribution}", "{local}"))


def sum_slips(steps: Sequence[Contribution], numbers: Mapping[Any, float]) -> Iterator[Slip]:
    """The wrong numbers that a gradient may become, given all the contributions to it."""
    total = sum(step.contribution for step in steps)
    yield Slip(-total, "with the sign flipped", steps[0].operand)
    for step in steps:
        yield Slip(step.contribution, "with nothing but {contribution}", step.node, step.position)
    for step in steps:
        yield from contribution_slips(step, total, numbers, factors=True)


def value_slips(node: Value, numbers: Mapping[Any, float]) -> Iterator[Slip]:
    """The wrong numbers that the value of a node may become: signs, and the operation left out."""
    _, *operands = fed(node, numbers)
    yield Slip(-attempt(node.rule.number, *operands), "with the sign flipped", node)
    for place, number in enumerate(operands, 1):
        wrong = [*operands[: place - 1], -number, *operands[place:]]
        yield Slip(attempt(node.rule.number, *wrong), f"with -{{{place}}} in place of {{{place}}}", node)
        yield Slip(number, f"{{{place}}} itself", node)


def gradient_slips(graph: Graph, leaf: Value) -> list[Slip]:
    """The wrong numbers that the gradient of the leaf may become, the plainest first, of equals the nearest to the leaf.

    Which slips there are, and in which order, depends on nothing but the shape of the graph.
    """
    steps = [*backward_pass(graph, 1.0, float)]
    right = {step.operand: step.after for step in steps}.get(leaf, 1.0)
    reach = defaultdict(float, {leaf: 1.0})  # the derivative of a node with respect to the leaf
    ranked: list[tuple[float, Slip]] = []  # the lower the rank, the plainer
    places: dict[Any, list[list[Slip]]] = defaultdict(list)  # that are alike, and the slips at each
    for step in reversed(steps):
        node, position, operand = step[:3]
        if operand in reach:
            reach[node] += step.partial * reach[operand]
            alone = Slip(step.contribution * reach[operand], "with nothing but {contribution}", node, position)
            slips = [*contribution_slips(step, right, {}, reach[operand])]
            ranked += [(0.5, alone), *enumerate(slips)]
            places[node.rule, position, operand is leaf, (*map(type, node.operands),)].append(slips)
    for alike in places.values():
        for rank, (first, *others) in enumerate(zip(*alike, strict=True)):
            if others:
                change = sum(slip.number - right for slip in others)
                phrase = f"{first.phrase}, in all {len(alike)} places like it"
                ranked.append((rank, first._replace(number=first.number + change, phrase=phrase)))
                if rank == 0:
                    once = f"with one contribution like {{contribution}} in place of {len(alike)}"
                    ranked.append((0.5, first._replace(number=right + change, phrase=once)))
    for node in graph.order:
        ranked += [(1.5, Slip(number, phrase, node)) for phrase, number in wrong_factors(right, node.data, "{0}")]
    return [slip for _, slip in sorted(ranked, key=itemgetter(0))]
