"""Draws the pictures of docs/: the neuron after backward() and in the middle of it, and paths that merge.

Run `python examples/draw_pictures.py` to write neuron.svg, neuron-step.svg and paths.svg, and beside them their DOT text,
into docs/; or name another folder. Where Graphviz is not installed there is only the DOT text, and a word on how to install it.
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

# Three ways from a to m, three from m to C. The factors are primes: each product shows which way it came.
a = Value(2, "a")
m = (2 * a + 3 * a + 5 * a).named("m")
total = (7 * m + 11 * m + 13 * m).named("C")
total.backward()
pictures["paths"] = draw(total, rankdir="BT")

try:
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.dot")
    for name, picture in pictures.items():
        print(picture.render(folder / f"{name}.dot", outfile=folder / f"{name}.svg"))
except ExecutableNotFound as error:
    print(error)
