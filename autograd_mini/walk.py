"""Walk: step through backpropagation, forwards and back, and see where each number comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from itertools import groupby

from autograd_mini.backprop import Contribution, backward_pass
from autograd_mini.drawing import MOST_NODES, draw
from autograd_mini.errors import check_numbers, is_stale
from autograd_mini.formulas import partial_formula
from autograd_mini.graph import Graph
from autograd_mini.notation import columns, figure
from autograd_mini.trees import Moment
from autograd_mini.value import Value

# The width of "0.970688 × 0.028453 = 0.027619", with some room, so that the formulas behind it stand in one column.
PRODUCT_WIDTH = 35
SIZE = "max-width: 100%; max-height: 45em"  # of a picture in a notebook, so that it is seen together with its text


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """One step of backpropagation: one operation passes its gradient (``upstream``) on to its operands.

    ``number`` counts the steps from 1. ``contributions`` has one entry for each operand that is a Value.
    """

    walk: Walk
    number: int
    node: Value
    contributions: tuple[Contribution, ...]

    @property
    def upstream(self) -> float:
        """The gradient of the node, which is complete by now."""
        return float(self.contributions[0].upstream)

    def __repr__(self) -> str:
        return self.text(lambda name, number: figure(number))

    def text(self, write: Callable[[str, float], str]) -> str:
        """The step, with each number written by ``write``, which gets the name of the number too."""
        walk, graph = self.walk, self.walk.graph
        gradient = graph.gradient_name(self.node)
        number, upstream = write(graph.names[self.node], self.node.data), write(gradient, self.upstream)
        lines = [f"step {self.number} of {len(walk)}: {graph.equation(self.node)} = {number},  {gradient} = {upstream}"]
        for each in self.contributions:
            local, sum_of = graph.derivative_name(each.node, each.position), graph.gradient_name(each.operand)
            partial = write(local, each.partial)
            product = f"{upstream} × {partial} = {write(sum_of, each.contribution)}"
            if each.before is not None:
                so_far = "" if walk._last[each.operand] is each else " so far"
                product += f" (was {write(sum_of, each.before)}, now {write(sum_of, each.after)}{so_far})"
            formula = partial_formula(graph, each.node, each.position)
            # 1, -1 and 1 / 2 say no more than the number, and where that is left blank the formula is as well.
            if partial == figure(each.partial) and any(character.isalpha() for character in formula):
                product = f"{product:<{PRODUCT_WIDTH}}  {local} = {formula}"
            lines.append(f"  {sum_of:<{walk._name_width}} += {chain(graph, each):<{walk._chain_width}}  = {product}")
        return "\n".join(lines)

    def _repr_html_(self) -> str | None:
        return _shown(self.walk.at(self.number), self)


class Walk(Moment):
    """Backpropagation of an output, one operation at a time.

    ``next(walk)`` does a step and returns it, ``for step in walk`` does the rest of them, ``walk.back()`` takes one
    back, ``walk.goto(k)`` moves to the position after k steps, ``walk.run()`` to the end; the last three return the
    walk. The walk itself shows its position, and at the end the table of all values and gradients. At every position
    the ``grad`` of each node of the graph is the sum accumulated so far, and after the last step what ``backward()``
    gives, to the last bit. Making a Walk sets all of them to 0. ``position`` is the number of ``steps`` done, ``gradients``
    holds what has arrived by then.

    Raises what ``backward()`` raises, and then leaves every ``grad`` as it is; so does an interrupt. A leaf whose data
    changes during the walk makes the next step that needs it raise StaleGraphError. A backward() in between overwrites
    what the walk has written, until ``goto`` writes it again.

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
        graph = Graph(output)
        contributions = list(backward_pass(graph, 1.0, float))
        operations = groupby(contributions, key=lambda each: each.node)
        steps = [Step(self, number, node, tuple(each)) for number, (node, each) in enumerate(operations, 1)]
        self._known = {node: node.grad for node in graph.order}  # to be put back, should goto be interrupted
        super().__init__(graph, self._known, steps)
        self.output = output
        self._last = {each.operand: each for each in contributions}
        self._name_width = max(len(graph.gradient_name(node)) for node in graph.order)
        self._chain_width = max((len(chain(graph, each)) for each in contributions), default=0)
        self.goto(0)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Walk:
        return self

    def __next__(self) -> Step:
        if self.position == len(self.steps):
            raise StopIteration
        step = self.steps[self.position]
        self._write({self.output: 1.0} | {each.operand: each.after for each in step.contributions}, step.number)
        return step

    def back(self) -> Walk:
        """Take the last step back. Raises IndexError at the start."""
        if self.step is None:
            return self.goto(-1)
        before = {each.operand: each.before for each in reversed(self.step.contributions)}
        self._write({self.output: None if self.position == 1 else 1.0} | before, self.position - 1)
        return self

    def goto(self, position: int) -> Walk:
        """Move to the position after that many steps, from 0 to ``len(walk)``. Raises IndexError for any other."""
        if not 0 <= position <= len(self):
            raise IndexError(f"there is no position {position}: this walk goes from 0 to {len(self)}")
        self._write({**dict.fromkeys(self.graph.order), **self.at(position).gradients}, position)
        return self

    def run(self) -> Walk:
        """Do all the steps that are left."""
        return self.goto(len(self))

    def at(self, position: int) -> Moment:
        """What is known after that many steps."""
        done = self.steps[:position]
        known = {self.output: 1.0} if done or not self.steps else {}  # a leaf has no steps, and is 1 at once
        known.update((each.operand, each.after) for step in done for each in step.contributions)
        return Moment(self.graph, known, self.steps, position)

    def _write(self, changes: Mapping[Value, float | None], position: int) -> None:
        """Set these gradients, None where nothing has arrived yet, and the position: all of it or, if interrupted, none."""
        for step in self.steps[self.position : position]:
            if is_stale(step.node):
                check_numbers(self.graph)
        before, was = {node: self._known.get(node) for node in changes}, self.position
        try:
            try:
                self._set(changes, position)
            except BaseException:
                self._set(before, was)
                raise
        except BaseException:
            self._set(before, was)  # once more, since a second interrupt may have stopped the first time
            raise

    def _set(self, changes: Mapping[Value, float | None], position: int) -> None:
        for node, gradient in changes.items():
            if gradient is None:
                node.grad = 0.0
                self._known.pop(node, None)
            else:
                node.grad = self._known[node] = gradient
        self.position = position

    def _repr_html_(self) -> str | None:
        return _shown(self, self)

    def __repr__(self) -> str:
        graph = self.graph
        head = f"backprop of {graph.names[self.output]} = {figure(self.output.data)}: {self.position} of {len(self)} steps done"
        if self.position < len(self):
            return f"{head}, next is {graph.equation(self.steps[self.position].node)}"
        rows = [("node = expression", "value", graph.gradient_heading)]
        for node in sorted(graph.order, key=lambda node: bool(node.operands)):  # the leaves first
            rows.append((graph.equation(node), figure(node.data), figure(node.grad)))
        return "\n".join([head, *columns(rows, "<>>")])


def _shown(moment: Moment, text: Walk | Step) -> str | None:
    """For a notebook: the picture at the moment, and below it the text; None where there is no picture."""
    if len(moment.graph.order) > MOST_NODES:
        return None
    image = draw(moment.graph.output, walk=moment, rankdir="BT").image(SIZE)
    return None if image is None else f"{image}<pre>{escape(repr(text))}</pre>"


def chain(graph: Graph, each: Contribution) -> str:
    """The chain rule for one contribution, in symbols: "∂C/∂v5 × ∂v5/∂v4"."""
    return f"{graph.gradient_name(each.node)} × {graph.derivative_name(each.node, each.position)}"
