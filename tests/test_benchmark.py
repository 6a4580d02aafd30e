"""The benchmark runs, and what it times are right results. No time is tested."""

import json
import math
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


BENCHMARK = ROOT / "examples" / "benchmark.py"

# Without a process of its own for every measurement, which takes longer than the measurement.
IN_ONE_PROCESS = """
import json
from types import SimpleNamespace
import benchmark

def measure(command, **_):
    workload, case = command[command.index("--measure") + 1 :][:2]
    return SimpleNamespace(stdout=json.dumps(benchmark.MEASURE[workload](case)))

benchmark.subprocess = SimpleNamespace(run=measure, PIPE=None)
benchmark.SECONDS, benchmark.SIZES = 0, (4, 3, 1)  # once, and small
benchmark.main()
"""


def run(program, *options, path=()):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*path, ROOT, BENCHMARK.parent]))}
    command = [sys.executable, *program, "--quick", "--rounds", "1", *options]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The table that was printed, and every measurement."""
    file = tmp_path_factory.mktemp("benchmark") / "all.json"
    process = run(["-c", IN_ONE_PROCESS], "--json", file)
    assert process.returncode == 0, process.stderr
    return process.stdout, json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def answers(measured):
    """What each case computed, by workload."""
    answers = defaultdict(dict)
    for case in measured[1]["cases"]:
        assert len(case["values"]) == 1
        assert case["values"][0] > 0
        answers[case["workload"]][case["case"]] = case["answer"]
    return answers


def test_all_peers_train_the_same_neuron(answers):
    neurons = answers["neuron"]
    assert {"autograd_mini", "Program", "by hand", "micrograd-style", "microgpt-style"} <= neurons.keys()
    for answer in neurons.values():
        assert answer == pytest.approx(neurons["by hand"], rel=1e-12)
    assert neurons["autograd_mini"] == neurons["Program"]


def test_the_neuron_is_that_of_the_worked_example(answers):
    w, b = 0.5, 2.0
    for _ in range(200):
        prediction = 1 / (1 + math.exp(-(w * 3 + b)))
        w, b = w - 0.05 * prediction**2 * (1 - prediction) * 3, b - 0.05 * prediction**2 * (1 - prediction)
    assert answers["neuron"]["autograd_mini"] == pytest.approx([w, b], rel=1e-12)


def test_all_peers_record_the_same_mlp(answers):
    assert {"autograd_mini", "Program", "microgpt-style"} <= answers["MLP"].keys()
    for answer in answers["MLP"].values():
        assert answer == pytest.approx(answers["MLP"]["autograd_mini"], rel=1e-12)
    assert answers["MLP"]["autograd_mini"] == answers["MLP"]["Program"]


def test_all_peers_compute_the_same_many_points(answers):
    pytest.importorskip("numpy")
    assert {"Program on NumPy", "NumPy by hand"} <= answers["many points"].keys()
    for answer in answers["many points"].values():
        assert answer == pytest.approx(answers["many points"]["NumPy by hand"], rel=1e-12)


def test_a_chain_of_any_length_has_its_gradient(answers):
    assert len(answers["chain"]) >= 4
    assert all(answer == [1.0] for answer in answers["chain"].values())


WRONG_ENGINE = """
from benchmark_peers import Closures

class Value(Closures):
    grad = property(lambda self: self._grad, lambda self, grad: setattr(self, "_grad", 1.001 * grad))
"""


def test_an_engine_with_wrong_gradients_ends_the_run(tmp_path):
    for file, text in [
        ("micrograd/engine.py", WRONG_ENGINE),
        ("micrograd-0.1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: micrograd\nVersion: 0.1.0\n"),
    ]:
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text(text, encoding="utf-8")
    process = run([BENCHMARK], path=[tmp_path])
    assert process.returncode != 0
    assert "neuron: micrograd computed [" in process.stderr
    assert "Wrong results have no times." in process.stderr
    assert process.stdout == ""


def test_the_table_is_markdown_and_says_which_engines_are_missing(measured):
    lines = measured[0].splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) >= 12
    assert len({line.count("|") for line in table}) == 1
    assert len({len(line) for line in table}) == 1
    _, found, missing = lines[:3]
    for module in ("micrograd", "torch", "xad", "autograd", "jax", "numpy"):
        assert (f" {module} " in found) != (f" {module}" in missing)
