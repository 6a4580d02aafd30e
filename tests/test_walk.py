"""Walk: at every position each gradient is what the pencil has so far, and every printed number is right."""

import math
import random
import re
import sys

import pytest
from random_graphs import random_graph
from worked_neuron import recorded_neuron

import autograd_mini
from autograd_mini import StaleGraphError, Value, Walk
from autograd_mini.graph import names, topological_order


def gradients(output):
    return [node.grad for node in topological_order(output)]


def test_the_session_of_the_design():
    C, *_ = recorded_neuron()
    walk = Walk(C)
    assert repr(walk) == "backprop of C = 0.471117: 0 of 6 steps done, next is C = v5 / 2"
    assert repr(next(walk)) == (
        "step 1 of 6: C = v5 / 2 = 0.471117,  ∂C/∂C = 1\n  ∂C/∂v5 += ∂C/∂C × ∂C/∂v5    = 1 × 0.5 = 0.5"
    )
    assert repr(next(walk)) == (
        "step 2 of 6: v5 = v4 ** 2 = 0.942235,  ∂C/∂v5 = 0.5\n"
        "  ∂C/∂v4 += ∂C/∂v5 × ∂v5/∂v4  = 0.5 × -1.94138 = -0.970688           ∂v5/∂v4 = 2 * v4"
    )
    assert repr(walk.back()) == "backprop of C = 0.471117: 1 of 6 steps done, next is v5 = v4 ** 2"
    table = repr(walk.run()).splitlines()
    assert table[0] == "backprop of C = 0.471117: 6 of 6 steps done"
    assert [line.split() for line in table[1:]] == [
        ["node", "=", "expression", "value", "∂C/∂node"],
        ["y", "0", "-0.970688"],
        ["w", "0.5", "0.082857"],
        ["x", "3", "0.0138095"],
        ["b", "2", "0.027619"],
        ["v1", "=", "w", "*", "x", "1.5", "0.027619"],
        ["v2", "=", "v1", "+", "b", "3.5", "0.027619"],
        ["v3", "=", "sigmoid(v2)", "0.970688", "0.970688"],
        ["v4", "=", "y", "-", "v3", "-0.970688", "-0.970688"],
        ["v5", "=", "v4", "**", "2", "0.942235", "0.5"],
        ["C", "=", "v5", "/", "2", "0.471117", "1"],
    ]


@pytest.mark.parametrize("seed", range(10))
def test_wandering_over_a_random_graph(seed):
    output, _ = random_graph(seed, 30)
    output.backward()
    final = gradients(output)
    walk = Walk(output)
    at = {0: gradients(output)}
    assert set(at[0]) == {0.0}
    for step in walk:
        at[walk.position] = gradients(output)
        assert step is walk.step
        assert walk.gradients == {node: node.grad for node in topological_order(output) if node in walk.gradients}
    assert walk.position == len(walk)
    assert gradients(output) == final  # == on floats: to the last bit
    wanderer = random.Random(seed)
    for _ in range(30):
        position = wanderer.randrange(len(walk) + 1)
        assert walk.goto(position).position == position
        assert gradients(output) == at[position]
        if position:
            walk.back()
            assert gradients(output) == at[position - 1]
            next(walk)
            assert gradients(output) == at[position]
    walk.goto(0)
    assert gradients(output) == at[0]


@pytest.mark.parametrize("seed", range(10))
def test_the_printed_numbers_are_right(seed):
    output, _ = random_graph(seed, 30)
    called = names(topological_order(output))
    functions = {name: getattr(autograd_mini, name) for name in autograd_mini.__all__}
    numbers = {name: node.data for node, name in called.items()}
    nodes = {name: node for node, name in called.items()}
    products = formulas = 0
    for step in Walk(output):
        head, *lines = repr(step).splitlines()
        assert head.startswith(f"step {step.number} of ")
        assert len(lines) == sum(isinstance(operand, Value) for operand in step.node.operands)
        for line, each in zip(lines, step.contributions, strict=True):
            a, b, c = (float(text) for text in re.search(r"= (\S+) × (\S+) = (\S+)", line).groups())
            assert c == pytest.approx(a * b, rel=2e-5)
            assert c == pytest.approx(each.contribution, rel=1e-5)
            assert each.after == (each.contribution if each.before is None else each.before + each.contribution)
            was_now = re.search(r"\(was (\S+), now (\S+?)(?: so far)?\)", line)
            assert (was_now is None) == (each.before is None)
            if was_now:
                assert float(was_now[1]) == pytest.approx(each.before, rel=1e-5)
                assert float(was_now[2]) == pytest.approx(each.after, rel=1e-5)
            products += 1
            formula = re.search(r"  ∂(\w+)/∂(\w+)(?: \((?:1st|2nd|direct)\))? = (.+)$", line)
            if formula:
                assert nodes[formula[1]] is step.node
                assert nodes[formula[2]] is each.operand
                assert eval(formula[3], functions, numbers) == each.partial
                formulas += 1
    assert products > 30
    assert formulas > 5


def test_a_gradient_that_accumulates_says_so():
    x = Value(3.0, "x")
    (step,) = Walk((x * x).named("C"))
    first, second = repr(step).splitlines()[1:]
    assert "was" not in first
    assert "= 1 × 3 = 3 (was 3, now 6)" in second


def test_the_two_operands_of_x_times_x_are_told_apart():
    x = Value(3.0, "x")
    (step,) = Walk((x * x).named("C"))
    first, second = repr(step).splitlines()[1:]
    assert first.endswith("  ∂C/∂x (1st) = x")
    assert second.endswith("  ∂C/∂x (2nd) = x")


