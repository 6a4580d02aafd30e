"""tree: a graph as text, for any terminal. And Moment: what a tree or a picture shows of the gradients."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from autograd_mini.backprop import backpropagated
from autograd_mini.errors import StaleGraphError, check_numbers
from autograd_mini.graph import Graph
from autograd_mini.notation import Text, columns, figure
from autograd_mini.value import Value

MOST_LINES = 60
MOST_LEVELS = 16  # each of them indents the tree by three columns


@dataclass(frozen=True)
class Moment:
    """A graph, and the gradients that are known of it at some moment.

    A later step adds to the ``unfinished`` ones. ``lit`` is the node that has just passed its gradient on.
    ``is_computed`` is False if no backward pass has begun.
    """

    graph: Graph
    gradients: Mapping[Value, float]
    unfinished: Collection[Value] = ()
    lit: Value | None = None
    is_computed: bool = True

    @property
    def seed(self) -> float:
        """The gradient of the output: 2 after backward(2), and then no gradient is the derivative, but twice that."""
        return self.gradients.get(self.graph.output, 1.0)

    @cached_property
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
    if any(node.grad != gradient for node, gradient in gradients.items()):
        gradients = {}
    return Moment(graph, gradients, is_computed=bool(gradients))


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
    shown = set()
    pending = [(graph.output, "", "")]
    while pending and len(rows) <= MOST_LINES:
        node, branch, indent = pending.pop()
        if node in shown:
            rows.append((f"{branch}{graph.names[node]} (above)", "", ""))
            continue
        shown.add(node)
        gradient = figure(moment.gradients[node]) if node in moment.gradients else "?"
        so_far = " so far" if node in moment.unfinished else ""
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
