"""Draws the pictures of docs/diagrams.md: the neuron after backward(), the neuron in the middle of it, and a network.

Run `python examples/draw_pictures.py` to write neuron.svg, neuron-step.svg and network.svg, and beside them their DOT
text, into docs/; or name another folder. Where Graphviz is not installed there is only the DOT text, and a word on how
to install it.
"""

import random
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
pictures = {"neuron": draw(C, parameters=[w, b], rankdir="BT")}
pictures["neuron-step"] = draw(C, walk=Walk(C).goto(4), parameters=[w, b], rankdir="BT")

chance = random.Random(3)


def neuron(inputs: list[Value], name: str) -> Value:
    """A sigmoid neuron with weights taken by chance."""
    z = sum((Value(chance.uniform(-2, 2)) * each for each in inputs), Value(chance.uniform(-2, 2)))
    return sigmoid(z).named(name)


inputs = [Value(1.0, "x1"), Value(0.0, "x2")]
hidden = [neuron(inputs, name) for name in ("h1", "h2", "h3")]
prediction = neuron(hidden, "ŷ")
C = ((Value(1.0, "y") - prediction) ** 2 / 2).named("C")
C.backward()
pictures["network"] = draw(C, nodes=[*inputs, *hidden, prediction], rankdir="BT")

try:
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.dot")
    for name, picture in pictures.items():
        print(picture.render(folder / f"{name}.svg"))
except ExecutableNotFound as error:
    print(error)
