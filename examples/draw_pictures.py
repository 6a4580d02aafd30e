"""Draws the pictures of docs/: the neuron after backward() and in the middle of it, paths that merge, and two networks.

Run `python examples/draw_pictures.py` to write neuron.svg, neuron-step.svg, paths.svg, network.svg and layers.svg, beside
them their DOT text, and neuron.html, the flipbook of the neuron, into docs/; or name another folder. Where Graphviz is not
installed there is only the DOT text, and a word on how to install it.
"""

import random
import sys
from pathlib import Path

from graphviz import ExecutableNotFound

from autograd_mini import Value, Walk, draw, flipbook, sigmoid
from autograd_mini.neuron import B, W, X, Y

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "docs"

w, b, x, y = Value(W, "w"), Value(B, "b"), Value(X, "x"), Value(Y, "y")
z = (w * x + b).named("z")
prediction = sigmoid(z).named("ŷ")
C = ((y - prediction) ** 2 / 2).named("C")

C.backward()
pictures = {"neuron": draw(C, parameters=[w, b], rankdir="BT")}
page = flipbook(C, parameters=[w, b])
pictures["neuron-step"] = draw(C, walk=Walk(C).goto(4), parameters=[w, b], rankdir="BT")

# Three ways from a to m, three from m to C. The factors are primes: each product shows which way it came.
a = Value(2, "a")
m = (2 * a + 3 * a + 5 * a).named("m")
C = (7 * m + 11 * m + 13 * m).named("C")
C.backward()
pictures["paths"] = draw(C, rankdir="BT")

# Networks with weights taken by chance: only the neurons have cards.
chance = random.Random(3)


def neuron(inputs: list[Value], name: str) -> Value:
    z = sum((Value(chance.uniform(-2, 2)) * each for each in inputs), Value(chance.uniform(-2, 2)))
    return sigmoid(z).named(name)


inputs = [Value(1, "x1"), Value(0, "x2")]
hidden = [neuron(inputs, name) for name in ("h1", "h2", "h3")]
prediction = neuron(hidden, "ŷ")
C = ((Value(1, "y") - prediction) ** 2 / 2).named("C")
C.backward()
pictures["network"] = draw(C, nodes=[*inputs, *hidden, prediction], rankdir="BT")

layer = [Value(chance.uniform(-1, 1), f"x{n}") for n in range(1, 9)]
neurons = list(layer)
for name, size in {"f": 12, "g": 12, "h": 7, "ŷ": 1}.items():
    layer = [neuron(layer, f"{name}{n}" if size > 1 else name) for n in range(1, size + 1)]
    neurons += layer
C = ((Value(1, "y") - layer[0]) ** 2 / 2).named("C")
C.backward()
pictures["layers"] = draw(C, nodes=neurons)

try:
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.dot")
    for name, picture in pictures.items():
        print(picture.render(folder / f"{name}.svg"))
    print(page.save(folder / "neuron.html"))
except ExecutableNotFound as error:
    print(error)
