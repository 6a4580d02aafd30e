"""Walk: step through backpropagation, forwards and back, and see where each number comes from."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from autograd_mini.diagrams import MOST_NODES, draw
from autograd_mini.faults import check, check_gradient, check_partials, is_stale
from autograd_mini.formulas import partial_formula
from autograd_mini.gradients import times
from autograd_mini.graph import equation, expression, names, quotient, topological_order
from autograd_mini.value import Value

# The width of "0.970688 × 0.028453 = 0.027619", with some room, so that the formulas behind it stand in one column.
PRODUCT_WIDTH = 35


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one operand's gradient gets in a step: upstream × partial, added to what it holds.

    ``before`` is None if the gradient has got nothing yet; ``after`` is its number after the step.
    """

    operand: Value
    position: int
    upstream: float
    partial: float
    contribution: float
    before: float | None
    after: float


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """One step of backpropagation: one operation passes its gradient (``upstream``) on to its operands.

    ``number`` counts the steps from 1. ``contributions`` has one entry for each operand that is a Value.
    """

    walk: Walk
    number: int
    node: Value
    upstream: float
    contributions: tuple[Contribution, ...]

    def __repr__(self) -> str:
        walk = self.walk
        called = walk._names
        C, node = called[walk.output], called[self.node]
        lines = [
            f"step {self.number} of {len(walk)}: {equation(self.node, called)} = {self.node.data:.6g},  "
            f"∂{C}/∂{node} = {self.upstream:.6g}"
        ]
        for each in self.contributions:
            operand = called[each.operand]
            product = f"{each.upstream:.6g} × {each.partial:.6g} = {each.contribution:.6g}"
            if each.before is not None:
                product += f" (was {each.before:.6g}, now {each.after:.6g})"
            formula = partial_formula(self.node, each.position, called)
            if any(character.isalpha() for character in formula):  # 1, -1 and 1 / 2 say no more than the number
                product = f"{product:<{PRODUCT_WIDTH}}  {quotient(self.node, each.position, called)} = {formula}"
            chain = f"{self._chain(each):<{walk._chain_width}}"
            lines.append(f"  ∂{C}/∂{operand:<{walk._name_width}} += {chain}  = {product}")
        return "\n".join(lines)

    def _chain(self, each: Contribution) -> str:
        """The chain rule for one of the contributions, in symbols: "∂C/∂v5 × ∂v5/∂v4"."""
        called = self.walk._names
        return f"∂{called[self.walk.output]}/∂{called[self.node]} × {quotient(self.node, each.position, called)}"

    def _repr_svg_(self) -> str | None:
        return self.walk._picture(self.number)

    def _repr_html_(self) -> str | None:
        return _with_text(self)


class Moment(NamedTuple):
    """Where a walk is, or was after one of its steps: what a picture of that shows."""

    output: Value
    gradients: dict[Value, float]
    step: Step | None


