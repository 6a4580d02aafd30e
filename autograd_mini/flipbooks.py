"""flipbook: the whole backward pass as one web page, a picture for each step, to leaf through with the arrow keys."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template

from autograd_mini.drawing import draw
from autograd_mini.graph import Graph
from autograd_mini.value import Value
from autograd_mini.walk import Walk

TEMPLATE = Path(__file__).with_suffix(".html")
MOST_STEPS = 100  # some 50 megabytes


def flipbook(output: Value, path: str | os.PathLike[str], *, parameters: Iterable[Value] = ()) -> Path:
    """Write a web page that steps through backprop of the output, and return its path.

    The page shows what draw() shows at each position of a Walk, with the text of the step beneath it; the keys ← and →,
    a slider and two buttons turn the pages. It is one file that needs nothing else, not even a network. Where Graphviz
    is not installed, its pictures are those of tree(). No ``grad`` changes. ``parameters`` are the leaves to tell apart
    from the data.

    Raises ValueError if the graph is too large to be leafed through, and what Walk raises.
    """
    graph = Graph(output)
    order = graph.order
    title = f"backprop of {graph.names[output]}"
    before = [node.grad for node in order]
    try:
        walk = Walk(output)
        if len(walk) > MOST_STEPS:
            raise ValueError(
                f"{title} has {len(walk)} steps, too many to leaf through (at most {MOST_STEPS}): "
                "make a flipbook of a node inside the graph, or step through it with Walk"
            )
        parameters = list(parameters)
        texts = [repr(walk)]
        pictures = [_picture(output, walk, parameters)]
        for step in walk:
            texts.append(repr(step))
            pictures.append(_picture(output, walk, parameters))
    finally:
        for node, gradient in zip(order, before, strict=True):
            node.grad = gradient
    page = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        pictures="\n".join(f"<div hidden>{picture}</div>" for picture in pictures),
        texts="\n".join(f"<pre hidden>{escape(text)}</pre>" for text in texts),
        last=len(pictures) - 1,
    )
    path = Path(path)
    path.write_text(page, encoding="utf-8", errors="backslashreplace")  # a label may hold what UTF-8 has no bytes for
    return path


def _picture(output: Value, walk: Walk, parameters: list[Value]) -> str:
    diagram = draw(output, walk=walk, parameters=parameters)
    svg = diagram.svg()
    if svg is None:
        return f"<pre>{escape(repr(diagram))}</pre>"
    # On one page an id may stand only once, and a title would pop up over every card and arrow.
    svg = re.sub(r' id="[^"]*"|<title>[^<]*</title>\n', "", svg[svg.index("<svg") :])
    # As wide as there is room for, but not so narrow that its numbers could not be read.
    style = r'style="width: 100%; min-width: calc(0.6 * \1); max-width: \1; height: auto"'
    return re.sub(r'(?<=<svg )width="(\d+pt)"', style, svg, count=1)
