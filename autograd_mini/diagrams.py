"""A computation graph as a picture: draw() for Graphviz, tree() for any terminal."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite, isnan, nan
from typing import TYPE_CHECKING, Protocol

from autograd_mini.faults import StaleGraphError, check, partial
from autograd_mini.formulas import formula
from autograd_mini.graph import Text, expression, names, quotient, topological_order
from autograd_mini.value import Value

if TYPE_CHECKING:
    from autograd_mini.rendering import Diagram

MOST_NODES = 300  # nobody can read a larger diagram, and dot takes longer and longer to lay it out
MOST_LINES = 60  # of a tree
MOST_LEVELS = 16  # of a tree: each of them indents it by three columns
LONGEST_TITLE = 60

# Verdana is as wide as DejaVu, which dot measures with: a browser that has the one only still keeps texts in their cards.
FONT = "DejaVu Sans,Verdana,sans-serif"
BLUE, RED, VIOLET, GREY, ORANGE = "#1864ab", "#c92a2a", "#5f3dc4", "#868e96", "#e8590c"
FILL = {"parameter": "#d3f9d8", "data": "#f1f3f5", "leaf": "#f1f3f5", "operation": "#ffffff", "output": "#d0ebff"}
LIT = "#fff3bf"

# fmt: off
GRAPH_STYLE = {
    "rankdir": "LR", "ranksep": "0.28", "nodesep": "0.28", "pad": "0.2", "bgcolor": "white",
    "fontname": FONT, "fontsize": "18", "labelloc": "t",
}
NODE_STYLE = {"shape": "plain", "fontname": FONT, "fontsize": "15"}
EDGE_STYLE = {
    "fontname": FONT, "fontsize": "11", "fontcolor": VIOLET, "color": GREY, "penwidth": "1.5", "arrowsize": "0.8",
}
LIT_EDGE = {"color": RED, "fontcolor": RED, "penwidth": "3", "dir": "back"}
# fmt: on

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


class Step(Protocol):
    """What a picture needs of a step of a Walk: the operation that it passed."""

    @property
    def node(self) -> Value: ...


class Position(Protocol):
    """What a picture needs of a Walk: its output, the gradients it has reached so far, and the step it did last."""

    @property
    def output(self) -> Value: ...
    @property
    def gradients(self) -> Mapping[Value, float]: ...
    @property
    def step(self) -> Step | None: ...


def draw(output: Value, *, walk: Position | None = None, parameters: Iterable[Value] = ()) -> Diagram:
    """The graph that the output was computed from, as a diagram for Graphviz.

    The card of a node tells how it was computed, its value, and its gradient once ``output.backward()`` has run; on the
    edge from each operand stands the local derivative. With a ``walk``, the gradients are those reached at its
    position, and the operation of its last step is lit: its gradient flows back along the red edges. ``parameters`` are
    the leaves to tell apart from the data.

    Returns a Diagram, which is a graphviz.Digraph: nothing is rendered, but a notebook shows it as a picture, and
    ``draw(C).render(outfile="C.svg")`` writes one; both call the program `dot`. Raises ValueError if the graph has too
    many nodes to be read.

    >>> w, x = Value(0.5, "w"), Value(3, "x")
    >>> C = (w * x).named("C")
    >>> C.backward()
    >>> "∂C/∂w = <B>3</B>" in draw(C).source
    True
    """
    from autograd_mini.rendering import Diagram  # not above, since it imports graphviz

    scene = _Scene(output, walk)
    if len(scene.order) > MOST_NODES:
        name = scene.name[output]
        raise ValueError(
            f"the graph of {name} has {len(scene.order)} nodes, and a diagram of more than {MOST_NODES} cannot be read: "
            f"draw a node inside the graph, or use tree({name}), which leaves out what is too much"
        )
    if walk is not None and walk.output is not output:
        raise ValueError(f"this is not a walk of {scene.name[output]}: draw(walk.output, walk=walk)")
    lit = walk.step.node if walk is not None and walk.step is not None else None
    chosen = set(parameters)
    reserved = dict.fromkeys(scene.order, 0)
    for node, gradient in _accumulate(scene.order, 1.0):
        reserved[node] = max(reserved[node], len(_figure(gradient)))

    diagram: Diagram = Diagram(
        format="svg",
        graph_attr={**GRAPH_STYLE, "label": _title(scene, walk)},
        node_attr=NODE_STYLE,
        edge_attr=EDGE_STYLE,
    )
    diagram.text = _tree(scene)
    identity = {node: f"n{number}" for number, node in enumerate(scene.order)}  # no label: dot reads a:b as a port
    for node in scene.order:
        kind = "output" if node is output else "operation" if node.operands else "leaf"
        if kind == "leaf" and chosen:
            kind = "parameter" if node in chosen else "data"
        classes = {"class": f"{kind} lit" if node is lit else kind}  # of the SVG element, for style sheets
        diagram.node(identity[node], _card(scene, node, kind, node is lit, reserved[node]), **classes)
        for operand, label in _edges(scene, node):
            weight = "30" if operand.operands else "1"  # so that the operations stand in a line, the leaves beside it
            diagram.edge(identity[operand], identity[node], label, weight=weight, **(LIT_EDGE if node is lit else {}))
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
    """What there is to show of a graph: its nodes, their names, the gradients as far as they are known."""

    def __init__(self, output: Value, walk: Position | None) -> None:
        self.output = output
        self.order = topological_order(output)
        self.name = {node: _printable(name) for node, name in names(self.order).items()}
        self.stale = ""
        try:
            check(self.order)
        except StaleGraphError as error:
            self.stale = _printable(str(error))
        except FloatingPointError:
            pass  # an inf or a nan is there to be seen
        if walk is not None:
            self.gradients = dict(walk.gradients)
        else:
            self.gradients = {} if self.stale else _gradients(self.order)
        self.seed = self.gradients.get(output, 1.0)

    def gradient_of(self, name: str) -> str:
        """What the gradient of the node of this name is called; after backward(2) it is no plain derivative."""
        return f"∂{self.name[self.output]}/∂{name}" if self.seed == 1 else "grad"

    def expression(self, node: Value) -> str:
        return expression(node, self.name.__getitem__)

    def formula(self) -> str:
        """The formula of the output in terms of the leaves, if it is short; else its name."""
        name = self.name[self.output]
        if self.stale or not self.output.operands or not all(isfinite(node.data) for node in self.order):
            return name
        # formula() gives every labelled part a line of its own: here is the same graph with labels on its leaves only.
        copy: dict[Value | float, Value] = {}
        for node in self.order:
            operands = [copy.get(operand, operand) for operand in node.operands]
            copy[node] = node._rule(*operands) if operands else Value(node.data, self.name[node])
        text = formula(copy[self.output])
        return name if "\n" in text or len(text) > LONGEST_TITLE else f"{name} = {_typeset(text)}"


def _printable(text: str) -> str:
    """The text with \\n for a line break: what cannot be printed would break a line of the tree, or the DOT text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _local_derivatives(node: Value) -> list[tuple[Value, int, float]]:
    """The operands that are Values, their positions, and the local derivatives: nan where there is none."""
    derivatives = []
    for position, operand in enumerate(node.operands):
        if isinstance(operand, Value):
            try:
                derivative = partial(node, position)
            except (ArithmeticError, TypeError, ValueError):  # a TypeError where it is complex
                derivative = None
            derivatives.append((operand, position, nan if derivative is None else derivative))
    return derivatives


