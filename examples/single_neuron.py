"""One neuron, from the first record to the last epoch: the main job of this project.

Run `python examples/single_neuron.py`. Expect the cost at the start, its automatic gradient beside the closed form (the
same numbers, to the last bit), then gradient descent: the cost every 100 epochs, and on to 5000 epochs.
Run `python -i examples/single_neuron.py` to keep w, b, x, y and C at hand: try C.partials, or w.data = 0 and then
C.backward().
"""

import sys
from io import TextIOWrapper

from autograd_mini import Value
from autograd_mini.neuron import LEARNING_RATE, B, W, X, Y, closed_form, cost

EPOCHS = 5000

if isinstance(sys.stdout, TextIOWrapper):
    sys.stdout.reconfigure(errors="replace")  # where stdout has no ∂, a ? instead of a crash

w, b, x, y = Value(W, "w"), Value(B, "b"), Value(X, "x"), Value(Y, "y")
C = cost(w, b, x, y).named("C")
C.backward()

print(f"C = (y - sigmoid(w*x + b))**2 / 2 = {C.data!r}  at w = {W}, b = {B}, x = {X}, y = {Y}")
print()
print(f"{'':5}  {'automatic':<21}  {'closed form':<21}")
for label, automatic, by_hand in zip(("∂C/∂w", "∂C/∂b"), (w.grad, b.grad), closed_form(W, B, X, Y), strict=True):
    print(f"{label}  {automatic!r:<21}  {by_hand!r:<21}  {'equal' if automatic == by_hand else 'DIFFERENT'}")
print()
print(f"gradient descent with learning rate {LEARNING_RATE}")
print("epoch  cost")

for epoch in range(EPOCHS + 1):
    C = cost(w, b, x, y).named("C")
    if epoch % (100 if epoch < 1000 else 1000) == 0:
        print(f"{epoch:5}  {C.data!r}")
    C.backward()
    if epoch < EPOCHS:
        w.data -= LEARNING_RATE * w.grad
        b.data -= LEARNING_RATE * b.grad
    if sys.stderr.isatty():
        print(f"\repoch {epoch} of {EPOCHS}", end="\r", file=sys.stderr, flush=True)

prediction = (w * x + b).sigmoid()
print()
print(f"after {EPOCHS} epochs: w = {w.data:.6f}, b = {b.data:.6f}, prediction = {prediction.data:.6f} for y = {Y}")
