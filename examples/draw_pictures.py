"""Draws the pictures of docs/diagrams.md: the neuron after backward(), and in the middle of it.

Run `python examples/draw_neuron.py` to write neuron.svg and neuron-step.svg, and beside them their DOT text, into docs/;
or name another folder. Where Graphviz is not installed there is only the DOT text, and a word on how to install it.
"""

import sys
from pathlib import Path

from graphviz import ExecutableNotFound

from autograd_mini import Value, Walk, draw, sigmoid
from autograd_mini.neuron import B, W, X, Y

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "docs"

w, b, x, y = Value(W, "w"), Value(B, "b"), Value(X, "x"), Value(Y, "y")
z = (w * x + b).named("z")
prediction = sigmoid(z).named("ŷ")
C = ((y - prediction) ** 2 / 2).named("C")

C.backward()
pictures = {"neuron": draw(C, parameters=[w, b])}
pictures["neuron-step"] = draw(C, walk=Walk(C).goto(4), parameters=[w, b])

try:
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.dot")
    for name, picture in pictures.items():
        print(picture.render(folder / f"{name}.dot", outfile=folder / f"{name}.svg"))
except ExecutableNotFound as error:
    print(error)
