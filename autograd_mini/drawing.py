"""A computation graph as a picture: draw() for Graphviz, tree() for any terminal."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, ClassVar

from autograd_mini import rules
from autograd_mini.backprop import backpropagated, local_derivative
from autograd_mini.errors import StaleGraphError, check_numbers
from autograd_mini.formulas import straight_line
from autograd_mini.graph import Graph, listed
from autograd_mini.notation import ATOM, Notation, Text, Written, figure
from autograd_mini.rules import Rule
from autograd_mini.value import Value

if TYPE_CHECKING:
    from autograd_mini.diagram import Diagram
    from autograd_mini.walk import Moment, Walk

MOST_NODES = 300  # nobody can read a larger diagram, and dot takes longer and longer to lay it out
MOST_LINES = 60  # of a tree
MOST_LEVELS = 16  # of a tree: each of them indents it by three columns
LONGEST_TITLE = 60

# Verdana is as wide as DejaVu, which dot measures with: a browser that has the one only still keeps texts in their cards.
FONT = "DejaVu Sans,Verdana,sans-serif"
BLUE, RED, VIOLET, GREY, ORANGE = "#1864ab", "#c92a2a", "#5f3dc4", "#495057", "#e8590c"
FILL = {"parameter": "#d3f9d8", "data": "#f1f3f5", "leaf": "#f1f3f5", "operation": "#ffffff", "output": "#d0ebff"}
LIT = "#fff3bf"

# fmt: off
GRAPH_STYLE = {
    "rankdir": "LR", "ranksep": "0.28", "nodesep": "0.28", "pad": "0.2", "bgcolor": "white",
    "fontname": FONT, "fontsize": "18", "labelloc": "t",
}
NODE_STYLE = {"shape": "plain", "fontname": FONT, "fontsize": "15"}
EDGE_STYLE = {
    "fontname": FONT, "fontsize": "11", "fontcolor": VIOLET, "color": "#868e96", "penwidth": "1.5", "arrowsize": "0.8",
}
LIT_EDGE = {"color": RED, "fontcolor": RED, "penwidth": "3", "dir": "back"}
# fmt: on

# Of the row of the gradient, beside its name: wide enough for any number, so that nothing moves between steps.
WIDTH = 104

# The outer table is the second border of the output, and elsewhere the room that keeps all cards equally large: border,
# room and ring add up to 3 points.
CARD = f"""<
<TABLE BORDER="{{ring}}" COLOR="{{color}}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{{room}}" STYLE="ROUNDED"><TR><TD>
<TABLE BORDER="{{border}}" COLOR="{{color}}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4" STYLE="ROUNDED" BGCOLOR="{{fill}}">
<TR><TD>{{head}}</TD></TR>
<HR/>
<TR><TD><FONT COLOR="{BLUE}"><B>{{value}}</B></FONT></TD></TR>
<TR><TD WIDTH="{{width}}"><FONT COLOR="{{gradient_color}}" POINT-SIZE="12">{{gradient}}</FONT></TD></TR>
</TABLE></TD></TR></TABLE>
>"""


class Print(Notation):
    """How a formula is set in print: ·, −, ², σ."""

    signs: ClassVar = {rules.mul: "·", rules.sub: "−", rules.neg: "−"}

    def number(self, number: float) -> Written:
        written = super().number(number)
        return written._replace(text=written.text.replace("-", "−"))

    def function(self, rule: Rule, operands: Sequence[Written]) -> str:
        text = super().function(rule, operands)
        return "σ" + text.removeprefix("sigmoid") if rule is rules.sigmoid else text

    def operator(self, rule: Rule, operands: Sequence[Written]) -> str:
        if rule is rules.power and operands[1].text in ("2", "3"):
            return operands[0].bracketed(ATOM) + "²³"[int(operands[1].text) - 2]
        return super().operator(rule, operands)


PRINT = Print()


def draw(
    output: Value, *, walk: Walk | Moment | None = None, parameters: Iterable[Value] = (), rankdir: str = "LR"
) -> Diagram:
    """The graph that the output was computed from, as a diagram for Graphviz.

    The card of a node tells how it was computed, its value, and its gradient once ``output.backward()`` has run; on the
    edge from each operand stands the local derivative. With a ``walk``, the gradients are those reached at its
    position, and the operation of its last step is lit: its gradient flows back along the red edges. ``parameters`` are
    the leaves to tell apart from the data. ``rankdir`` is "LR", from left to right, or "BT", from bottom to top, for
    narrow pages.

    Returns a Diagram, which is a graphviz.Digraph: nothing is rendered, but a notebook shows it as a picture, and
    ``draw(C).render(outfile="C.svg")`` writes one; both call the program `dot`. Raises ValueError if the graph has too
    many nodes to be read, and for parameters or a walk that are not of this graph.

    >>> w, x = Value(0.5, "w"), Value(3, "x")
    >>> C = (w * x).named("C")
    >>> C.backward()
    >>> "∂C/∂w = <B>3</B>" in draw(C).source
    True
    """
    from autograd_mini.diagram import Diagram  # not above, since it imports graphviz

    scene = _Scene(output, walk)
    graph = scene.graph
    name = graph.names[output]
    if len(graph.order) > MOST_NODES:
        raise ValueError(
            f"the graph of {name} has {len(graph.order)} nodes, and a diagram of more than {MOST_NODES} cannot be read: "
            f"draw a node inside the graph, or use tree({name}), which leaves out what is too much"
        )
    chosen = listed(parameters, "draw(C, parameters=[w, b])")
    graph.require_leaves(chosen)
    lit = walk.step.node if walk is not None and walk.step is not None else None

    diagram: Diagram = Diagram(
        format="svg",
        graph_attr={**GRAPH_STYLE, "rankdir": rankdir, "label": _title(scene, walk is not None)},
        node_attr=NODE_STYLE,
        edge_attr=EDGE_STYLE,
    )
    diagram.text = _tree(scene)
    identity = {node: f"n{number}" for number, node in enumerate(graph.order)}  # no label: dot reads a:b as a port
    for node in graph.order:
        kind = "output" if node is output else "operation" if node.operands else "leaf"
        if kind == "leaf" and chosen:
            kind = "parameter" if node in chosen else "data"
        classes = {"class": f"{kind} lit" if node is lit else kind}  # of the SVG element, for style sheets
        diagram.node(identity[node], _card(scene, node, kind, node is lit), **classes)
        for position, operand in enumerate(node.operands):
            if isinstance(operand, Value):
                weight = (
                    "30" if operand.operands else "1"
                )  # so that the operations stand in a line, the leaves beside it
                style = LIT_EDGE if node is lit else {}
                diagram.edge(identity[operand], identity[node], _edge(scene, node, position), weight=weight, **style)
    return diagram


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
    return _tree(_Scene(output, None))


class _Scene:
    """What there is to show of a graph: the graph, and its gradients as far as they are known."""

    def __init__(self, output: Value, walk: Walk | Moment | None) -> None:
        self.graph = Graph(output)
        if walk is not None and getattr(walk, "output", None) is not output:
            raise ValueError(f"this is not a walk of {self.graph.names[output]}: draw(walk.output, walk=walk)")
        self.stale = ""
        try:
            check_numbers(self.graph)
        except StaleGraphError as error:
            self.stale = str(error)
        except FloatingPointError:
            pass  # an inf or a nan is there to be seen
        self.gradients = self._assigned() if walk is None else walk.gradients
        self.unfinished = set() if walk is None else walk.unfinished
        self.seed = self.gradients.get(output, 1.0)

    def _assigned(self) -> Mapping[Value, float]:
        """The gradients that backward() of the output has assigned, if they still stand on the nodes; else none.

        Before backward() has run, `grad` is 0.0, and after that of another output it is a derivative of that one. What
        backward() would give is computed again here, to see whether it is there.
        """
        seed = self.graph.output.grad
        try:
            gradients = backpropagated(self.graph, seed, float) if seed else {}
        except (ArithmeticError, StaleGraphError, TypeError, ValueError):
            return {}
        return gradients if all(node.grad == gradient for node, gradient in gradients.items()) else {}

    def gradient_name(self, node: Value) -> str:
        """What the gradient of the node is called; after backward(2) it is not the derivative, but twice that."""
        return self.graph.gradient_name(node) if self.seed == 1 else "grad"

    @property
    def column(self) -> str:
        """What the gradients of all nodes are called."""
        return f"∂{self.graph.names[self.graph.output]}/∂node" if self.seed == 1 else "grad"

    def local_derivative(self, node: Value, position: int) -> str:
        if self.stale:
            return "?"
        try:
            return _figure(local_derivative(node, position, float))
        except (ArithmeticError, TypeError, ValueError):
            return "undefined"

    def formula(self) -> str:
        """The formula of the output in terms of the leaves, if it is short; else its name."""
        graph = self.graph
        name = graph.names[graph.output]
        if self.stale or not graph.output.operands or not all(isfinite(node.data) for node in graph.order):
            return name
        # A part with a label would get a line of its own: here is the same graph with labels on its leaves only.
        copy = Graph(graph.replay(lambda leaf: Value(leaf.data, graph.names[leaf]))[graph.output])
        (_, text), *more = straight_line(copy, (copy.output,), PRINT)
        return name if more or len(text) > LONGEST_TITLE else f"{name} = {text}"


def _title(scene: _Scene, is_walk: bool) -> str:
    name = scene.column
    if scene.seed != 1:
        name += f" = {_figure(scene.seed)} × ∂{scene.graph.names[scene.graph.output]}/∂node"
    unknown = "" if is_walk or scene.gradients else ": not computed"
    legend = (
        f'<FONT COLOR="{BLUE}">value (forward →)</FONT>     '
        f'<FONT COLOR="{RED}">gradient {_html(name)} (← backward){unknown}</FONT>     '
        f'<FONT COLOR="{VIOLET}">local derivative, on each edge</FONT>'
    )
    if scene.stale:
        legend += f'<BR/><FONT COLOR="{RED}"><B>{_html(scene.stale)}</B></FONT>'
    space = '<BR/><FONT POINT-SIZE="4"> </FONT><BR/>'
    return f'<<B>{_html(scene.formula())}</B>{space}<FONT POINT-SIZE="12">{legend}</FONT><BR/> >'


def _card(scene: _Scene, node: Value, kind: str, lit: bool) -> str:
    head = f"<B>{_html(scene.graph.names[node])}</B>"
    if node.operands:
        head += f"&#160;= {_html(scene.graph.expression(node, PRINT))}"
    if kind != "operation":
        head += f'&#160;&#160;<FONT COLOR="#495057" POINT-SIZE="10">{kind}</FONT>'
    name, known = scene.gradient_name(node), scene.gradients.get(node)
    gradient = f"{_html(name)} = ?"
    if known is not None:
        number = f"<B>{_figure(known)}</B>"
        gradient = f"{number} so far" if node in scene.unfinished else f"{_html(name)} = {number}"
    border, ring = (3, 0) if lit else (1, 1) if kind == "output" else (1, 0)
    return CARD.format(
        border=border,
        ring=ring,
        room=3 - border - ring,
        color=ORANGE if lit else "#495057",
        fill=LIT if lit else FILL[kind],
        head=head,
        value=_figure(node.data),
        gradient=gradient,
        gradient_color=GREY if known is None else RED,
        width=WIDTH + 8 * len(name),
    )


def _edge(scene: _Scene, node: Value, position: int) -> str:
    """The label of the edge from the operand at the position."""
    name = _html(scene.graph.derivative_name(node, position))
    number = scene.local_derivative(node, position)
    return f'<&#160;{name}&#160;<BR/><B>{number}</B><BR/><FONT POINT-SIZE="4"> </FONT>>'


def _figure(number: float) -> str:
    return f"{number + 0.0:.4g}".replace("-", "−")  # -0.0 + 0.0 is 0.0


def _html(text: str) -> str:
    return html.escape(text).replace("\\", "\\\\")  # or dot would replace \N by the identity of the node


def _tree(scene: _Scene) -> Text:
    graph = scene.graph
    rows = [("node = expression", "value", scene.column)]
    shown = set()
    pending = [(graph.output, "", "")]
    while pending and len(rows) <= MOST_LINES:
        node, branch, indent = pending.pop()
        text = branch + graph.names[node]
        if node in shown:
            rows.append((f"{text} (above)", "", ""))
            continue
        shown.add(node)
        if node.operands:
            text += f" = {graph.expression(node)}"
        gradient = figure(scene.gradients[node]) if node in scene.gradients else "?"
        if node in scene.unfinished:
            gradient += " so far"
        rows.append((text, figure(node.data), gradient))
        operands = [operand for operand in node.operands if isinstance(operand, Value)]
        if operands and len(indent) == 3 * MOST_LEVELS:
            rows.append((f"{indent}└─ …", "", ""))
            continue
        corner, side = "└─ ", "   "
        for operand in reversed(operands):
            pending.append((operand, indent + corner, indent + side))
            corner, side = "├─ ", "│  "
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in rows]
    missing = len(graph.order) - len(shown)
    if missing:
        lines.append(
            f"{missing} of {len(graph.order)} nodes are not shown: tree() of a node inside shows what is below it"
        )
    if scene.stale:
        lines.append(scene.stale)
    return Text("\n".join(lines))
