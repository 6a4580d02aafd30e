"""tree: a graph as text, for any terminal. And Moment: what a tree or a picture shows of the gradients."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autograd_mini.backprop import backpropagated
from autograd_mini.errors import StaleGraphError, check_numbers
from autograd_mini.graph import Graph
from autograd_mini.notation import Text, columns, figure
from autograd_mini.value import Value

if TYPE_CHECKING:
    from autograd_mini.walk import Step

MOST_LINES = 60
MOST_LEVELS = 16  # each of them indents the tree by three columns


@dataclass(eq=False, repr=False)
class Moment:
    """A graph, and the ``gradients`` that are known of it at some moment: in a walk, after ``position`` of its ``steps``.

    A Walk is a Moment that moves. If no backward pass has begun, there are no gradients and no steps.
    """

    graph: Graph
    gradients: Mapping[Value, float]
    steps: Sequence[Step] = ()
    position: int = 0

    @property
    def step(self) -> Step | None:
        """The step done last; None at the start."""
        return self.steps[self.position - 1] if self.position else None

    @property
    def unfinished(self) -> Collection[Value]:
        """The nodes whose gradient is known in part: a later step adds to it."""
        return {
            each.operand for step in self.steps[self.position :] for each in step.contributions
        } & self.gradients.keys()

    @property
    def seed(self) -> float:
        """The gradient of the output: 2 after backward(2), and then no gradient is the derivative, but twice that."""
        return self.gradients.get(self.graph.output, 1.0)

    @property
    def stale(self) -> str:
        """Which leaf has changed since the graph was computed; empty if none has."""
        try:
            check_numbers(self.graph)
        except StaleGraphError as error:
            return str(error)
        except FloatingPointError:
            pass  # an inf or a nan is there to be seen
        return ""


def assigned(output: Value) -> Moment:
    """The gradients that backward() of the output has assigned, if they still stand on the nodes; else none.

    Before backward() has run, `grad` is 0.0, and after that of another output it is a derivative of that one. What
    backward() would give is computed again here, to see whether it is there.
    """
    graph = Graph(output)
    try:
        gradients = backpropagated(graph, output.grad or 1.0, float)
    except Exception:  # backward() raises it as well
        gradients = {}
    are_there = all(node.grad == gradient for node, gradient in gradients.items())
    return Moment(graph, gradients if are_there else {})


def tree(output: Value) -> Text:
    """The graph that the output was computed from, as text: one node a line, below it what it was computed from.

    A node that is used more than once stands there once, and is referred to by its name from then on. A gradient is a
    question mark until ``output.backward()`` has run. Of a large graph only the part next to the output is shown.

    >>> w, x = Value(0.5, "w"), Value(3, "x")
    >>> tree(((w * x) ** 2).named("C"))
    node = expression  value  ∂C/∂node
    C = v1 ** 2         2.25         ?
    └─ v1 = w * x        1.5         ?
       ├─ w              0.5         ?
       └─ x                3         ?
    """
    return tree_at(assigned(output))


def tree_at(moment: Moment) -> Text:
    """The tree of a graph, with the gradients of the moment."""
    graph = moment.graph
    rows = [("node = expression", "value", graph.gradient_heading if moment.seed == 1 else "grad")]
    shown, unfinished = set(), moment.unfinished
    pending = [(graph.output, "", "")]
    while pending and len(rows) <= MOST_LINES:
        node, branch, indent = pending.pop()
        if node in shown:
            rows.append((f"{branch}{graph.names[node]} (above)", "", ""))
            continue
        shown.add(node)
        gradient = figure(moment.gradients[node]) if node in moment.gradients else "?"
        so_far = " so far" if node in unfinished else ""
        rows.append((branch + graph.equation(node), figure(node.data), gradient + so_far))
        operands = [operand for operand in node.operands if isinstance(operand, Value)]
        if operands and len(indent) == 3 * MOST_LEVELS:
            rows.append((f"{indent}└─ …", "", ""))
            continue
        corner, side = "└─ ", "   "
        for operand in reversed(operands):
            pending.append((operand, indent + corner, indent + side))
            corner, side = "├─ ", "│  "
    lines = columns(rows, "<>>")
    missing = len(graph.order) - len(shown)
    if missing:
        lines.append(f"{missing} of {len(graph.order)} nodes are not shown: use tree() on a node inside to see more")
    return Text("\n".join(filter(None, [*lines, moment.stale])))
