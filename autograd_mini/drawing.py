"""draw: a computation graph as a picture, drawn by Graphviz."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Sequence
from math import inf, isfinite, isnan
from typing import TYPE_CHECKING, ClassVar

from autograd_mini import rules
from autograd_mini.backprop import local_derivative
from autograd_mini.formulas import expressions
from autograd_mini.graph import Graph, listed
from autograd_mini.notation import ATOM, Notation, Written
from autograd_mini.reals import attempt
from autograd_mini.rules import Rule
from autograd_mini.trees import Moment, assigned, tree_at
from autograd_mini.value import Value

if TYPE_CHECKING:
    from autograd_mini.diagram import Diagram

MOST_NODES = 300  # nobody can read a larger diagram, and dot takes longer and longer to lay it out
MOST_EDGES = 400  # of a folded diagram
MOST_NUMBERS = 20  # on the edges of a folded diagram: instead of more, the edges show by their looks how large they are
LONGEST_TITLE = 60

# Verdana is as wide as DejaVu, which dot measures with: a browser that has the one only still keeps texts in their cards.
FONT = "DejaVu Sans,Verdana,sans-serif"
BLUE, RED, VIOLET, GREY, ORANGE = "#1864ab", "#c92a2a", "#5f3dc4", "#495057", "#e8590c"
FILL = {"parameter": "#d3f9d8", "data": "#f1f3f5", "leaf": "#f1f3f5", "operation": "#ffffff", "output": "#d8efff"}
LIT = "#fff3bf"

# By rankdir: the signs for forward and backward, the sides of a card where straight edges leave it and enter it, and the
# size of the texts on the edges: upright there is room.
DIRECTIONS = {"LR": ("→", "←", "e", "w", "11"), "BT": ("↑", "↓", "n", "s", "13")}

# fmt: off
GRAPH_STYLE = {
    "ranksep": "0.28", "nodesep": "0.28", "pad": "0.2", "bgcolor": "white",
    "fontname": FONT, "fontsize": "18", "labelloc": "t",
}
FOLDED_STYLE = GRAPH_STYLE | {"ordering": "in", "ranksep": "0.6"}  # in: so that the cards of a layer keep their order
CROWDED_STYLE = FOLDED_STYLE | {"ranksep": "2", "splines": "line"}
NODE_STYLE = {"shape": "plain", "fontname": FONT, "fontsize": "15"}
EDGE_STYLE = {"fontname": FONT, "fontcolor": VIOLET, "color": "#868e96", "penwidth": "1.5", "arrowsize": "0.8"}
LIT_EDGE = {"color": RED, "fontcolor": RED, "penwidth": "3", "dir": "back"}

# Of a diagram: its style, how long an expression on a card may be, and what the legend says of the edges.
PLAIN = GRAPH_STYLE, inf, "local derivative, on each edge"
FOLDED = FOLDED_STYLE, 20, "derivative from card to card, on each edge"
CROWDED = CROWDED_STYLE, 20, "derivative from card to card: thick where large, dashed where negative"
# fmt: on

# Of the row of the gradient, beside its name: wide enough for any number, so that nothing moves between steps.
WIDTH = 104

Edge = tuple[Value, Value, str, float]  # from, to, and the derivative of the second with respect to the first


class Print(Notation):
    """How a formula is set in print: ·, −, ², σ. One that is longer than the ``longest`` is left empty."""

    signs: ClassVar = {rules.mul: "·", rules.sub: "−", rules.neg: "−", rules.sigmoid: "σ"}

    def __init__(self, longest: float = inf) -> None:
        self.longest = longest

    def number(self, number: float) -> Written:
        written = super().number(number)
        return Written(written.text.replace("-", "−"), written.strength)

    def operator(self, rule: Rule, operands: Sequence[Written]) -> str:
        if rule is rules.power and operands[1].text in ("2", "3"):
            return operands[0].bracketed(ATOM) + "²³"[int(operands[1].text) - 2]
        return super().operator(rule, operands)

    def operation(self, rule: Rule, operands: Sequence[Written]) -> Written:
        whole = super().operation(rule, operands)
        is_short = len(whole.text) <= self.longest and all(operand.text for operand in operands)
        return whole if is_short else Written("")


PRINT = Print()


def draw(
    output: Value,
    *,
    nodes: Iterable[Value] | None = None,
    walk: Moment | None = None,
    parameters: Iterable[Value] = (),
    rankdir: str = "LR",
) -> Diagram:
    """The graph that the output was computed from, as a diagram for Graphviz.

    The card of a node tells how it was computed, its value, and its gradient once ``output.backward()`` has run; on the
    edge from each operand stands the local derivative. With a ``walk``, the gradients are those reached at its
    position, and the operation of its last step is lit: its gradient flows back along the red edges. ``parameters`` are
    the leaves to tell apart from the data. ``rankdir`` is "LR", from left to right, or "BT", from bottom to top, for
    narrow pages.

    ``nodes`` folds the diagram: only they and the output have cards. An edge then stands for all the paths from one
    card to another that pass through no third, and its number is the sum of what they contribute. Where there would be
    more than 20 numbers the lines show them: thick where large, dashed where negative.

    Returns a Diagram, which is a graphviz.Digraph: nothing is rendered, but a notebook shows it as a picture, and
    ``draw(C).render("C.svg")`` writes one; both call the program `dot`. Raises ValueError if there is too much to be
    read, and for nodes, parameters or a walk that are not of this graph.

    >>> w, x = Value(0.5, "w"), Value(3, "x")
    >>> C = (w * x).named("C")
    >>> C.backward()
    >>> "∂C/∂w = <B>3</B>" in draw(C).source
    True
    """
    from autograd_mini.diagram import Diagram  # not above, since it imports graphviz

    if rankdir not in DIRECTIONS:
        raise ValueError(f'rankdir is "LR" or "BT", not {rankdir!r}')
    moment = assigned(output) if walk is None else walk
    if not isinstance(moment, Moment) or moment.graph.output is not output:
        raise ValueError(f"this is not a walk of {Graph(output).names[output]}: draw(walk.output, walk=walk)")
    graph, unfinished, stale = moment.graph, moment.unfinished, moment.stale
    lit = moment.step.node if moment.step else None  # the node that has just passed its gradient on
    trained = listed(parameters, "draw(C, parameters=[w, b])")
    graph.require_leaves(trained)
    if nodes is None:
        cards, edges, kind = graph.order, _local_derivatives(graph), PLAIN
    else:
        cards, edges = _folded(graph, listed(nodes, "draw(C, nodes=[z])"))
        kind = FOLDED if len(edges) <= MOST_NUMBERS else CROWDED
    if len(cards) > MOST_NODES or (kind is CROWDED and len(edges) > MOST_EDGES):
        name = graph.names[output]
        raise ValueError(
            f"a diagram with {len(cards)} nodes and {len(edges)} edges cannot be read: "
            f"choose nodes, draw({name}, nodes=[…]), or use tree({name}), which leaves out what is too much"
        )

    style, longest, legend = kind
    *arrows, tail, head, size = DIRECTIONS[rankdir]
    style = style | {"rankdir": rankdir, "label": _title(moment, stale, arrows, legend)}
    edge_style = EDGE_STYLE | {"fontsize": size}
    diagram: Diagram = Diagram(format="svg", graph_attr=style, node_attr=NODE_STYLE, edge_attr=edge_style)
    diagram.text = tree_at(moment)
    identity = {node: f"n{number}" for number, node in enumerate(cards)}  # no label: dot reads a:b as a port
    formulas = expressions(graph, Print(longest), identity)
    for node in cards:
        role = "output" if node is output else "operation" if node.operands else "leaf"
        if role == "leaf" and trained:
            role = "parameter" if node in trained else "data"
        card = _card(moment, node, role, formulas.get(node, ""), lit=node is lit, so_far=node in unfinished)
        # The class is that of the SVG element, for style sheets.
        diagram.node(identity[node], card, **{"class": f"{role} lit" if node is lit else role})
    largest = max((abs(derivative) for *_, derivative in edges if isfinite(derivative)), default=0.0) or 1.0
    for start, end, name, derivative in edges:
        weight = "30" if start.operands else "1"  # so that the operations stand in a line, the leaves beside it
        number = "?" if stale else "undefined" if isnan(derivative) else _figure(derivative)
        if kind is CROWDED:
            look = {"tailport": tail, "headport": head, "arrowhead": "none", "tooltip": _html(f"{name} = {number}")}
            look["style"] = "dotted" if isnan(derivative) else "dashed" if derivative < 0 else "solid"
            look["penwidth"] = f"{0.5 + 3.5 * min(1.0, abs(derivative) / largest):.2f}"
        else:
            label = f"&#160;{_html(name)}&#160;<BR/><B>&#160;{number}&#160;</B>"
            look = {"label": f'<{label}<BR/><FONT POINT-SIZE="4"> </FONT>>'}
        if end is lit and start in end.operands:
            look |= LIT_EDGE
        diagram.edge(identity[start], identity[end], weight=weight, **look)
    return diagram


def _local_derivatives(graph: Graph) -> list[Edge]:
    """An edge for every operand, with the local derivative; nan where there is none."""
    return [
        (operand, node, graph.derivative_name(node, position), attempt(local_derivative, graph, node, position, float))
        for node in graph.order
        for position, operand in enumerate(node.operands)
        if isinstance(operand, Value)
    ]


def _folded(graph: Graph, nodes: Iterable[Value]) -> tuple[list[Value], list[Edge]]:
    """The nodes and the output, in order, and the edges between them: each is the sum over all paths in between."""
    for node in nodes:
        if node not in graph.names:
            raise ValueError(f"{node!r} is not a node of {graph.names[graph.output]}'s graph")
    chosen = {graph.output, *nodes}
    along: dict[Value, dict[Value, float]] = {node: {} for node in graph.order}
    for operand, node, _, partial in _local_derivatives(graph):
        for start, derivative in ({operand: 1.0} if operand in chosen else along[operand]).items():
            along[node][start] = along[node].get(start, 0.0) + partial * derivative
    cards = [node for node in graph.order if node in chosen]
    uses = Counter(start for node in cards for start in along[node])
    links = []
    for node in cards:
        for start, derivative in along[node].items():
            direct = " (direct)" if node is graph.output and uses[start] > 1 else ""
            links.append((start, node, graph.quotient(node, start) + direct, derivative))
    return cards, links


def headline(graph: Graph) -> str:
    """The formula of the output in terms of the leaves, if it is short; else its name."""
    name = graph.names[graph.output]
    formula = expressions(graph, Print(LONGEST_TITLE), [graph.output]).get(graph.output)
    return f"{name} = {formula}" if formula else name


def _title(moment: Moment, stale: str, arrows: Sequence[str], edges: str) -> str:
    gradient = moment.graph.gradient_heading
    if moment.seed != 1:
        gradient = f"grad = {_figure(moment.seed)} × {gradient}"
    unknown = "" if moment.gradients or moment.steps else ": not computed"
    forward, backward = arrows
    space = '<BR/><FONT POINT-SIZE="4"> </FONT><BR/>'
    legend = (
        f'<FONT COLOR="{BLUE}">value (forward {forward})</FONT>     '
        f'<FONT COLOR="{RED}">gradient {_html(gradient)} ({backward} backward){unknown}</FONT>'
        f'{space if forward == "↑" else "     "}<FONT COLOR="{VIOLET}">{edges}</FONT>'
    )
    if stale:
        legend += f'<BR/><FONT COLOR="{RED}"><B>{_html(stale)}</B></FONT>'
    return f'<<B>{_html(headline(moment.graph))}</B>{space}<FONT POINT-SIZE="12">{legend}</FONT><BR/> >'


def _card(moment: Moment, node: Value, role: str, expression: str, lit: bool, so_far: bool) -> str:
    head = f"<B>{_html(moment.graph.names[node])}</B>"
    if expression:
        head += f"&#160;= {_html(expression)}"
    if role != "operation":
        head += f'&#160;&#160;<FONT COLOR="{GREY}" POINT-SIZE="10">{role}</FONT>'
    name = moment.graph.gradient_name(node) if moment.seed == 1 else "grad"
    number, ink = (f"<B>{_figure(moment.gradients[node])}</B>", RED) if node in moment.gradients else ("?", GREY)
    gradient = f"{number} so far" if so_far else f"{_html(name)} = {number}"
    border, ring = (3, 0) if lit else (1, 1) if role == "output" else (1, 0)
    edge, fill = (ORANGE, LIT) if lit else (GREY, FILL[role])
    # The outer table is the second border of the output, and elsewhere the room that keeps all cards equally large.
    return f"""<
<TABLE BORDER="{ring}" COLOR="{edge}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{3 - border - ring}" STYLE="ROUNDED"><TR><TD>
<TABLE BORDER="{border}" COLOR="{edge}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4" STYLE="ROUNDED" BGCOLOR="{fill}">
<TR><TD>{head}</TD></TR>
<HR/>
<TR><TD><FONT COLOR="{BLUE}"><B>{_figure(node.data)}</B></FONT></TD></TR>
<TR><TD WIDTH="{WIDTH + 8 * len(name)}"><FONT COLOR="{ink}" POINT-SIZE="12">{gradient}</FONT></TD></TR>
</TABLE></TD></TR></TABLE>
>"""


def _figure(number: float) -> str:
    return f"{number + 0.0:.4g}".replace("-", "−")  # -0.0 + 0.0 is 0.0


def _html(text: str) -> str:
    return html.escape(text).replace("\\", "\\\\")  # or dot would replace \N by the identity of the node