def test_a_walk_of_a_leaf_is_over_at_once():
    x = Value(3.0, "x")
    walk = Walk(x)
    assert len(walk) == 0
    assert x.grad == 1.0
    assert walk.gradients == {x: 1.0}
    assert walk.goto(0).run() is walk
    assert x.grad == 1.0


def test_back_and_goto_write_every_gradient_again():
    C, w, *_ = recorded_neuron()
    walk = Walk(C).goto(3)
    before = gradients(C)
    C.backward()
    assert w.grad != 0
    assert walk.goto(3) is walk
    assert gradients(C) == before


def test_a_step_has_fields():
    C, w, _, x, _ = recorded_neuron()
    step = Walk(C).run().step
    each = step.contributions[0]
    assert (step.number, each.operand, each.position, each.partial) == (6, w, 0, x.data)
    assert (each.upstream, each.before, each.after) == (step.upstream, None, w.grad)
    assert each.contribution == each.upstream * each.partial
    with pytest.raises(AttributeError):
        step.number = 2


def test_the_ends_of_a_walk():
    walk = Walk(recorded_neuron()[0])
    with pytest.raises(IndexError, match="no position -1: this walk goes from 0 to 6"):
        walk.back()
    with pytest.raises(IndexError, match="no position 7"):
        walk.goto(7)
    assert walk.position == 0
    assert [step.number for step in walk] == [1, 2, 3, 4, 5, 6]
    with pytest.raises(StopIteration):
        next(walk)


def test_a_leaf_that_changes_during_the_walk():
    C, w, b, *_ = recorded_neuron()
    walk = Walk(C).goto(4)
    w.data = 0.41
    next(walk)  # v2 = v1 + b does not need w
    before = gradients(C)
    with pytest.raises(StaleGraphError, match=r"v1 = w \* x was recorded as 1.5 but is 1.23 now: w has changed"):
        next(walk)
    assert gradients(C) == before
    assert walk.position == 5
    w.data = 0.5
    next(walk)
    assert b.grad == pytest.approx(0.027619002278198936)


def test_a_walk_that_cannot_be_made_changes_no_gradient():
    x = Value(0.0, "x")
    C = (x + 1).sqrt() + x.sqrt()
    for node in topological_order(C):
        node.grad = 7.0
    with pytest.raises(ZeroDivisionError, match=r"sqrt\(x\) is not differentiable with respect to x at x = 0"):
        Walk(C)
    assert set(gradients(C)) == {7.0}
    x.data = 1.0
    with pytest.raises(StaleGraphError):
        Walk(C)
    assert set(gradients(C)) == {7.0}
    y = Value(1e-200, "y")
    with pytest.raises(FloatingPointError, match="∂C/∂y is inf"):
        Walk((y * 1e200 * 1e200).named("C"))
    assert y.grad == 0.0


def test_nothing_is_printed(capsys):
    walk = Walk(recorded_neuron()[0])
    repr(next(walk)), repr(walk.run()), repr(walk.back())
    assert capsys.readouterr().out == ""


def test_a_deep_graph():
    value = x = Value(1.0, "x")
    for _ in range(2_000):
        value = value * 1.0001
    walk = Walk(value).run()
    assert x.grad == pytest.approx(1.0001**2_000)
    assert len(walk.goto(3).gradients) == 4
    assert math.isclose(value.grad, 1.0)


def test_a_sum_that_is_not_finished_is_so_far():
    x, y = Value(3.0, "x"), Value(2.0, "y")
    walk = Walk((x * y + x * x + x).named("C"))
    assert re.findall(r"\(was .*?\)", "\n".join(map(repr, walk))) == [
        "(was 1, now 4 so far)",
        "(was 4, now 7 so far)",
        "(was 7, now 9)",
    ]
    assert [x in walk.goto(position).unfinished for position in range(5)] == [False, True, True, True, False]


def test_a_local_derivative_of_the_output_is_told_from_the_whole_one():
    z1, z2 = Value(2.0, "z1"), Value(3.0, "z2")
    first, second = Walk((z1 * z2 * z2).named("L"))
    assert "∂L/∂z2 += ∂L/∂L × ∂L/∂z2 (direct)" in repr(first)
    assert repr(first).endswith("∂L/∂z2 (direct) = v1")
    assert "∂L/∂z2 += ∂L/∂v1 × ∂v1/∂z2 " in repr(second)


def lines_of(action):
    """How many lines of Python it takes."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        count += event == "line"
        return trace

    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(None)
    return count


@pytest.mark.parametrize("action", [next, Walk.back, lambda walk: walk.step])
def test_a_step_takes_no_longer_at_the_end_than_at_the_beginning(action):
    value = x = Value(1.0, "x")
    for _ in range(200):
        value = value * x
    early, late = Walk(value).goto(10), Walk(value).goto(190)
    assert lines_of(lambda: action(early)) == lines_of(lambda: action(late)) > 0


def test_the_gradients_of_a_walk_follow_it():
    C, w, *_ = recorded_neuron()
    walk = Walk(C)
    gradients = walk.gradients
    assert gradients == {}
    walk.run()
    assert gradients[w] == w.grad
    walk.back()
    assert w not in gradients


def test_a_moment_does_not_list_all_steps_of_its_walk():
    assert len(repr(Walk(recorded_neuron()[0]).at(2))) < 100
