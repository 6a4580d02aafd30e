"""How fast the engine is, as ratios: against other engines, against code written by hand, and against itself.

Run `python examples/benchmark.py`. Expect the table of docs/performance.md, in less than a minute; it takes longer with
other engines installed, of which it measures those it finds (benchmark_peers.py: micrograd, torch, xad, autograd, jax,
numpy).
`--rounds 9` is steadier, `--json FILE` also keeps every single measurement, and `--quick` shows on small graphs that all
of it runs: its times mean nothing.

Each measurement is a process of its own, so that no engine pays for the objects of another. All of them run once a
round, in turn, so that a busy machine slows both sides of a ratio; a ratio is the median over the rounds, since the long
passes of Python's garbage collector fall on some of them only. Engines that disagree about the trained weights end the
run: there are no times of wrong results.
"""

import argparse
import gc
import json
import math
import os
import platform
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module, metadata, util
from io import TextIOWrapper
from itertools import pairwise
from operator import mul
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

from benchmark_peers import ENGINES, MODULES, NEURONS, POINTS, floor_of

from autograd_mini import Program, Value

QUICK = "--quick" in sys.argv
SECONDS = 0.01 if QUICK else 0.2  # a measurement repeats what it measures at least this long
OURS = "autograd_mini"
EPOCHS = 200  # of the neuron, in one repetition
SIZES = (4, 8, 8, 1) if QUICK else (16, 32, 32, 1)  # of the layers of the MLP
MANY = 1_000 if QUICK else 1_000_000  # points
CHAINS = ["10", "100", "1_000", "10_000"] if QUICK else ["1_000", "10_000", "100_000", "1_000_000"]

Measurement = tuple[float, list[float]]


# The measurements. Each gives what it measured, and numbers on which all that do the same work have to agree.


def repeated(work: Callable[[], list[float]]) -> Measurement:
    """The seconds that the work takes, and what it returns."""
    times, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < SECONDS or not times:
        answer = work()
        times += 1
    return elapsed / times, answer


def neuron(case: str) -> Measurement:
    train = NEURONS[case]()
    train(EPOCHS)  # what happens only once (a compilation, the start of a thread) is not counted
    seconds, answer = repeated(lambda: train(EPOCHS))
    return seconds / EPOCHS, answer


def mlp(engine: str) -> tuple[list[Any], Callable[[], Any]]:
    """The parameters of an MLP, and a function that records its cost: about 50 000 nodes."""
    node, _, tanh = ENGINES[engine]()
    random = Random(0)
    layers = [
        [[node(random.uniform(-1, 1)) for _ in range(1 + inputs)] for _ in range(outputs)]
        for inputs, outputs in pairwise(SIZES)
    ]
    rows = [[random.uniform(-1, 1) for _ in range(SIZES[0])] for _ in range(16)]

    def record() -> Any:
        C = node(0.0)
        for row in rows:
            activations = [node(number) for number in row]
            for layer in layers:
                activations = [tanh(sum(map(mul, weights, activations), bias)) for bias, *weights in layer]
            C = C + (activations[0] - 1) ** 2
        return C

    return [parameter for layer in layers for weights in layer for parameter in weights], record


def mlp_epoch(case: str) -> Measurement:
    if case == "Program":
        parameters, record = mlp(OURS)
        program = Program(record(), parameters)
        numbers = [parameter.data for parameter in parameters]
        _, gradients = program(*numbers)
        numbers = [number - 0.01 * gradient for number, gradient in zip(numbers, gradients, strict=True)]
        return repeated(lambda: [program(*numbers)[0]])

    parameters, record = mlp(OURS if case == "floor" else case)
    record().backward()
    for parameter in parameters:
        parameter.data -= 0.01 * parameter.grad
    if case == "floor":
        floor = floor_of(record())
        return repeated(lambda: [floor()])

    def work() -> list[float]:
        C = record()
        C.backward()
        return [C.data]

    return repeated(work)


def mlp_record(case: str) -> Measurement:
    engine, *without_collector = case.split(", ")
    _, record = mlp(engine)
    if without_collector:
        gc.disable()
    return repeated(lambda: [record().data])