def _accumulate(order: list[Value], seed: float) -> Iterator[tuple[Value, float]]:
    """Every sum that backward(seed) of the last node holds on its way; the last sum of a node is its gradient."""
    gradients = dict.fromkeys(order, -0.0)
    gradients[order[-1]] = seed
    yield order[-1], seed
    for node in reversed(order):
        for operand, _, derivative in _local_derivatives(node):
            gradients[operand] += gradients[node] * derivative
            yield operand, gradients[operand]


def _gradients(order: list[Value]) -> dict[Value, float]:
    """The gradients of the last node, if they are what stands on the nodes; else none.

    Before backward() has run, `grad` is 0.0, and after that of another output it is a derivative of that one. What
    backward() would give is computed again here, to see whether it is there.
    """
    seed = order[-1].grad
    if seed == 0:
        return {}
    gradients = dict(_accumulate(order, seed))
    return gradients if all(node.grad == gradient for node, gradient in gradients.items()) else {}


def _title(scene: _Scene, walk: Position | None) -> str:
    name = scene.gradient_of("node")
    if scene.seed != 1:
        name += f" = {_figure(scene.seed)} × ∂{scene.name[scene.output]}/∂node"
    unknown = "" if walk is not None or scene.gradients else ": not computed"
    legend = (
        f'<FONT COLOR="{BLUE}">value (forward →)</FONT>     '
        f'<FONT COLOR="{RED}">gradient {_html(name)} (← backward){unknown}</FONT>     '
        f'<FONT COLOR="{VIOLET}">local derivative, on each edge</FONT>'
    )
    if scene.stale:
        legend += f'<BR/><FONT COLOR="{RED}"><B>{_html(scene.stale)}</B></FONT>'
    space = '<BR/><FONT POINT-SIZE="4"> </FONT><BR/>'
    return f'<<B>{_html(scene.formula())}</B>{space}<FONT POINT-SIZE="12">{legend}</FONT><BR/> >'


