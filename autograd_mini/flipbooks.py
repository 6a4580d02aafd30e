"""flipbook: a graph as one web page, to step through both passes and to try other numbers."""

import json
import os
from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from autograd_mini import rules
from autograd_mini.backprop import backpropagated, local_derivative
from autograd_mini.drawing import BLUE, GREY, PRINT, RED, VIOLET, Print, draw, headline
from autograd_mini.formulas import partial_formula
from autograd_mini.graph import Graph, listed
from autograd_mini.notation import Written
from autograd_mini.rules import TABLE, Rule
from autograd_mini.trees import Moment
from autograd_mini.value import Value

# The page has other colours in the dark, and its script looks for the numbers: both go by these names.
CLASSES = {BLUE: "value", RED: "gradient", VIOLET: "derivative", GREY: "kind"}


class Flipbook:
    """A graph as a web page: ``save("C.html")`` writes it to a file, and a notebook shows it.

    The Python prompt shows the tree of the graph instead, and so does a notebook that is not trusted.
    """

    def __init__(self, page: str, text: str) -> None:
        self.page = page
        self.text = text

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page, and return its path. If that fails, a page that was there is left as it is."""
        path = Path(path)
        beside = path.with_name(f"{path.name}.part")
        try:
            beside.write_text(self.page, encoding="utf-8")
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
        return path

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        # A notebook that is not trusted takes the frame away, and with it what hides the text.
        return (
            f"<pre>{escape(self.text)}</pre>"
            '<iframe style="width: 100%; height: 48rem; border: 0" onload="this.previousElementSibling.hidden = true" '
            f'srcdoc="{escape(self.page)}"></iframe>'
        )


def flipbook(
    output: Value, path: str | os.PathLike[str] | None = None, *, parameters: Iterable[Value] = ()
) -> Flipbook:
    """The graph of the output as a web page, to step through and to play with. Given a path, it is saved there too.

    The page steps through the forward pass and the backward pass, in the upright picture of ``draw()``. Its sliders set
    the leaves to other numbers, and gradient descent moves the ``parameters``. It is one file that needs nothing else,
    not even a network. Where Graphviz is not installed, a tree takes the place of the picture. No ``grad`` is read or
    changed.

    Raises what ``backward()`` and ``draw()`` raise.
    """
    graph = Graph(output)
    parameters = listed(parameters, "flipbook(C, parameters=[w, b])")
    moment = Moment(graph, backpropagated(graph, 1.0, float))
    diagram = draw(output, walk=moment, parameters=parameters, rankdir="BT")
    diagram.graph_attr.update(label="", pad="0.1")  # the page has a title and a legend of its own
    used = list(dict.fromkeys(node.rule for node in graph.order if node.operands))
    own = [rule.symbol for rule in used if rule not in TABLE]
    data = {"nodes": _nodes(graph, used), "parameters": [*map(graph.order.index, parameters)], "own": own}
    page = Template(_file(".html")).substitute(
        output=escape(graph.names[output]),
        headline=escape(headline(graph)),
        picture=_picture(diagram.svg() or ""),
        graph=json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),  # no </script> in it
        table="" if own else ",\n".join(map(_row, used)),
        style=_file(".css"),
        script=_file(".js"),
    )
    written = '.save("C.html") writes it' if path is None else f"it was written to {os.fspath(path)}"
    book = Flipbook(page, f"{diagram!r}\nA trusted notebook shows this as a page; {written}.")
    if path is not None:
        book.save(path)
    return book


def _file(suffix: str) -> str:
    return Path(__file__).with_suffix(suffix).read_text(encoding="utf-8")


def _picture(svg: str) -> str:
    """The SVG of dot as a part of the page: with classes in the place of colours."""
    svg = svg[svg.find("<svg") :]
    for colour, name in CLASSES.items():
        svg = svg.replace(f'fill="{colour}"', f'class="{name}"')
    return svg


class Slots(Print):
    """A formula with slots for the numbers of nodes: "{} + {}"."""

    def name(self, name: str) -> Written:
        return Written("{}")


def _nodes(graph: Graph, used: list[Rule]) -> list[dict[str, Any]]:
    """What the script has to know of each node."""
    place = {node: number for number, node in enumerate(graph.order)}

    def operand_of(node: Value, position: int) -> dict[str, Any]:
        operand = node.operands[position]
        if isinstance(operand, float):
            return {"constant": operand}
        return {
            "node": place[operand],
            "derivative": graph.derivative_name(node, position),
            "formula": partial_formula(graph, node, position, PRINT),
            "partial": local_derivative(graph, node, position, float),
        }

    return [
        {
            "name": graph.names[node],
            "gradient": graph.gradient_name(node),
            "value": node.data,
            "formula": graph.expression(node, PRINT) if node.operands else None,
            "slots": graph.expression(node, Slots()) if node.operands else None,
            "rule": used.index(node.rule) if node.operands else None,
            "operands": [operand_of(node, position) for position in range(len(node.operands))],
        }
        for node in graph.order
    ]


def _row(rule: Rule) -> str:
    """A row of the table in JavaScript, which writes formulas as Python does: "[(out, a, b) => a + b, (out, a, b) => 1, …]"."""
    operands = [Value(2.0, "a"), Value(3.0, "b")][: len(rule.partials)]
    out = rule(*operands).named("out")
    graph = Graph(out)
    formulas = [graph.expression(out), *(partial_formula(graph, out, position) for position in range(len(operands)))]
    if rule is rules.power:  # its partials have an `if`: the script has their twins
        formulas[1:] = "base_rule(a, b)", "exponent_rule(out, a, b)"
    return f"[{', '.join(f'(out, a, b) => {formula}' for formula in formulas)}]"