def mlp_compile(case: str) -> Measurement:
    parameters, record = mlp(OURS)
    C = record()
    if case == "Python's compiler":
        source = Program(C, parameters).source
        return repeated(lambda: [len(source) * bool(compile(source, "program", "exec"))])
    return repeated(lambda: [len(Program(C, parameters).source)])


def points(case: str) -> Measurement:
    numpy = import_module("numpy")
    xs = numpy.random.default_rng(0).normal(size=MANY)
    work = POINTS[case](xs, 1 / (1 + numpy.exp(-xs)))
    work()  # compiles it
    return repeated(work)


def size(engine: str) -> Measurement:
    node, _, _ = ENGINES[engine]()
    total = one = node(1.0)
    tracemalloc.start()
    for _ in range(10_000):
        total = total + one
    return tracemalloc.get_traced_memory()[0] / 10_000, [total.data]


def chain(case: str) -> Measurement:
    nodes = int(case)

    def work() -> list[float]:
        total = w = Value(1.0)
        for _ in range(nodes):
            total = total + w
        total.backward()
        return [w.grad / (nodes + 1)]

    return repeated(work)


# The report.

NEURON, MLP, RECORD, COMPILE, SIZE, CHAIN = "neuron", "MLP", "MLP, record", "MLP, compile", "a + node", "chain"
ARRAYS = "many points"
MEASURE: dict[str, Callable[[str], Measurement]] = {
    NEURON: neuron, MLP: mlp_epoch, RECORD: mlp_record, COMPILE: mlp_compile, ARRAYS: points, SIZE: size, CHAIN: chain
}  # fmt: skip
HEADER = "workload", "of", "takes", "against", "takes", "it is", "target"


class Row(NamedTuple):
    """A line of the table. A target is the least the ratio theirs / ours may be, or the most that ours may be."""

    workload: str
    ours: str
    theirs: str = ""
    least: float | None = None
    most: float | None = None


# fmt: off
ROWS = [
    Row(NEURON,  OURS,                     "micrograd",       least=4),
    Row(NEURON,  OURS,                     "micrograd-style", least=4),
    Row(NEURON,  OURS,                     "microgpt-style"),
    Row(NEURON,  OURS,                     "PyTorch",         least=15),
    Row(NEURON,  OURS,                     "XAD",             least=2),
    Row(NEURON,  OURS,                     "autograd"),
    Row(NEURON,  OURS,                     "JAX"),
    Row(NEURON,  OURS,                     "floor"),
    Row(NEURON,  "Program",                OURS,              least=12),
    Row(NEURON,  "Program",                "by hand",         least=1 / 1.2),
    Row(NEURON,  "Program",                "JAX, compiled"),
    Row(MLP,     OURS,                     "microgpt-style",  least=2.5),
    Row(MLP,     OURS,                     "micrograd"),
    Row(MLP,     OURS,                     "floor"),
    Row(MLP,     "Program",                OURS,              least=30),
    Row(COMPILE, "Program",                "Python's compiler", most=1),
    Row(RECORD,  OURS + ", no collector",  OURS),
    Row(RECORD,  "microgpt-style, no collector", "microgpt-style"),
    Row(ARRAYS,  "Program on NumPy",       "NumPy by hand",   least=1 / 1.1),
    Row(ARRAYS,  "Program on JAX",         "jax.grad"),
    Row(SIZE,    OURS,                     "micrograd",       most=120),
    Row(SIZE,    OURS,                     "micrograd-style", most=120),
    Row(CHAIN,   CHAINS[-1],               CHAINS[-2],        least=1 / 14),
]
# fmt: on