def _card(scene: _Scene, node: Value, kind: str, lit: bool, reserved: int) -> str:
    head = f"<B>{_html(scene.name[node])}</B>"
    if node.operands:
        head += f"&#160;= {_html(_typeset(scene.expression(node)))}"
    if kind != "operation":
        head += f'&#160;&#160;<FONT COLOR="#495057" POINT-SIZE="10">{kind}</FONT>'
    gradient = scene.gradient_of(scene.name[node])
    known = node in scene.gradients
    border, ring = (3, 0) if lit else (1, 1) if kind == "output" else (1, 0)
    return CARD.format(
        border=border,
        ring=ring,
        room=3 - border - ring,
        color=ORANGE if lit else "#495057",
        fill=LIT if lit else FILL[kind],
        head=head,
        value=_figure(node.data),
        gradient=_html(gradient) + (f" = <B>{_figure(scene.gradients[node])}</B>" if known else " = ?"),
        gradient_color=RED if known else GREY,
        # Wide enough for the longest number that the steps of a walk will put there, so that nothing moves between them.
        width=max(132, round(42 + 12 * (len(gradient) - 3) + 8.4 * reserved)),
    )


def _edges(scene: _Scene, node: Value) -> list[tuple[Value, str]]:
    """The operands that are Values, each with the label of the edge from it."""
    edges = []
    for operand, position, derivative in _local_derivatives(node):
        name = _html(quotient(node, position, scene.name))
        number = "?" if scene.stale else "undefined" if isnan(derivative) else _figure(derivative)
        edges.append((operand, f'<&#160;{name}&#160;<BR/><B>{number}</B><BR/><FONT POINT-SIZE="4"> </FONT>>'))
    return edges


def _figure(number: float) -> str:
    return f"{number + 0.0:.4g}".replace("-", "−")  # -0.0 + 0.0 is 0.0


def _typeset(text: str) -> str:
    """The text with the signs of a formula in print: ·, −, ², σ."""
    text = text.replace(" * ", " · ").replace("sigmoid(", "σ(")
    text = re.sub(r" \*\* ([23])(?![\w.])", lambda power: {"2": "²", "3": "³"}[power[1]], text)
    return re.sub(r"(?<![^\s(])-(?=[\s\w(])", "−", text)


def _html(text: str) -> str:
    return html.escape(text).replace("\\", "\\\\")  # or dot would replace \N by the identity of the node


def _tree(scene: _Scene) -> Text:
    rows = [("node = expression", "value", scene.gradient_of("node"))]
    shown = set()
    pending = [(scene.output, "", "")]
    while pending and len(rows) <= MOST_LINES:
        node, branch, indent = pending.pop()
        text = branch + scene.name[node]
        if node in shown:
            rows.append((f"{text} (above)", "", ""))
            continue
        shown.add(node)
        if node.operands:
            text += f" = {scene.expression(node)}"
        gradient = f"{scene.gradients[node] + 0.0:.6g}" if node in scene.gradients else "?"  # -0.0 + 0.0 is 0.0
        rows.append((text, f"{node.data + 0.0:.6g}", gradient))
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
    missing = len(scene.order) - len(shown)
    if missing:
        lines.append(
            f"{missing} of {len(scene.order)} nodes are not shown: tree() of a node inside shows what is below it"
        )
    if scene.stale:
        lines.append(scene.stale)
    return Text("\n".join(lines))
