"""Program: the printed function is backpropagation, bit for bit; it reads well, runs alone, and no label becomes code."""

import copy
import gc
import keyword
import linecache
import math
import multiprocessing
import pickle
import re
import subprocess
import sys
import traceback
import unicodedata
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from random_graphs import random_graph
from worked_neuron import recorded_neuron

from autograd_mini import Program, Rule, StaleGraphError, Value, gradient, neuron, rules, sigmoid, sqrt
from autograd_mini.graph import topological_order


def test_the_source_of_the_neuron():
    C, w, b, *_ = recorded_neuron()
    assert Program(C, [w, b]).source.endswith(
        "\n\n\ndef program(w, b):\n"
        "    v3 = sigmoid(w * 3.0 + b)\n"
        "    v4 = 0.0 - v3\n"
        "    C = v4 ** 2.0 / 2.0\n"
        "    dC_db = 0.5 * (2.0 * v4) * -1.0 * (v3 * (1.0 - v3))\n"
        "    dC_dw = dC_db * 3.0\n"
        "    return C, (dC_dw, dC_db)"
    )


def test_the_neuron_over_5000_epochs():
    _, w, b, x, y = recorded_neuron()
    program = Program(neuron.cost(w, b, x, y), [w, b])
    for _ in range(5000):
        C = neuron.cost(w, b, x, y)
        C.backward()
        assert program(w.data, b.data) == (C.data, (w.grad, b.grad))
        w.data -= 0.05 * w.grad
        b.data -= 0.05 * b.grad


@pytest.mark.parametrize("block", range(5))
def test_random_graphs_bit_for_bit(block):
    """Ten graphs a block: the recorded point, and the second derivative."""
    for seed in range(10 * block, 10 * (block + 1)):
        output, leaves = random_graph(seed, 20)
        program = Program(output, leaves)
        output.backward()
        assert program(*(leaf.data for leaf in leaves)) == (output.data, tuple(leaf.grad for leaf in leaves))

        slope = gradient(output, leaves[:1])[0]
        slope.backward()
        present = [leaf if leaf in topological_order(slope) else None for leaf in leaves]
        value, seconds = Program(slope, leaves)(*(leaf.data for leaf in leaves))
        assert value == slope.data
        assert [second for second, leaf in zip(seconds, present, strict=True) if leaf] == [
            leaf.grad for leaf in present if leaf
        ]


@pytest.mark.parametrize("seed", range(0, 50, 5))
def test_new_inputs_against_recording_afresh(seed):
    def network(a, b, c):
        hidden = [sigmoid(a * b + c), (a - b).tanh(), (a * c).exp(), rules.softplus(b - c), (a * a + 1).sqrt()]
        return sum(h * h / (1 + abs(c)) for h in hidden) + hidden[0] * hidden[1]

    leaves = [Value(0.3, "a"), Value(-0.7, "b"), Value(1.1, "c")]
    program = Program(network(*leaves), leaves)
    for leaf, data in zip(leaves, (0.1 * seed - 2.5, 0.7 + seed / 50, 1.3 - seed / 40), strict=True):
        leaf.data = data
    output = network(*leaves)
    output.backward()
    assert program(*(leaf.data for leaf in leaves)) == (output.data, tuple(leaf.grad for leaf in leaves))


def test_every_row_of_the_table_can_be_in_a_program():
    table = [rule for rule in vars(rules).values() if isinstance(rule, Rule)]
    assert len(table) >= 18
    for rule in table:
        a, b = Value(0.6, "a"), Value(1.7, "b")
        output = rule(a) * 3 if rule.db is None else rule(a, b) * 3
        program = Program(output, [a, b])
        output.backward()
        assert program(0.6, 1.7) == (output.data, (a.grad, b.grad)), rule


