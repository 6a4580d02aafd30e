"""The same thing a bunch more times: a network of four neurons (2-3-1) learns exclusive or.

Run `python examples/network.py`. Expect the mean cost falling from about 0.17 to 0.0001, the four answers of the
network, a map of what it says between them, and the network at one sample as network.svg in the working directory (as
network.dot where Graphviz is not installed).
"""

import random
import sys
from collections.abc import Sequence
from io import TextIOWrapper

import graphviz

from autograd_mini import Value, draw

EPOCHS = 4000
SAMPLES = [((0.0, 0.0), 0.0), ((0.0, 1.0), 1.0), ((1.0, 0.0), 1.0), ((1.0, 1.0), 0.0)]

if isinstance(sys.stdout, TextIOWrapper):
    sys.stdout.reconfigure(errors="replace")

chance = random.Random(3)
hidden = [[Value(chance.uniform(-2, 2), f"{name}{n}") for name in ("p", "q", "b")] for n in (1, 2, 3)]
outer = [Value(chance.uniform(-2, 2), name) for name in ("w1", "w2", "w3", "c")]
parameters = [*(weight for neuron in hidden for weight in neuron), *outer]


def activations(x: Sequence[Value | float]) -> list[Value]:
    return [(p * x[0] + q * x[1] + b).sigmoid() for p, q, b in hidden]


def answer(activations: list[Value]) -> Value:
    *weights, bias = outer
    return sum((w * a for w, a in zip(weights, activations, strict=True)), bias).sigmoid()


def prediction(x: Sequence[Value | float]) -> Value:
    return answer(activations(x))


for epoch in range(EPOCHS + 1):
    first, *others = [(y - prediction(x)) ** 2 / 2 for x, y in SAMPLES]
    C = sum(others, first) / len(SAMPLES)
    C.backward()
    if epoch % 500 == 0:
        print(f"epoch {epoch:4}  mean cost {C.data:.6f}")
    if sys.stderr.isatty():
        print(f"epoch {epoch} of {EPOCHS}", end="\r", file=sys.stderr, flush=True)
    for parameter in parameters:
        parameter.data -= 5.0 * parameter.grad

print("\n" + "\n".join(f"{a:.0f} xor {b:.0f} = {prediction((a, b)).data:.3f}" for (a, b), _ in SAMPLES))
print("\nwhat it says for x1 from 0 to 1 (across) and x2 from 1 to 0 (down): · below 0.25, # above 0.75")
for down in range(10, -1, -1):
    row = [prediction((across / 20, down / 10)).data for across in range(21)]
    print("  " + "".join("·" if p < 0.25 else "#" if p > 0.75 else "+" for p in row))

x1, x2, y = Value(1.0, "x1"), Value(0.0, "x2"), Value(1.0, "y")
layer = [activation.named(f"h{n}") for n, activation in enumerate(activations([x1, x2]), 1)]
ŷ = answer(layer).named("ŷ")
C = ((y - ŷ) ** 2 / 2).named("C")
C.backward()
try:
    picture = draw(C, nodes=[x1, x2, *layer, ŷ])
    print(f"\nthe network at one sample: {picture.render('network.svg')}")
except graphviz.ExecutableNotFound as missing:
    print(f"\n{missing}")