def amount(workload: str, value: float) -> str:
    if workload == SIZE:
        return f"{value:.0f} bytes"
    scale, unit = next((s, u) for s, u in ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")) if value >= s)
    return f"{value / scale:.1f} {unit}"


def comparison(workload: str, ratio: float) -> str:
    more, less = ("smaller", "larger") if workload == SIZE else ("faster", "slower")
    return f"{ratio:.1f}× {more}" if ratio >= 1 else f"{1 / ratio:.1f}× {less}"


def measured(
    cases: list[tuple[str, str]], rounds: int
) -> tuple[dict[tuple[str, str], list[float]], dict[tuple[str, str], list[float]]]:
    """What each case measured in each round, and the numbers it computed. On a terminal, a line of progress."""
    values: dict[tuple[str, str], list[float]] = {case: [] for case in cases}
    answers: dict[tuple[str, str], list[float]] = {}
    for number, (workload, case) in enumerate(cases * rounds):
        if sys.stderr.isatty():
            text = f"{number + 1} of {len(cases) * rounds}: {workload}, {case}"
            print(f"\r{text:<79}", end="\r", file=sys.stderr, flush=True)
        command = [sys.executable, __file__, "--measure", workload, case, *["--quick"] * QUICK]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        value, answer = json.loads(output)
        values[workload, case].append(value)
        answers[workload, case] = answer
        for (other_workload, other), theirs in answers.items():
            if workload == other_workload and not all(map(close, answer, theirs)):
                sys.exit(f"{workload}: {case} computed {answer}, but {other} {theirs}. Wrong results have no times.")
    return values, answers


def close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9)


def cells(row: Row, values: Mapping[tuple[str, str], Sequence[float]]) -> list[str]:
    """The row as it is printed: the medians of both sides, the median of the ratios of the rounds, and the target."""
    ours = values[row.workload, row.ours]
    took, against, target, met = amount(row.workload, median(ours)), ["", "", ""], "", True
    if row.theirs:
        theirs = values[row.workload, row.theirs]
        ratio = median(b / a for a, b in zip(ours, theirs, strict=True))
        against = [row.theirs, amount(row.workload, median(theirs)), comparison(row.workload, ratio)]
    if row.least:
        target, met = comparison(row.workload, row.least), ratio >= row.least
    if row.most:
        target, met = amount(row.workload, row.most), median(ours) <= row.most
    return [row.workload, row.ours, took, *against, target if met else f"{target}: MISSED"]


def markdown(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
    return "\n".join([texts[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *texts[1:]])


def picture(values: Mapping[tuple[str, str], Sequence[float]]) -> str:
    """The time for a node in chains of any length: bars of one length where the time grows as the chain does."""
    seconds = {case: median(values[CHAIN, case]) for case in CHAINS}
    longest = max(total / int(case) for case, total in seconds.items())
    lines = ["    nodes       time    a node"]
    for case, total in seconds.items():
        a_node = total / int(case)
        bar = "#" * round(40 * a_node / longest)
        lines.append(f"{case:>9} {amount(CHAIN, total):>10} {amount(CHAIN, a_node):>9}  {bar}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--quick", action="store_true", help="small graphs: the times mean nothing")
    parser.add_argument("--json", type=Path, help="a file to write every measurement to")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)  # the task of a process of its own
    options = parser.parse_args()
    if options.measure:
        workload, case = options.measure
        print(json.dumps(MEASURE[workload](case)))
        return

    found = {module: metadata.version(module) for module in sorted({*MODULES.values()}) if util.find_spec(module)}
    missing = sorted({*MODULES.values()} - {*found})
    rows = [row for row in ROWS if MODULES.get(row.theirs) not in missing]
    sides = [(row.workload, case) for row in rows for case in (row.ours, row.theirs) if case]
    sides += [(CHAIN, case) for case in CHAINS]
    values, answers = measured(list(dict.fromkeys(sides)), options.rounds)

    machine = f"Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} cores"
    if options.json:
        cases = [{"workload": w, "case": c, "values": values[w, c], "answer": answers[w, c]} for w, c in values]
        everything = {"machine": machine, "found": found, "not found": missing, "cases": cases}
        options.json.write_text(json.dumps(everything, indent=1), encoding="utf-8")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # where stdout has no µ, a ? instead of a crash
    print(f"{machine}. Medians of {options.rounds} rounds.")
    print(f"Found: {', '.join(f'{module} {version}' for module, version in found.items()) or 'no other engine'}.")
    print(f"Not found, so not in the table: {', '.join(missing) or 'none'}.")
    print()
    print(markdown([HEADER, *(cells(row, values) for row in rows)]))
    print()
    print("A chain of additions, recorded and backward, by its length; a bar is the time for one node:")
    print()
    print(f"```text\n{picture(values)}\n```")


if __name__ == "__main__":
    main()