def test_the_source_runs_on_its_own(tmp_path):
    output, leaves = random_graph(7, 60)
    program = Program(output, leaves)
    numbers = [leaf.data for leaf in leaves]
    path = tmp_path / "alone.py"
    path.write_text(f"{program.source}\n\nprint(repr(program(*{numbers!r})))\n", encoding="utf-8")
    run = subprocess.run([sys.executable, "-I", path], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert run.stdout == f"{program(*numbers)!r}\n"
    assert set(re.findall("^ *(?:import|from) .*", program.source, flags=re.MULTILINE)) <= {"import math"}


def test_a_program_without_functions_imports_nothing():
    w, x = Value(2.0, "w"), Value(3.0, "x")
    assert Program(w * x, [w, x]).source == "def program(w, x):\n    v1 = w * x\n    return v1, (x, w)"


def test_without_gradients_there_is_no_backward_pass_but_the_numbers_are_checked():
    w, x = Value(0.0, "w"), Value(3.0, "x")
    assert Program(sqrt(w) * x, [w], wrt=[])(4.0) == (6.0, ())
    C = w * x
    w.data = 5.0
    with pytest.raises(StaleGraphError, match="w has changed"):
        Program(C, [x], wrt=[])


def test_wrt_narrows_and_other_leaves_keep_their_numbers():
    C, w, b, x, y = recorded_neuron()
    C.backward()
    program = Program(C, [w, b, x, y], wrt=[x])
    assert program(0.5, 2.0, 3.0, 0.0) == (C.data, (x.grad,))
    assert Program(C, [], wrt=[b])() == (C.data, (b.grad,))
    u = Value(1.0, "u")
    assert Program(C, [u])(5.0) == (C.data, (0.0,))
    assert Program(w, [w])(5.0) == (5.0, (1.0,))


def test_no_dead_code_and_no_multiplication_by_1():
    w, x, unused = Value(2.0, "w"), Value(3.0, "x"), Value(1.0, "unused")
    hidden = w * x
    _ = hidden.exp() * unused
    source = Program((hidden + x - w).named("C"), [w, x]).source
    assert "1.0 *" not in source
    assert "* 1.0" not in source
    assert "exp" not in source
    names = re.findall(r"^    (\w+) =", source, flags=re.MULTILINE)
    assert all(len(re.findall(rf"\b{name}\b", source)) > 1 for name in names)


@pytest.mark.parametrize("inputs", ["leaf twice", "operation"])
def test_inputs_that_are_refused(inputs):
    C, w, *_ = recorded_neuron()
    with pytest.raises(ValueError, match="the inputs of a Program must be distinct leaves: not Value"):
        Program(C, [w, w] if inputs == "leaf twice" else [C])


def test_a_stale_graph_is_no_program():
    C, w, *_ = recorded_neuron()
    w.data = 1.0
    with pytest.raises(StaleGraphError):
        Program(C, [w])


HOSTILE = [
    "x = open('{trace}', 'w')",
    "__import__('os').system('touch {trace}')",
    "a'); open('{trace}', 'w'); ('",
    'a"\n    open("{trace}", "w")\n#',
    "a\\\nopen('{trace}', 'w')",
    "a): open('{trace}', 'w')\ndef f(b",
    "lambda", "None", "__debug__", "__builtins__", "__import__", "math", "program", "sigmoid", "logistic", "real_power",
    "abs", "max", "float", "1x", "", " ", "x y", "²", "x²", "ﬁ", "fi", "ŷ", "y\u0302", "Å", "\u212b", "w", "w", "v1", "v2",
    "dC_dw", "C", "_", "__", "match", "self", "\x00", "\u202e", "😀", "x:1", "w|b", "𐄇",
]  # fmt: skip


def test_no_label_can_become_code(tmp_path):
    trace = tmp_path / "trace"
    leaves = [Value(1.0 + n / 100, label.replace("{trace}", str(trace))) for n, label in enumerate(HOSTILE)]
    hidden = [sigmoid(leaf * leaf).named(leaf.label) for leaf in leaves]
    output = sum(hidden).named(HOSTILE[1].replace("{trace}", str(trace)))
    output.backward()
    program = Program(output, leaves)
    assert program(*(leaf.data for leaf in leaves)) == (output.data, tuple(leaf.grad for leaf in leaves))
    assert not trace.exists()
    names = re.findall(r"^    (\S+) =", program.source, flags=re.MULTILINE)
    names += re.search(r"def program\((.*)\):", program.source)[1].split(", ")
    assert len({unicodedata.normalize("NFKC", name) for name in names}) == len(names) > 100
    assert all(name.isidentifier() and not keyword.iskeyword(name) for name in names)


def test_each_label_alone(tmp_path):
    trace = tmp_path / "trace"
    for label in HOSTILE:
        x = Value(0.7, label.replace("{trace}", str(trace)))
        output = (x.exp() * 2 + abs(x) ** x).named(x.label)
        output.backward()
        assert Program(output, [x])(0.7) == (output.data, (x.grad,)), label
        assert not trace.exists(), label


def test_readable_labels_are_kept():
    ŷ, ratio, odd = Value(1.0, "ŷ"), Value(2.0, "x:1"), Value(3.0, "2nd try")
    source = Program((ŷ * ratio * odd).named("C"), [ŷ, ratio, odd]).source
    assert source.startswith("def program(ŷ, x_1, v_2nd_try):")


def test_inputs_and_output_come_first_where_two_want_one_name():
    a, b = Value(1.0, "a"), Value(2.0, "w_1")
    source = Program(((a * a).named("w 1") * (a + a).named("C 1") * b).named("C_1"), [a, b]).source
    assert source.startswith("def program(a, w_1):\n    w_1_2 = a * a\n    C_1_2 = a + a\n")
    assert source.endswith("    return C_1, (dC_1_da, v1)")


def test_a_deep_chain():
    value = x = Value(0.5, "x")
    for _ in range(800):  # two nodes each
        value = (value * 1.0001).sin()
    value.backward()
    assert Program(value, [x])(0.5) == (value.data, (x.grad,))


def test_a_wide_graph():
    leaves = [Value(n / 1000, f"x{n}") for n in range(300)]
    output = sum(a * b for n, a in enumerate(leaves) for b in leaves[n % 5 :: 60])
    assert len(topological_order(output)) > 3_000
    output.backward()
    assert Program(output, leaves)(*(leaf.data for leaf in leaves)) == (output.data, tuple(x.grad for x in leaves))


def test_an_error_shows_the_line_of_the_source():
    x = Value(2.0, "x")
    program = Program((x.log() * 2).named("C"), [x])
    with pytest.raises(ValueError, match="math domain error") as caught:
        program(-1.0)
    assert "    C = math.log(x) * 2.0" in "".join(traceback.format_exception(caught.value))


def test_the_line_is_shown_for_as_long_as_there_may_be_a_traceback():
    """Programs of the same text do not take it from each other, and no text stays when nothing can ask for it."""
    gc.collect()
    texts = {name for name in linecache.cache if name.startswith("<program ")}
    x = Value(2.0, "x")
    first, second = Program(x.log(), [x]), Program(x.log(), [x])
    with pytest.raises(ValueError, match="math domain error") as caught:
        first(-1.0)
    del second
    gc.collect()
    assert "    v1 = math.log(x)" in "".join(traceback.format_exception(caught.value))
    del first
    gc.collect()
    assert "    v1 = math.log(x)" in "".join(traceback.format_exception(caught.value))
    del caught
    gc.collect()
    assert {name for name in linecache.cache if name.startswith("<program ")} == texts


def test_a_power_never_turns_complex():
    x, n = Value(2.0, "x"), Value(0.5, "n")
    with pytest.raises(ValueError, match="a negative number to a fractional power is complex"):
        Program(x**n, [x, n], wrt=[])(-2.0, 0.5)
    with pytest.raises(ValueError, match="complex"):
        Program(x**0.5, [x])(-2.0)
    assert Program(x**3, [x])(-2.0) == (-8.0, (12.0,))
    with pytest.raises(ZeroDivisionError):
        Program(x**-1, [x])(0.0)


def test_numbers_that_have_no_literal():
    x = Value(2.0, "x")
    limit = Value(float("-inf"), "limit")
    assert "x * -0.0 + 2.5e-300" in Program(x * -0.0 + 2.5e-300, [x]).source
    with pytest.raises(FloatingPointError, match="limit is -inf"):
        Program(x + limit.exp(), [x])


softsign = Rule("softsign", lambda a: a / (1 + abs(a)), lambda out, a: (1 - abs(out)) ** 2)


def test_a_row_of_ones_own():
    x = Value(0.7, "x")
    output = softsign(x * 2)
    output.backward()
    program = Program(output, [x])
    assert program(0.7) == (output.data, (x.grad,))
    assert program.source.startswith("# softsign is not printed here: it is the function of a Rule of your own.\n")
    nameless = Rule("nameless", eval("lambda a: a + a"), lambda out, a: 2)
    assert Program(nameless(x), [x])(3.0) == (6.0, (2.0,))


def test_nothing_of_ours_is_needed_to_run_the_text():
    C, w, b, *_ = recorded_neuron()
    namespace = {}
    exec(Program(C, [w, b]).source, namespace)
    assert namespace["program"](0.4, 1.9) == Program(C, [w, b])(0.4, 1.9)
    assert "autograd_mini" not in Program(C, [w, b]).source
    assert Path(rules.__file__).name not in Program(C, [w, b]).source


logarithm = Rule("ln", math.log, lambda out, a: 1 / a)
doubled, shifted = Rule("sigmoid", lambda a: a * 2, lambda out, a: 2.0), Rule("ln", lambda a: a + 2, lambda out, a: 1.0)


def test_a_label_may_be_the_name_of_a_row_of_ones_own():
    x = Value(0.7, "softsign")
    output = softsign(x * 2)
    output.backward()
    assert Program(output, [x])(0.7) == (output.data, (x.grad,))


def test_a_row_of_ones_own_with_a_function_of_math():
    x = Value(0.7, "x")
    output = logarithm(x)
    output.backward()
    program = Program(output, [x])
    assert program(0.7) == (output.data, (x.grad,))


def test_a_row_of_ones_own_with_the_name_of_another():
    x = Value(0.7, "x")
    output = doubled(x) + sigmoid(x) + logarithm(x) + shifted(x)
    output.backward()
    assert Program(output, [x])(0.7) == (output.data, (x.grad,))


def test_the_text_of_a_program_goes_with_it():
    x = Value(0.5, "x")
    before = set(linecache.cache)
    program = Program((1 / x).named("only here"), [x])
    (name,) = set(linecache.cache) - before
    assert "".join(linecache.getlines(name)) == program.source
    del program
    assert name not in linecache.cache


def test_of_two_programs_with_one_text_the_other_keeps_it():
    x = Value(0.5, "x")
    program, twin = (Program((1 / x).named("twins"), [x]) for _ in range(2))
    name = twin.func.__code__.co_filename
    del program
    assert "".join(linecache.getlines(name)) == twin.source


@pytest.mark.parametrize("library", [None, 3, "numpy", []])
def test_on_takes_a_module(library):
    x = Value(0.5, "x")
    with pytest.raises(TypeError):
        Program(x * 2, [x]).on(library)


def test_a_row_of_ones_own_gives_one_real_number():
    """As in the engine, whatever its function gives at other numbers."""
    x = Value(0.7, "x")
    program = Program(Rule("root", lambda a: a**0.5 if a < 1 else int(a), lambda out, a: 0)(x), [x])
    assert repr(program(4.0)) == "(4.0, (0.0,))"
    with pytest.raises(TypeError, match="expected a real number"):
        program(-1.0)


def test_the_text_runs_with_the_functions_that_it_names():
    x = Value(0.7, "x")
    program = Program(softsign(x) * logarithm(x), [x])
    assert program.functions == {"softsign": softsign.forward, "ln": math.log}
    namespace = dict(program.functions)
    exec(program.source, namespace)
    assert namespace["program"](0.7) == program(0.7)


def of_each_kind():
    """Programs with their points: with functions, without, with rows of one's own, narrowed, large."""
    C, w, b, x, y = recorded_neuron()
    output, leaves = random_graph(3, 60)
    return [
        (Program(C, [w, b]), (0.4, 1.9)),
        (Program(C, [w, b, x, y], wrt=[x]), (0.4, 1.9, 3.0, 1.0)),
        (Program(w * x, [w, x]), (2.0, 3.0)),
        (Program(w, []), ()),
        (Program(logarithm(w) * b + Rule("gamma", math.gamma, lambda out, a: 0)(w), [w, b], wrt=[b]), (0.4, 1.9)),
        (Program(output, leaves), tuple(leaf.data for leaf in leaves)),
    ]


def test_copies_and_pickles():
    for program, point in of_each_kind():
        pickles = [pickle.loads(pickle.dumps(program, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
        again = Program.from_source(program.source, program.functions)
        for same in (copy.copy(program), copy.deepcopy(program), *pickles, again):
            assert (type(same), same.source, repr(same)) == (Program, program.source, program.source)
            assert same.functions == program.functions
            assert same(*point) == program(*point)


def test_a_pool_of_processes():
    """A program is what the processes are given to call: nothing of one's own has to be importable there."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        for program, point in of_each_kind():
            assert pool.submit(program, *point).result() == program(*point)


def test_a_program_with_a_function_that_cannot_be_pickled_says_so():
    x = Value(0.7, "x")
    with pytest.raises((pickle.PicklingError, AttributeError), match="<lambda>"):
        pickle.dumps(Program(softsign(x), [x]))
    assert copy.deepcopy(Program(softsign(x), [x]))(0.7) == Program(softsign(x), [x])(0.7)
