"""The worked example: the figures of the post, automatic gradients equal to the closed form, nothing else needed."""

import contextlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from autograd_mini import Value, gradient
from autograd_mini.neuron import LEARNING_RATE, B, W, X, Y, closed_form, cost

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "single_neuron.py"

PUBLISHED = {  # the costs that the post's notebook printed
    0: 0.471117372684454,
    100: 0.08009999161826546,
    200: 0.006898517164612306,
    300: 0.003235101899172852,
    400: 0.002075246837316176,
    500: 0.0015172576638674323,
    600: 0.001191719904968802,
    700: 0.0009792811328075911,
    800: 0.0008300864977082135,
    900: 0.0007197278463177123,
}


def python(*arguments, stdin="", path=(), encoding="utf-8"):
    """Run Python with the package, and the directories of `path`, to import from."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, [*path, ROOT])),
        "PYTHONIOENCODING": encoding,
    }
    return subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment, input=stdin, capture_output=True, encoding=encoding
    )


@pytest.fixture(scope="module")
def printed():
    run = python(EXAMPLE)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


def table(printed):
    rows = (line.split() for line in printed.split("epoch  cost\n")[1].split("\n\n")[0].splitlines())
    return {int(epoch): float(C) for epoch, C in rows}


def test_the_example_prints_the_costs_of_the_post(printed):
    costs = table(printed)
    assert {epoch: costs[epoch] for epoch in PUBLISHED} == pytest.approx(PUBLISHED, rel=1e-12, abs=0)


def test_the_example_goes_on_to_5000_epochs(printed):
    costs = table(printed)
    assert list(costs) == [*PUBLISHED, 1000, 2000, 3000, 4000, 5000]
    assert list(costs.values()) == sorted(costs.values(), reverse=True)
    assert "after 5000 epochs: w = " in printed


def test_the_example_shows_the_automatic_gradient_equal_to_the_closed_form(printed):
    assert "∂C/∂w  0.0828570068345968     0.0828570068345968     equal" in printed
    assert "∂C/∂b  0.027619002278198936   0.027619002278198936   equal" in printed


def test_the_example_imports_nothing_beyond_the_standard_library_and_prints_the_same_twice(printed, tmp_path):
    (tmp_path / "graphviz.py").write_text("", encoding="utf-8")
    program = f"""if True:
        import sys, runpy
        runpy.run_path({str(EXAMPLE)!r}, run_name="__main__")
        loaded = {{name.partition(".")[0] for name in sys.modules}}
        print("loaded:", *sorted(loaded - sys.stdlib_module_names - {{"__main__", "__mp_main__"}}))
    """
    run = python("-S", "-c", program, path=[tmp_path])
    assert (run.returncode, run.stdout) == (0, f"{printed}loaded: autograd_mini\n")


def test_an_interactive_run_leaves_the_values_to_play_with_also_where_stdout_has_no_greek():
    session = "\n".join(
        [
            "print('names', w.label, b.label, x.label, y.label, C.label)",
            "print('cost', C.data < 0.001)",
            "w.data = 0",
            "try: C.backward()",
            "except Exception as error: print(type(error).__name__)",
            "",
            "",
        ]
    )
    run = python("-i", EXAMPLE, stdin=session, encoding="cp1252")
    assert run.returncode == 0
    assert "?C/?w  0.0828570068345968" in run.stdout
    assert run.stdout.splitlines()[-3:] == ["names w b x y C", "cost True", "StaleGraphError"]


def test_on_a_terminal_the_example_shows_how_far_it_is():
    pytest.importorskip("pty")
    terminal, stderr = os.openpty()
    with subprocess.Popen(
        [sys.executable, EXAMPLE],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    ) as run:
        os.close(stderr)
        shown = b""
        with contextlib.suppress(OSError):  # what reading answers with, once the other end has been closed
            while block := os.read(terminal, 4096):
                shown += block
    os.close(terminal)
    assert run.returncode == 0
    assert shown.startswith(b"\repoch 0 of 5000\r")
    assert shown.rstrip().endswith(b"epoch 5000 of 5000")
    assert b"\n" not in shown


def test_at_the_worked_point_the_closed_form_is_exact():
    w, b = Value(W), Value(B)
    cost(w, b, Value(X), Value(Y)).backward()
    assert (w.grad, b.grad) == closed_form(W, B, X, Y) == (0.0828570068345968, 0.027619002278198936)


@pytest.mark.parametrize("seed", range(10))
def test_at_any_point_automatic_gradients_agree_with_the_closed_form(seed):
    rng = random.Random(seed)
    point = [rng.uniform(-2, 2) for _ in range(4)]
    w, b = Value(point[0]), Value(point[1])
    C = cost(w, b, *point[2:])
    C.backward()
    assert (w.grad, b.grad) == pytest.approx(closed_form(*point), rel=1e-13, abs=0)
    assert [value.data for value in gradient(C, [w, b])] == [w.grad, b.grad]


def test_cost_is_one_function_of_floats_and_of_values():
    number = cost(W, B, X, Y)
    assert type(number) is float
    assert number == cost(Value(W), Value(B), X, Y).data == cost(*map(Value, (W, B, X, Y))).data == PUBLISHED[0]


def test_training_in_this_process_gives_the_costs_of_the_post():
    w, b = Value(W), Value(B)
    for epoch in range(901):
        C = cost(w, b, X, Y)
        if epoch in PUBLISHED:
            assert C.data == pytest.approx(PUBLISHED[epoch], rel=1e-12, abs=0)
        C.backward()
        w.data -= LEARNING_RATE * w.grad
        b.data -= LEARNING_RATE * b.grad
