"""draw: a computation graph as a picture, drawn by Graphviz."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from math import inf, isfinite, isnan
from typing import TYPE_CHECKING, ClassVar

from autograd_mini import rules
from autograd_mini.backprop import local_derivative
from autograd_mini.formulas import spelled
from autograd_mini.graph import Graph, listed
from autograd_mini.notation import ATOM, Notation, Written
from autograd_mini.reals import attempt
from autograd_mini.rules import Rule
from autograd_mini.trees import Moment, assigned, tree_at
from autograd_mini.value import Value

if TYPE_CHECKING:
    from autograd_mini.diagram import Diagram
    from autograd_mini.walk import Walk

MOST_NODES = 300  # nobody can read a larger diagram, and dot takes longer and longer to lay it out
MOST_EDGES = 400  # of a folded diagram
MOST_NUMBERS = 20  # on the edges of a folded diagram: instead of more, the edges show by their looks how large they are
LONGEST_TITLE = 60
LONGEST_FOLDED = 20  # of the expressions on the cards of a folded diagram

# Verdana is as wide as DejaVu, which dot measures with: a browser that has the one only still keeps texts in their cards.
FONT = "DejaVu Sans,Verdana,sans-serif"
BLUE, RED, VIOLET, GREY, ORANGE = "#1864ab", "#c92a2a", "#5f3dc4", "#495057", "#e8590c"
FILL = {"parameter": "#d3f9d8", "data": "#f1f3f5", "leaf": "#f1f3f5", "operation": "#ffffff", "output": "#d8efff"}
LIT = "#fff3bf"

# By rankdir: the signs for forward and backward, and the sides of a card where straight edges leave it and enter it.
DIRECTIONS = {"LR": ("→", "←", "e", "w"), "BT": ("↑", "↓", "n", "s")}

# fmt: off
GRAPH_STYLE = {
    "ranksep": "0.28", "nodesep": "0.28", "pad": "0.2", "bgcolor": "white",
    "fontname": FONT, "fontsize": "18", "labelloc": "t",
}
FOLDED_STYLE = {"ordering": "in", "ranksep": "0.6"}  # in: so that the cards of a layer keep their order
CROWDED_STYLE = {"ordering": "in", "ranksep": "2", "splines": "line"}
NODE_STYLE = {"shape": "plain", "fontname": FONT, "fontsize": "15"}
EDGE_STYLE = {"fontname": FONT, "fontcolor": VIOLET, "color": "#868e96", "penwidth": "1.5", "arrowsize": "0.8"}
LIT_EDGE = {"color": RED, "fontcolor": RED, "penwidth": "3", "dir": "back"}
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
        return written._replace(text=written.text.replace("-", "−"))

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
    walk: Walk | None = None,
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
    if rankdir not in DIRECTIONS:
        raise ValueError(f'rankdir is "LR" or "BT", not {rankdir!r}')
    if walk is None:
        moment = assigned(output)
    elif getattr(walk, "output", None) is output:
        moment = walk.at(walk.position)
    else:
        raise ValueError(f"this is not a walk of {Graph(output).names[output]}: draw(walk.output, walk=walk)")
    return picture(moment, nodes, parameters, rankdir)


def picture(
    moment: Moment, nodes: Iterable[Value] | None = None, parameters: Iterable[Value] = (), rankdir: str = "BT"
) -> Diagram:
    """What draw() returns, at any moment; from bottom to top unless told otherwise."""
    from autograd_mini.diagram import Diagram  # not above, since it imports graphviz

    graph, lit = moment.graph, moment.lit
    *arrows, tail, head = DIRECTIONS[rankdir]
    trained = listed(parameters, "draw(C, parameters=[w, b])")
    graph.require_leaves(trained)
    cards, edges = graph.order, _local_derivatives(graph)
    style, legend, longest = {}, "local derivative, on each edge", inf
    if nodes is not None:
        cards, edges = _folded(graph, edges, listed(nodes, "draw(C, nodes=[z])"))
        style, legend, longest = FOLDED_STYLE, "derivative from card to card, on each edge", LONGEST_FOLDED
    crowded = nodes is not None and len(edges) > MOST_NUMBERS
    if crowded:
        style, legend = CROWDED_STYLE, "derivative from card to card: thick where large, dashed where negative"
    if len(cards) > MOST_NODES or (crowded and len(edges) > MOST_EDGES):
        name = graph.names[graph.output]
        raise ValueError(
            f"a diagram with {len(cards)} nodes and {len(edges)} edges cannot be read: "
            f"choose nodes, draw({name}, nodes=[…]), or use tree({name}), which leaves out what is too much"
        )

    style = style | {"rankdir": rankdir, "label": _title(moment, arrows, legend)}
    edge_style = EDGE_STYLE | {"fontsize": "13" if rankdir == "BT" else "11"}  # upright there is room
    diagram: Diagram = Diagram(format="svg", graph_attr=GRAPH_STYLE | style, node_attr=NODE_STYLE, edge_attr=edge_style)
    diagram.text = tree_at(moment)
    identity = {node: f"n{number}" for number, node in enumerate(cards)}  # no label: dot reads a:b as a port
    expressions = _expressions(graph, identity, longest)
    for node in cards:
        kind = "output" if node is graph.output else "operation" if node.operands else "leaf"
        if kind == "leaf" and trained:
            kind = "parameter" if node in trained else "data"
        classes = {"class": f"{kind} lit" if node is lit else kind}  # of the SVG element, for style sheets
        diagram.node(identity[node], _card(moment, node, kind, expressions.get(node, "")), **classes)
    largest = max((abs(derivative) for *_, derivative in edges if isfinite(derivative)), default=0.0) or 1.0
    for start, end, name, derivative in edges:
        weight = "30" if start.operands else "1"  # so that the operations stand in a line, the leaves beside it
        number = "?" if moment.stale else "undefined" if isnan(derivative) else _figure(derivative)
        if crowded:
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


def _folded(graph: Graph, edges: Iterable[Edge], nodes: Iterable[Value]) -> tuple[list[Value], list[Edge]]:
    """The nodes and the output, in order, and the edges between them: each is the sum over all paths in between."""
    for node in nodes:
        if node not in graph.names:
            raise ValueError(f"{node!r} is not a node of {graph.names[graph.output]}'s graph")
    chosen = {graph.output, *nodes}
    along: dict[Value, dict[Value, float]] = {node: {} for node in graph.order}
    for operand, node, _, partial in edges:
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


def _expressions(graph: Graph, named: Container[Value], longest: float = inf) -> dict[Value, str]:
    """How each operation is computed from leaves and from the nodes that are named; "" where that is too long."""
    return {node: each for node, each, _ in spelled(graph, Print(longest), lambda node, _: node in named)}


def headline(graph: Graph) -> str:
    """The formula of the output in terms of the leaves, if it is short; else its name."""
    name, formula = graph.names[graph.output], _expressions(graph, (), LONGEST_TITLE).get(graph.output)
    return f"{name} = {formula}" if formula else name


def _title(moment: Moment, arrows: Sequence[str], edges: str) -> str:
    graph = moment.graph
    gradient = graph.gradient_heading
    if moment.seed != 1:
        gradient = f"grad = {_figure(moment.seed)} × {gradient}"
    unknown = "" if moment.is_computed else ": not computed"
    forward, backward = arrows
    space = '<BR/><FONT POINT-SIZE="4"> </FONT><BR/>'
    legend = (
        f'<FONT COLOR="{BLUE}">value (forward {forward})</FONT>     '
        f'<FONT COLOR="{RED}">gradient {_html(gradient)} ({backward} backward){unknown}</FONT>'
        f'{space if forward == "↑" else "     "}<FONT COLOR="{VIOLET}">{edges}</FONT>'
    )
    if moment.stale:
        legend += f'<BR/><FONT COLOR="{RED}"><B>{_html(moment.stale)}</B></FONT>'
    return f'<<B>{_html(headline(graph))}</B>{space}<FONT POINT-SIZE="12">{legend}</FONT><BR/> >'


def _card(moment: Moment, node: Value, kind: str, expression: str) -> str:
    graph, known, lit = moment.graph, moment.gradients.get(node), node is moment.lit
    head = f"<B>{_html(graph.names[node])}</B>"
    if expression:
        head += f"&#160;= {_html(expression)}"
    if kind != "operation":
        head += f'&#160;&#160;<FONT COLOR="{GREY}" POINT-SIZE="10">{kind}</FONT>'
    name = graph.gradient_name(node) if moment.seed == 1 else "grad"
    gradient, ink = f"{_html(name)} = ?", GREY
    if known is not None:
        number = f"<B>{_figure(known)}</B>"
        gradient, ink = f"{number} so far" if node in moment.unfinished else f"{_html(name)} = {number}", RED
    border, ring = (3, 0) if lit else (1, 1) if kind == "output" else (1, 0)
    edge, fill = (ORANGE, LIT) if lit else (GREY, FILL[kind])
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