class Walk:
    """Backpropagation of an output, one operation at a time.

    ``next(walk)`` does a step and returns it, ``for step in walk`` does the rest of them, ``walk.back()`` takes one
    back, ``walk.goto(k)`` moves to the position after k steps, ``walk.run()`` to the end; the last three return the
    walk. The walk itself shows its position, and at the end the table of all values and gradients. At every position
    the ``grad`` of each node of the graph is what the pencil has so far: 0 before it has got anything, and after the
    last step what ``backward()`` gives, to the last bit.

    Raises what ``backward()`` raises, and then leaves every ``grad`` as it is. ``position`` is the number of steps done.
    A leaf whose data changes during the walk makes the next step that needs it raise StaleGraphError. A backward() in
    between overwrites what the walk has written, until ``goto`` or ``back`` writes it again.

    >>> x = Value(3.0, "x")
    >>> walk = Walk((x * x).named("C"))
    >>> walk
    backprop of C = 9: 0 of 1 steps done, next is C = x * x
    >>> next(walk)
    step 1 of 1: C = x * x = 9,  ∂C/∂C = 1
      ∂C/∂x += ∂C/∂C × ∂C/∂x (1st)  = 1 × 3 = 3                            ∂C/∂x (1st) = x
      ∂C/∂x += ∂C/∂C × ∂C/∂x (2nd)  = 1 × 3 = 3 (was 3, now 6)             ∂C/∂x (2nd) = x
    >>> walk.back()
    backprop of C = 9: 0 of 1 steps done, next is C = x * x
    """

    def __init__(self, output: Value) -> None:
        order = topological_order(output)
        check(order)
        self.output = output
        self._names = names(order)
        self.position = 0
        self._order = order
        self._steps = self._passed(order)
        self._name_width = max(len(name) for name in self._names.values())
        chains = [step._chain(each) for step in self._steps for each in step.contributions]
        self._chain_width = max(map(len, chains), default=0)
        self.goto(0)

    def _passed(self, order: list[Value]) -> list[Step]:
        """All steps of the backward pass: worked out at once, so that going back restores numbers, never subtracts."""
        gradients = {self.output: 1.0}
        steps: list[Step] = []
        for node in reversed(order):
            contributions = []
            for position, (operand, partial) in enumerate(zip(node.operands, check_partials(order, node), strict=True)):
                if isinstance(operand, Value) and partial is not None:
                    share = times(gradients[node], partial)
                    before = gradients.get(operand)
                    gradients[operand] = share if before is None else before + share
                    contributions.append(
                        Contribution(operand, position, gradients[node], partial, share, before, gradients[operand])
                    )
            if contributions:
                steps.append(Step(self, len(steps) + 1, node, gradients[node], tuple(contributions)))
            check_gradient(order, node, gradients[node])
        return steps

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Walk:
        return self

    def __next__(self) -> Step:
        if self.position == len(self._steps):
            raise StopIteration
        step = self._steps[self.position]
        self._require_fresh(step)
        self.output.grad = 1.0
        for each in step.contributions:
            each.operand.grad = each.after
        self.position += 1
        return step

    def _require_fresh(self, step: Step) -> None:
        if is_stale(step.node):
            check(self._order)

    def back(self) -> Walk:
        """Take the last step back. Raises IndexError at the start."""
        return self.goto(self.position - 1)

    def goto(self, position: int) -> Walk:
        """Move to the position after that many steps, from 0 to ``len(walk)``. Raises IndexError for any other."""
        if not 0 <= position <= len(self._steps):
            raise IndexError(f"there is no position {position}: this walk goes from 0 to {len(self._steps)}")
        for step in self._steps[self.position : position]:
            self._require_fresh(step)
        known = self._after(position).gradients
        for node in self._order:
            node.grad = known.get(node, 0.0)
        self.position = position
        return self

    def run(self) -> Walk:
        """Do all the steps that are left."""
        return self.goto(len(self._steps))

    @property
    def step(self) -> Step | None:
        """The step done last; None at the start."""
        return self._steps[self.position - 1] if self.position else None

    @property
    def gradients(self) -> dict[Value, float]:
        """The gradients known at the position; a node that has got nothing yet is left out."""
        return self._after(self.position).gradients

    def _after(self, position: int) -> Moment:
        gradients = {self.output: 1.0} if position or not self._steps else {}  # a leaf has no steps, and is 1 at once
        for step in self._steps[:position]:
            gradients.update((each.operand, each.after) for each in step.contributions)
        return Moment(self.output, gradients, self._steps[position - 1] if position else None)

    def _picture(self, position: int) -> str | None:
        if len(self._order) > MOST_NODES:
            return None
        return draw(self.output, walk=self._after(position))._repr_svg_()

    def _repr_svg_(self) -> str | None:
        return self._picture(self.position)

    def _repr_html_(self) -> str | None:
        return _with_text(self)

    def __repr__(self) -> str:
        head = f"backprop of {self._names[self.output]} = {self.output.data:.6g}: {self.position} of {len(self)} steps done"
        if self.position < len(self):
            return f"{head}, next is {equation(self._steps[self.position].node, self._names)}"
        return f"{head}\n{self._table()}"

    def _table(self) -> str:
        nodes = sorted(self._order, key=lambda node: bool(node.operands))  # the leaves first
        rows = [("node = expression", "value", f"∂{self._names[self.output]}/∂node")]
        for node in nodes:
            left = self._names[node]
            if node.operands:
                left = f"{left:<{self._name_width}} = {expression(node, self._names.__getitem__)}"
            rows.append((left, f"{node.data:.6g}", f"{node.grad:.6g}"))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows)


def _with_text(position: Walk | Step) -> str | None:
    """For a notebook: the picture, and below it the text; None where there is no picture."""
    svg = position._repr_svg_()
    if svg is None:
        return None
    return f"{svg[svg.index('<svg') :]}<pre style='font-family: monospace'>{escape(repr(position))}</pre>"
