"""Ctrl-C at any line: gradients, position and files are as they were, or as they were about to be. Never between."""

import itertools
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import autograd_mini
from autograd_mini import Rule, Value, Walk, flipbook, sigmoid
from autograd_mini.graph import topological_order

PACKAGE = str(Path(autograd_mini.__file__).parent)
HANDLERS = {"backward", "_write"}  # they undo: a second interrupt comes in what they call, where Python looks for one


class Interrupts:
    """Raises KeyboardInterrupt at a line of the package, counted from 0, and at another one counted from there.

    The second one is not raised on a line of HANDLERS itself. `raised` is the number of those that were reached.
    """

    def __init__(self, *lines):
        self.lines = list(lines)
        self.raised = 0

    def __enter__(self):
        if len(self.lines) > 1:
            sys.setprofile(self.profile)
        sys.settrace(self.trace)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)
        self.lines.clear()
        sys.settrace(None)

    def trace(self, frame, event, _):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line" and self.lines and not (self.raised and frame.f_code.co_name in HANDLERS):
            self.lines[0] -= 1
            if self.lines[0] < 0:
                self.lines.pop(0)
                self.raised += 1
                raise KeyboardInterrupt  # which ends the tracing
        return self.trace

    def profile(self, frame, *_):
        """At the next call or return after the first interrupt: trace again."""
        if self.raised and self.lines and sys.gettrace() is None:
            while frame is not None:
                frame.f_trace = self.trace
                frame = frame.f_back
            sys.settrace(self.trace)


def interrupted(prepare, action, check, second=False, lines=None):
    """Do the action on something prepared, with an interrupt at its first line, its second line, and so on to its end.

    Or at these `lines`. Where a `second` one is asked for, it comes at every line of what the first one leaves to be
    done. Gives how often the action was done.
    """
    count = 0
    for line in itertools.count() if lines is None else lines:
        raised = 2
        then = 0
        while raised == 2:
            prepared = prepare()
            with Interrupts(line, *[then] * second) as interrupts:
                try:
                    action(prepared)
                    finished = True
                except KeyboardInterrupt:
                    finished = False
            raised = interrupts.raised
            assert finished == (raised == 0)
            check(prepared, finished)
            then += 1
            count += 1
        if finished:
            break
    return count


def gradients(output):
    return [node.grad for node in topological_order(output)]


def small():
    x, w = Value(3.0, "x"), Value(0.5, "w")
    return x * w + x


def larger():
    x, w = Value(3.0, "x"), Value(0.5, "w")
    return sigmoid(x * w + w) * x


slow = Rule("slow", lambda a: a, lambda out, a: Decimal(1))  # floats cannot be multiplied by it: the readable pass can


def not_fast():
    x = Value(3.0, "x")
    return slow(x * x)


def small_not_fast():
    return slow(Value(3.0, "x"))


def marked(graph):
    """The graph with gradients that no backward() gives."""
    output = graph()
    for number, node in enumerate(topological_order(output)):
        node.grad = number + 0.25
    return output


@pytest.mark.parametrize(
    ("graph", "second"), [(larger, False), (small, True), (not_fast, False), (small_not_fast, True)]
)
def test_backward(graph, second):
    before = gradients(marked(graph))
    output = graph()
    output.backward()
    after = gradients(output)
    assert len({*before, *after}) > len(before)

    def check(output, finished):
        assert gradients(output) == after if finished else gradients(output) in (before, after)

    assert interrupted(lambda: marked(graph), Value.backward, check, second) > 100


MOVES = {
    "the first step": (0, next),
    "the last step": (-2, next),
    "back": (-1, Walk.back),
    "back to the start": (1, Walk.back),
    "goto": (-1, lambda walk: walk.goto(1)),
    "run": (0, Walk.run),
}


@pytest.mark.parametrize(
    ("move", "second"), [*((move, False) for move in MOVES), ("the first step", True), ("goto", True)]
)
def test_a_walk(move, second):
    start, action = MOVES[move]
    graph = small if second else larger
    walk = Walk(graph())
    start %= len(walk) + 1
    states = []
    for position in range(len(walk) + 1):
        walk.goto(position)
        states.append((gradients(walk.output), set(walk.gradients.values())))
    action(walk.goto(start))
    target = walk.position

    def check(walk, finished):
        assert walk.position == target if finished else walk.position in (start, target)
        assert (gradients(walk.output), set(walk.gradients.values())) == states[walk.position]
        assert gradients(walk.run().output) == states[-1][0]

    assert interrupted(lambda: Walk(graph()).goto(start), action, check, second) > 20


def test_the_beginning_of_a_walk():
    before = gradients(marked(small))
    begun = []

    def check(output, _):
        begun.append(gradients(output) != before)
        assert gradients(output) == (before if not begun[-1] else [0.0] * len(before))

    assert interrupted(lambda: marked(small), Walk, check) > 100
    assert sum(begun) < len(before)  # at the very end only: what was being written has been undone


def test_a_flipbook(no_dot):
    page = no_dot / "page.html"
    flipbook(small(), page)
    whole = page.read_text(encoding="utf-8")
    before = gradients(marked(small))

    def prepare():
        page.write_text("the page that was there", encoding="utf-8")
        return marked(small)

    def check(output, _):
        assert gradients(output) == before
        assert page.read_text(encoding="utf-8") in ("the page that was there", whole)

    output = prepare()
    with Interrupts(10**9) as never:
        flipbook(output, page)
        count = 10**9 - never.lines[0]
    lines = [*range(0, count, count // 15), *range(count - 15, count)]
    assert interrupted(prepare, lambda output: flipbook(output, page), check, lines=lines) == len(lines)
