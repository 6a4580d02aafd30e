"""Scripts written for micrograd's Value run unchanged, and learn what they would learn on plain floats."""

import math
import random

import pytest

from autograd_mini import Value


def test_the_lecture_expression():
    a = Value(2.0, label="a")
    b = Value(-3.0, label="b")
    c = Value(10.0, label="c")
    e = a * b
    e.label = "e"
    d = e + c
    d.label = "d"
    f = Value(-2.0, label="f")
    L = d * f
    L.label = "L"
    L.backward()
    assert (L.data, L.grad) == (-8.0, 1.0)
    assert (f.grad, d.grad, e.grad, c.grad) == (4.0, -2.0, -2.0, -2.0)
    assert (a.grad, b.grad) == (6.0, -4.0)
    for p in (a, b, c, f):
        p.data += 0.01 * p.grad
        p.grad = 0
    assert ((a * b + c) * f).data == pytest.approx(-7.286496)


def test_the_readme_expression():
    def expression(a, b, relu):
        c = a + b
        d = a * b + b**3
        c += c + 1
        c += 1 + c + (-a)
        d += d * 2 + relu(b + a)
        d += 3 * d + relu(b - a)
        e = c - d
        f = e**2
        g = f / 2.0
        g += 10.0 / f
        return g

    a, b = Value(-4.0), Value(2.0)
    g = expression(a, b, lambda value: value.relu())
    g.backward()
    h = 1e-5
    slopes = [
        (
            expression(-4.0 + da, 2.0 + db, lambda x: max(x, 0.0))
            - expression(-4.0 - da, 2.0 - db, lambda x: max(x, 0.0))
        )
        / (2 * h)
        for da, db in ((h, 0.0), (0.0, h))
    ]
    assert g.data == expression(-4.0, 2.0, lambda x: max(x, 0.0))
    assert [a.grad, b.grad] == pytest.approx(slopes, rel=1e-8)


class Neuron:
    def __init__(self, nin, chance, act):
        self.w = [Value(chance.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0)
        self.act = act

    def __call__(self, x):
        out = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
        return {"tanh": out.tanh, "relu": out.relu, "linear": lambda: out}[self.act]()

    def parameters(self):
        return [*self.w, self.b]


class MLP:
    def __init__(self, sizes, acts, seed):
        chance = random.Random(seed)
        self.layers = [
            [Neuron(nin, chance, act) for _ in range(nout)]
            for nin, nout, act in zip(sizes, sizes[1:], acts, strict=False)
        ]

    def __call__(self, x):
        for layer in self.layers:
            x = [neuron(x) for neuron in layer]
        return x[0]

    def parameters(self):
        return [p for layer in self.layers for neuron in layer for p in neuron.parameters()]


XS = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
YS = [1.0, -1.0, -1.0, 1.0]
RATE, DECAY, STEPS = 0.02, 1e-4, 60


def losses_with_values(sizes, acts, seed):
    model = MLP(sizes, acts, seed)
    losses = []
    for _ in range(STEPS):
        scores = [model(x) for x in XS]
        data_loss = sum((score - y) ** 2 for score, y in zip(scores, YS, strict=True))
        reg_loss = DECAY * sum(p * p for p in model.parameters())
        loss = data_loss + reg_loss
        for p in model.parameters():
            p.grad = 0
        loss.backward()
        for p in model.parameters():
            p.data -= RATE * p.grad
        losses.append(loss.data)
    return losses


def losses_with_floats(sizes, acts, seed):
    """The same network, its gradient derived by hand, layer by layer."""
    layers = [
        [([wi.data for wi in neuron.w], neuron.b.data) for neuron in layer] for layer in MLP(sizes, acts, seed).layers
    ]
    functions = {
        "tanh": (math.tanh, lambda out: 1 - out * out),
        "relu": (lambda z: max(z, 0.0), lambda out: float(out > 0)),
        "linear": (lambda z: z, lambda out: 1.0),
    }
    losses = []
    for _ in range(STEPS):
        gradient = [[([2 * DECAY * wi for wi in w], 2 * DECAY * b) for w, b in layer] for layer in layers]
        loss = DECAY * sum(wi * wi for layer in layers for w, b in layer for wi in [*w, b])
        for x, y in zip(XS, YS, strict=True):
            activations = [x]
            for layer, act in zip(layers, acts, strict=True):
                forward = functions[act][0]
                inputs = activations[-1]
                activations.append(
                    [forward(sum(wi * xi for wi, xi in zip(w, inputs, strict=True)) + b) for w, b in layer]
                )
            loss += (activations[-1][0] - y) ** 2
            upstream = [2 * (activations[-1][0] - y)]
            for depth in range(len(layers) - 1, -1, -1):
                slope = functions[acts[depth]][1]
                delta = [u * slope(out) for u, out in zip(upstream, activations[depth + 1], strict=True)]
                inputs = activations[depth]
                gradient[depth] = [
                    ([g + d * xi for g, xi in zip(gw, inputs, strict=True)], gb + d)
                    for (gw, gb), d in zip(gradient[depth], delta, strict=True)
                ]
                upstream = [
                    sum(d * w[k] for d, (w, _) in zip(delta, layers[depth], strict=True)) for k in range(len(inputs))
                ]
        layers = [
            [
                ([wi - RATE * gi for wi, gi in zip(w, gw, strict=True)], b - RATE * gb)
                for (w, b), (gw, gb) in zip(layer, layer_gradient, strict=True)
            ]
            for layer, layer_gradient in zip(layers, gradient, strict=True)
        ]
        losses.append(loss)
    return losses


@pytest.mark.parametrize("acts", [("tanh", "tanh", "tanh"), ("relu", "relu", "linear")], ids=str)
def test_a_small_mlp_learns_the_same_as_on_floats(acts):
    sizes = [3, 4, 4, 1]
    losses = losses_with_values(sizes, acts, seed=1337)
    assert losses == pytest.approx(losses_with_floats(sizes, acts, seed=1337), rel=1e-9)
    assert losses[-1] < losses[0] / 10
