"""Random computation graphs, the same for the same seed, whose numbers and derivatives are of moderate size; and the
derivative of any graph by small differences, to compare with."""

from __future__ import annotations

import random
from collections.abc import Iterable

from autograd_mini import Rule, Value, rules
from autograd_mini.graph import topological_order

RULES = [rule for rule in vars(rules).values() if isinstance(rule, Rule)]


def random_graph(seed: int, size: int) -> tuple[Value, list[Value]]:
    """A graph of at least `size` operations, as its output and its leaves, which are labelled x1, x2, …

    The operations go round all rows of the table. Constants stand on either side of an operator; some nodes are used
    several times, some twice by the same operation. The output depends on every node. It stays clear of kinks, of the
    borders of domains and of numbers that grow: the derivatives can be compared with small differences.
    """
    rng = random.Random(seed)
    leaves = [Value(sign * rng.uniform(0.5, 2.0), f"x{k}") for k, sign in enumerate((1, -1, 1, -1), start=1)]
    nodes = list(leaves)
    unused = dict.fromkeys(leaves)
    for k in range(size):
        if k % len(RULES) == 0:
            rows = rng.sample(RULES, len(RULES))
        node = None
        while node is None:
            node = moderate(rows[k % len(rows)], random_operands(rng, nodes, unused, rows[k % len(rows)]))
        for operand in node.operands:
            unused.pop(operand, None)
        unused[node] = None
        nodes.append(node)
    output, *others = unused
    for other in others:
        output = output + other
    return output, leaves


def random_operands(rng: random.Random, nodes: list[Value], unused: Iterable[Value], rule: Rule) -> list[Value | float]:
    """Half of them nodes that nothing was computed from yet, which makes the graph deep; the others are shared."""
    operands: list[Value | float] = [rng.choice(rng.choice((nodes, list(unused)))) for _ in rule.partials]
    if len(operands) == 2:
        chance = rng.random()
        if chance < 0.1:
            operands[1] = operands[0]
        elif chance < 0.5:
            operands[rng.randrange(2)] = rng.choice((-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, rng.uniform(-2.0, 2.0)))
    return operands


def moderate(rule: Rule, operands: list[Value | float]) -> Value | None:
    """The rule applied to the operands, or None where its number or a derivative is large, undefined or at a kink."""
    if any(isinstance(operand, Value) and abs(operand.data) < 0.1 for operand in operands):
        return None  # kinks and borders of domains stand at 0
    try:
        node = rule(*operands)
        partials = node.partials
    except (ArithmeticError, ValueError):
        return None
    return node if abs(node.data) < 4 and all(abs(partial or 0) < 2 for partial in partials) else None


def replay(output: Value, leaf: Value, data: float) -> float:
    """The number that the output would have, had the leaf been this one."""
    numbers: dict[Value | float, float] = {}
    for node in topological_order(output):
        operands = [numbers.get(operand, operand) for operand in node.operands]
        numbers[node] = node.rule(*operands) if operands else data if node is leaf else node.data
    return numbers[output]


def numeric_derivative(output: Value, leaf: Value) -> float:
    """∂output/∂leaf by a central difference, right to about nine digits."""
    above, below = leaf.data + 1e-6, leaf.data - 1e-6
    return (replay(output, leaf, above) - replay(output, leaf, below)) / (above - below)
