"""flipbook: the whole backward pass as one web page, a picture for each step, to leaf through with the arrow keys."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from autograd_mini.diagrams import draw
from autograd_mini.graph import names, topological_order
from autograd_mini.value import Value
from autograd_mini.walk import Walk

MOST_STEPS = 100  # some 50 megabytes


def flipbook(output: Value, path: str | os.PathLike[str], *, parameters: Iterable[Value] = ()) -> Path:
    """Write a web page that steps through backprop of the output, and return its path.

    The page shows what draw() shows at each position of a Walk, with the text of the step beneath it; the keys ← and →,
    a slider and two buttons turn the pages. It is one file that needs nothing else, not even a network. Where Graphviz
    is not installed, its pictures are those of tree(). No ``grad`` changes. ``parameters`` are the leaves to tell apart
    from the data.

    Raises ValueError if the graph is too large to be leafed through, and what Walk raises.
    """
    order = topological_order(output)
    title = f"backprop of {names(order)[output]}"
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
    page = PAGE.format(
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
    svg = diagram._repr_svg_()
    if svg is None:
        return f"<pre>{escape(repr(diagram))}</pre>"
    # On one page an id may stand only once, and a title would pop up over every card and arrow.
    svg = re.sub(r' id="[^"]*"|<title>[^<]*</title>\n', "", svg[svg.index("<svg") :])
    # As wide as there is room for, but not so narrow that its numbers could not be read.
    style = r'style="width: 100%; min-width: calc(0.6 * \1); max-width: \1; height: auto"'
    return re.sub(r'(?<=<svg )width="(\d+pt)"', style, svg, count=1)


PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light; font-family: "DejaVu Sans", Verdana, sans-serif; }}
body {{ margin: 0; padding: 1rem 1rem 6rem; background: white; color: #212529; }}
#pictures {{ overflow: auto; max-height: calc(100vh - 16rem); scroll-behavior: smooth; }}
svg {{ display: block; margin: 0 auto; }}
pre {{ width: fit-content; margin: 1rem auto;
  font: clamp(0.8rem, 1.6vw, 1rem) / 1.6 "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
#texts pre {{ width: auto; max-width: 72rem; white-space: pre-wrap; }}
nav {{ position: fixed; inset: auto 0 0; display: flex; gap: 1rem; align-items: center; justify-content: center;
  padding: 0.75rem 1rem; background: #f1f3f5; border-top: 1px solid #ced4da; }}
button {{ font: inherit; font-size: 1.25rem; min-width: 3.5rem; min-height: 2.75rem; }}
input {{ flex: 0 1 24rem; min-width: 0; }}
output {{ min-width: 3.5rem; text-align: right; font-variant-numeric: tabular-nums; }}
[hidden] {{ display: none; }}
</style>
</head>
<body>
<div id="pictures">
{pictures}
</div>
<div id="texts" aria-live="polite">
{texts}
</div>
<nav>
<button id="back" aria-label="one step back">←</button>
<input id="slider" type="range" min="0" max="{last}" value="0" aria-label="step">
<button id="next" aria-label="one step on">→</button>
<output id="position"></output>
</nav>
<script>
const pictures = document.getElementById("pictures"), texts = document.getElementById("texts");
const slider = document.getElementById("slider"), last = {last};
let step = 0;
function show(k) {{
  step = Math.max(0, Math.min(last, k));
  for (const list of [pictures.children, texts.children])
    for (let i = 0; i <= last; i++) list[i].hidden = i !== step;
  slider.value = step;
  document.getElementById("position").value = step + " / " + last;
  document.getElementById("back").disabled = step === 0;
  document.getElementById("next").disabled = step === last;
  const picture = pictures.children[step], card = picture.querySelector(".lit") ?? picture.querySelector(".output");
  if (card) {{
    const inner = card.getBoundingClientRect(), outer = pictures.getBoundingClientRect();
    pictures.scrollBy(
      (inner.left + inner.right - outer.left - outer.right) / 2, (inner.top + inner.bottom - outer.top - outer.bottom) / 2);
  }}
}}
document.getElementById("back").onclick = () => show(step - 1);
document.getElementById("next").onclick = () => show(step + 1);
slider.oninput = () => show(Number(slider.value));
document.onkeydown = event => {{
  const target = {{ArrowLeft: step - 1, ArrowRight: step + 1, Home: 0, End: last}}[event.key];
  if (target === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  show(target);
}};
show(0);
</script>
</body>
</html>
"""
