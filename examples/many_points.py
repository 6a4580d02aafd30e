"""One neuron learns from many points: from a million where NumPy is installed, from some thousands where it is not.

Run `python examples/many_points.py`. The points come from a neuron whose weights are known; another one has to find them.
Expect the mean cost falling to almost 0, the weights that were found beside the true ones, and how long a point took.
Both ways run the same program, which is the cost of one point and its gradient as plain Python (docs/arrays.md).
"""

import sys
import time
from importlib import import_module
from importlib.util import find_spec
from io import TextIOWrapper
from random import Random
from typing import Any

from autograd_mini import Program, Value, sigmoid
from autograd_mini.neuron import B, W, X, Y, cost

TRUE_W, TRUE_B = 1.5, -0.7
LEARNING_RATE = 30.0  # large, since the slopes of a sigmoid are small
STEPS = 60
NUMPY = find_spec("numpy") is not None
POINTS, BLOCKS = (1_000_000, 50) if NUMPY else (5_000, 5_000)  # a block fits into the processor's caches

if isinstance(sys.stdout, TextIOWrapper):
    sys.stdout.reconfigure(errors="replace")  # where stdout has no µ, a ? instead of a crash

w, b, x, y = Value(W, "w"), Value(B, "b"), Value(X, "x"), Value(Y, "y")
program = Program(cost(w, b, x, y).named("C"), [w, b, x, y], wrt=[w, b])

chance = Random(0)
xs: Any = [chance.gauss(0, 1) for _ in range(POINTS)]
ys: Any = [sigmoid(TRUE_W * x + TRUE_B) for x in xs]

start = time.perf_counter()
for x_number, y_number in zip(xs[:5_000], ys[:5_000], strict=True):
    program(W, B, x_number, y_number)
one_by_one = (time.perf_counter() - start) / 5_000

compute: Any = program
mean: Any = float
if NUMPY:
    numpy = import_module("numpy")
    compute, mean = program.on(numpy), numpy.mean
    xs, ys = numpy.split(numpy.array(xs), BLOCKS), numpy.split(numpy.array(ys), BLOCKS)


def mean_cost_and_gradient(w: float, b: float) -> list[float]:
    """The means over all points: of the cost, of its derivative by w, of its derivative by b."""
    totals = [0.0, 0.0, 0.0]
    for x, y in zip(xs, ys, strict=True):  # blocks of one size, or points
        C, (dC_dw, dC_db) = compute(w, b, x, y)
        totals = [totals[0] + mean(C), totals[1] + mean(dC_dw), totals[2] + mean(dC_db)]
    return [float(total) / BLOCKS for total in totals]


print(f"{POINTS} points of a neuron with w = {TRUE_W}, b = {TRUE_B}; learning rate {LEARNING_RATE}")
print("step  mean cost         w         b")
found_w, found_b = W, B
start = time.perf_counter()
for step in range(STEPS + 1):
    C, dC_dw, dC_db = mean_cost_and_gradient(found_w, found_b)
    if step % 10 == 0:
        print(f"{step:4}  {C:9.3e}  {found_w:8.5f}  {found_b:8.5f}")
    if step < STEPS:
        found_w -= LEARNING_RATE * dC_dw
        found_b -= LEARNING_RATE * dC_db
    if sys.stderr.isatty():
        print(f"step {step} of {STEPS}", end="\r", file=sys.stderr, flush=True)
a_point = (time.perf_counter() - start) / (STEPS + 1) / POINTS

print()
print(f"found w = {found_w:.6f}, b = {found_b:.6f}; true are w = {TRUE_W}, b = {TRUE_B}")
if NUMPY:
    print(
        f"a point took {a_point * 1e6:.3f} µs on NumPy, and {one_by_one * 1e6:.2f} µs where the program was called for it"
    )
else:
    print(
        f"a point took {one_by_one * 1e6:.2f} µs. With NumPy (pip install numpy), this runs on a million points, which"
    )
    print("then take less than a fiftieth of that (measured, see docs/arrays.md)")
