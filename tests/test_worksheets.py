"""Worksheet: it gives nothing away, marks fairly, and names the slip."""

import random
import re
import sys
from math import isclose

import pytest
from worked_neuron import recorded_neuron

from autograd_mini import Rule, Value, Walk, Worksheet, exp, log, relu, sigmoid, tanh
from autograd_mini.graph import topological_order


def neuron():
    w, b, x, y = Value(0.5, "w"), Value(2, "b"), Value(3, "x"), Value(0, "y")
    ŷ = sigmoid((w * x + b).named("z")).named("ŷ")
    return ((y - ŷ) ** 2 / 2).named("C")


def softmax():
    a, b, c = Value(1, "a"), Value(-0.5, "b"), Value(2, "c")
    total = (exp(a) + exp(b) + exp(c)).named("s")
    return (-log((exp(a) / total).named("p"))).named("L")


def gaussian():
    x, μ, σ = Value(1.2, "x"), Value(0.4, "μ"), Value(1.5, "σ")
    return (log(σ) + ((x - μ) / σ).named("z") ** 2 / 2).named("N")


def newton():
    x = Value(3, "x")
    return (x - (x**3 - 2 * x - 5).named("f") / (3 * x**2 - 2).named("g")).named("n")


def thrice():
    a = Value(3, "a")
    return (a * a + 5 * a).named("D")


def network():
    x, w1, b1, w2, b2 = Value(0.7, "x"), Value(0.5, "w1"), Value(-0.3, "b1"), Value(-0.8, "w2"), Value(0.4, "b2")
    h1, h2 = tanh(w1 * x + b1).named("h1"), tanh(w2 * x + b2).named("h2")
    return ((1 - sigmoid(1.5 * h1 + Value(-1.2, "u") * h2)) ** 2 / 2).named("C")


def kink():
    x, w = Value(0.8, "x"), Value(-1.5, "w")
    return (relu(w * x + 2) * 3 + abs(w - x) * x).named("K")


GRAPHS = (neuron, softmax, gaussian, newton, thrice, network, kink)


def solution(output):
    """The names on the sheet and the right numbers, and the contributions to each gradient."""
    walk = Walk(output)
    graph = walk.graph
    numbers = {graph.names[node]: node.data for node in graph.order if node.operands}
    numbers[graph.gradient_name(output)] = 1.0
    sums = {}
    for step in walk:
        for each in step.contributions:
            numbers[graph.derivative_name(each.node, each.position)] = each.partial
            numbers[graph.gradient_name(each.operand)] = each.after
            sums.setdefault(each.operand, []).append(each)
    return graph, numbers, sums


def three_digits(number):
    return float(f"{number:.3g}")


def test_the_session_of_the_design():
    sheet = Worksheet(neuron(), worked=3)
    assert repr(sheet).splitlines()[-8:-6] == [
        "step 4 of 6: ŷ = sigmoid(z) = 0.970688,  ∂C/∂ŷ = ______",
        "  ∂C/∂z  += ∂C/∂ŷ × ∂ŷ/∂z     = ______ × ______ = ______",
    ]
    assert sheet.check({"∂C/∂z": 0.971}) == ("∂C/∂z = 0.971: that is without the local derivative ∂ŷ/∂z = ŷ * (1 - ŷ)")
    assert repr(sheet.check({"∂C/∂z": 0.0276})) == "∂C/∂z = 0.0276: right"


@pytest.mark.parametrize("make", GRAPHS)
def test_the_first_steps_are_those_of_a_walk_and_the_others_have_no_number(make):
    output = make()
    walk = Walk(output)
    steps = list(walk)
    for node in topological_order(output):
        node.grad = 7.0
    for worked in (0, 1, len(steps) // 2, len(steps)):
        sheet = Worksheet(output, worked)
        assert len(sheet) == len(steps)
        head, *shown = repr(sheet).split("\nstep ")
        assert [f"step {each}" for each in shown[:worked]] == [repr(step) for step in steps[:worked]]
        nodes = [node for node in walk.graph.order if node.operands]
        for node, line in zip(nodes, head.splitlines()[2:], strict=True):
            assert line.endswith(f" = {node.data:.6g}" if worked else " = ______")
        for step, text in zip(steps[worked:], shown[worked:], strict=True):
            first, *lines = text.splitlines()
            value = "______" if worked == 0 else f"{step.node.data:.6g}"
            equation, gradient = walk.graph.equation(step.node), walk.graph.gradient_name(step.node)
            assert first == f"{step.number} of {len(steps)}: {equation} = {value},  {gradient} = ______"
            for line in lines:
                assert re.fullmatch(
                    r"[^=]+\+=[^=]+ = ______ × ______ = ______(?: \(was ______, now ______(?: so far)?\))?", line
                )
    assert sheet.key == repr(sheet)
    assert Worksheet(output).key == sheet.key
    assert {node.grad for node in topological_order(output)} == {7.0}


@pytest.mark.parametrize("make", GRAPHS)
def test_right_answers_are_right_with_three_digits_and_under_every_name(make):
    output = make()
    graph, numbers, _ = solution(output)
    sheet = Worksheet(output)
    for answers in (
        numbers,
        {name: three_digits(number) for name, number in numbers.items()},
        {name.replace("∂", "d"): number for name, number in numbers.items()},
    ):
        marks = sheet.check(answers).splitlines()
        assert len(marks) == len(numbers)
        assert {mark.rpartition(": ")[2] for mark in marks} == {"right"}
    for node in graph.order:
        name = graph.gradient_name(node)
        assert sheet.check({node: numbers[name]}).startswith(f"{name} = ")


@pytest.mark.parametrize("make", GRAPHS)
def test_the_slips_of_local_derivatives_are_named(make):
    """All local derivatives of a graph at once: none depends on another. Those of the output are gradients as well."""
    output = make()
    graph, numbers, sums = solution(output)
    contributions = [each for several in sums.values() for each in several if each.node is not output]
    named = 0
    for kind, wrong in {
        "with the sign of {} flipped": lambda each: -each.partial,
        "with twice {}": lambda each: 2 * each.partial,
        "with half of {}": lambda each: each.partial / 2,
        "with {node} itself in place of the local derivative {}": lambda each: each.node.data,
    }.items():
        answers, told = {}, {}
        for each in contributions:
            name = graph.derivative_name(each.node, each.position)
            answers[name] = three_digits(wrong(each))
            told[name] = "that is " + kind.format(name, node=graph.names[each.node])
        for mark in Worksheet(output).check(answers).splitlines():
            name, _, text = mark.partition(" = ")
            answer, _, text = text.partition(": ")
            if close(float(answer), numbers[name]):
                assert text == "right"
            elif not text.startswith(told[name]):  # then it is an equivalent: another slip with that number
                assert text.startswith("that is "), mark
                assert equivalent(text, float(answer), graph, contributions, name), mark
            named += text.startswith(told[name])
    assert named >= 6


def close(a, b):
    return isclose(a, b, rel_tol=5e-3)


def equivalent(text, answer, graph, contributions, name):
    """Is what the text says true of this answer to a local derivative?"""
    (each,) = (each for each in contributions if graph.derivative_name(each.node, each.position) == name)
    called = {graph.names[node]: node.data for node in graph.order}
    factor = re.match(r"that is with(out the| an extra) factor (\S+) in", text)
    if factor:
        number = called.get(factor[2]) or float(factor[2])
        return close(answer, each.partial / number if factor[1] == "out the" else each.partial * number)
    swapped = re.match(r"that is with (\S+) in place of (\S+) in", text)
    if swapped:
        texts = [graph.names[each.node]] + [
            graph.names[operand] if isinstance(operand, Value) else f"{operand:g}" for operand in each.node.operands
        ]
        numbers = [each.node.data, *map(float, each.node.operands)]
        return any(
            close(
                answer,
                each.node.rule.partials[each.position](
                    *numbers[:k], called.get(swapped[1]) or float(swapped[1]), *numbers[k + 1 :]
                ),
            )
            for k, text in enumerate(texts)
            if text == swapped[2]
        )
    return any(
        text.startswith(f"that is {phrase}") and close(answer, number)
        for phrase, number in (
            (f"with the sign of {name}", -each.partial),
            (f"with twice {name}", 2 * each.partial),
            (f"with half of {name}", each.partial / 2),
            (f"with {graph.names[each.node]} itself", each.node.data),
        )
    )


@pytest.mark.parametrize("make", [neuron, softmax, gaussian, newton, thrice, kink])
def test_the_slips_of_gradients_are_named(make):
    output = make()
    graph, _, sums = solution(output)
    sheet = Worksheet(output)
    named = count = 0
    for operand, several in sums.items():
        name, total = graph.gradient_name(operand), sum(each.contribution for each in several)
        slips = [("with the sign flipped", -total)]
        for each in several:
            upstream, local = graph.gradient_name(each.node), graph.derivative_name(each.node, each.position)
            chain = local if each.node is output else f"{upstream} × {local}"
            rest = total - each.contribution
            slips += [
                (f"without the local derivative {local} = ", rest + each.upstream),
                (f"without the upstream gradient {upstream}", rest + each.partial),
                (f"with the sign of the contribution {chain} flipped", rest - each.contribution),
                (f"with twice the contribution {chain}", rest + 2 * each.contribution),
                (f"with {graph.names[each.node]} itself in place of", rest + each.upstream * each.node.data),
                (f"without the contribution {chain}", rest),
            ]
            if len(several) > 1:
                slips.append((f"with nothing but {chain}", each.contribution))
        for phrase, number in slips:
            answer = three_digits(number)
            if close(answer, total):
                continue
            sheet.answers.clear()
            text = sheet.check({operand: answer}).partition(": ")[2]
            assert text.startswith("that is "), (name, phrase, answer, text)
            same = [other for other, its in slips if close(its, answer)]
            named += any(text.startswith(f"that is {other}") for other in same)
            count += 1
    assert named / count > 0.8  # the others have an equivalent: another slip with that number


FOLLOWS = "follows from what you have above: mend that"


def test_what_follows_from_a_wrong_answer_is_told_so():
    sheet = Worksheet(neuron())
    assert sheet.check({"z": 4.5, "ŷ": 0.989, "∂v2/∂y": 1, "∂C/∂y": -0.989, "∂ŷ/∂z": 0.0109}).splitlines() == [
        "z = 4.5: wrong: it is v1 + b",
        f"ŷ = 0.989: {FOLLOWS}",
        "∂v2/∂y = 1: right",
        f"∂C/∂y = -0.989: {FOLLOWS}",
        f"∂ŷ/∂z = 0.0109: {FOLLOWS}",
    ]
    assert sheet.check({"∂C/∂w": 0.0323}) == f"∂C/∂w = 0.0323: {FOLLOWS}"  # 0.989 × 0.0109 × 3, in a call of its own
    assert sheet.check({"∂C/∂w": -0.0323}) == "∂C/∂w = -0.0323: that is with the sign flipped"
    sheet.check({"z": 3.5, "ŷ": 0.971, "∂ŷ/∂z": 0.0285})
    assert sheet.check({"∂C/∂w": 0.0829}) == "∂C/∂w = 0.0829: right"
    assert sheet.answers["z"] == 3.5


def test_a_right_answer_stays_on_the_sheet_until_it_is_made_wrong():
    sheet = Worksheet(neuron())
    sheet.check({"ŷ": 0.971, "∂ŷ/∂z": 0.3, "∂C/∂z": 0.0276})
    assert "  ŷ = sigmoid(z) = 0.970688" in repr(sheet)
    assert "= 0.0276" in repr(sheet)
    assert "ŷ * (1 - ŷ)" not in repr(sheet)
    sheet.check({"ŷ": 0.5, "∂ŷ/∂z": 0.0285})
    assert "  ŷ = sigmoid(z) = ______" in repr(sheet)
    assert repr(sheet).count("∂ŷ/∂z = ŷ * (1 - ŷ)") == 1


@pytest.mark.parametrize(("given", "partial"), [({}, 0.0282), ({"ŷ": 0.971}, 0.0282), ({"ŷ": 0.97}, 0.0291)])
def test_rounding_is_forgiven(given, partial):
    sheet = Worksheet(neuron(), worked=3)
    sheet.check(given)
    ŷ = given.get("ŷ", 0.971)
    assert partial == three_digits(ŷ * (1 - ŷ))  # where six digits give 0.0285
    assert sheet.check({"∂C/∂y": 0.5, "∂ŷ/∂z": partial}).endswith("right but for rounding: carry more digits")
    assert sheet.check({"∂C/∂z": ŷ * partial}).endswith("right but for rounding: carry more digits")


def test_a_zero():
    x = Value(0.1, "x")
    sheet = Worksheet((relu(x + 0.2 - 0.3) * (x - 0.1)).named("C"))  # 0.1 + 0.2 - 0.3 leaves 5.6e-17
    assert sheet.check({"v2": 0}) == "v2 = 0: right"
    assert sheet.check({"v4": 0.001}).startswith("v4 = 0.001: ")
    assert "right" not in sheet.check({"v4": 0.001})
    assert Worksheet(sigmoid(Value(-20, "x")).named("C")).check({"C": 0}).startswith("C = 0: ")
    assert "right" not in Worksheet(sigmoid(Value(-20, "x")).named("C")).check({"C": 0})  # it is 2e-9


def test_a_wrong_number_that_cannot_be_computed_with():
    x = Value(3, "x")
    sheet = Worksheet(log((x - 1).named("d")).named("C"))
    assert sheet.check({"d": -2, "C": 0.693, "∂C/∂x": -0.5}).splitlines() == [
        "d = -2: that is with the sign flipped",
        "C = 0.693: right",
        f"∂C/∂x = -0.5: {FOLLOWS}",
    ]
    x, a = Value(3, "x"), Value(2, "a")
    sheet = Worksheet(((x - 1).named("d") ** a * 5).named("C"))
    assert sheet.check({"d": -2, "∂v1/∂a": 4}).splitlines() == [  # the logarithm of -2 does not exist
        "d = -2: that is with the sign flipped",
        "∂v1/∂a = 4: that is with v1 itself in place of the local derivative ∂v1/∂a = v1 * log(d)",
    ]


def test_the_slips_of_the_forward_pass_are_named():
    sheet = Worksheet(neuron())
    assert sheet.check({"ŷ": 0.0293}) == "ŷ = 0.0293: that is with -z in place of z"  # e^z for e^-z
    assert sheet.check({"z": 1.5}) == "z = 1.5: that is v1 itself"
    assert sheet.check({"z": 4, "ŷ": -0.982}).splitlines() == [  # and for the number that z has by now
        "z = 4: wrong: it is v1 + b",
        "ŷ = -0.982: that is with the sign flipped",
    ]


def test_a_function_goes_to_compare():
    C = neuron()
    w = next(leaf for leaf in topological_order(C) if leaf.label == "w")

    def by_hand(w, b, x, y):
        ŷ = sigmoid(w * x + b)
        return (y - ŷ) * ŷ * (1 - ŷ) * x

    for key in ("∂C/∂w", "dC/dw", w):
        report = Worksheet(C).check({key: by_hand, "z": 3.5})
        assert report.startswith("z = 3.5: right\ngradients of C at ")
        assert "the sign is flipped" in report
    with pytest.raises(TypeError, match="∂C/∂z: expected a real number, not <function"):
        Worksheet(C).check({"∂C/∂z": by_hand})


def test_what_is_not_on_the_sheet():
    sheet = Worksheet(neuron())
    for key in ("w", "dC/dq", Value(3), 7):
        with pytest.raises(
            ValueError, match=r"on this sheet are v1, z, ŷ, v2, v3, C, ∂C/∂C, ∂C/∂v3, ∂v3/∂v2, .*∂C/∂x$"
        ):
            sheet.check({"z": 7, key: 1})
    for answer in ("0.97", None, True, [1], 1j, Value(3)):
        with pytest.raises(TypeError, match="ŷ: expected a real number, not "):
            sheet.check({"z": 7, "ŷ": answer})
    assert sheet.answers == {}
    for worked in (-1, 7):
        with pytest.raises(ValueError, match=f"from 0 to 6, not {worked}"):
            Worksheet(neuron(), worked)
    with pytest.raises(TypeError, match="expected a Value"):
        Worksheet(3.0)


def test_a_row_of_your_own_has_its_slips():
    cube = Rule("cube", lambda a: a**3, lambda out, a: 3 * a * a)
    x = Value(2, "x")
    sheet = Worksheet((cube(x) * 5).named("C"))
    assert sheet.check({x: 5}) == "∂C/∂x = 5: that is without the local derivative ∂v1/∂x = 3 * x * x"
    assert sheet.check({"∂v1/∂x": 8}) == (
        "∂v1/∂x = 8: that is with v1 itself in place of the local derivative ∂v1/∂x = 3 * x * x"
    )
    assert sheet.check({"∂v1/∂x": 192}) == "∂v1/∂x = 192: that is with v1 in place of x in ∂v1/∂x = 3 * x * x"


def test_an_operand_that_stands_twice():
    sheet = Worksheet(thrice())
    a = next(leaf for leaf in topological_order(thrice()) if leaf.label == "a")
    assert sheet.check({"∂v1/∂a (1st)": 3, "dv1/da (2nd)": 3, "∂D/∂a": 11}).count(": right") == 3
    assert sheet.check({"∂D/∂a": 6}) == "∂D/∂a = 6: that is without the contribution ∂D/∂v2 × ∂v2/∂a"
    assert sheet.check({"∂D/∂a": 5}) == "∂D/∂a = 5: that is with nothing but ∂D/∂v2 × ∂v2/∂a"
    with pytest.raises(ValueError, match="there is no"):
        sheet.check({a: 11})  # of another graph


def test_a_sheet_is_about_the_numbers_it_was_made_for():
    C, w, *_ = recorded_neuron()
    sheet = Worksheet(C)
    before = sheet.key
    w.data = 7.0
    assert sheet.key == before
    assert sheet.check({w: 0.0829}) == "∂C/∂w = 0.0829: right"


def test_random_numbers_are_rarely_explained():
    rng = random.Random(3)
    explained = count = 0
    for make in GRAPHS:
        output = make()
        numbers = {name: number for name, number in solution(output)[1].items() if "∂" in name and number}
        sheet = Worksheet(output)
        for _ in range(15):
            name = rng.choice(list(numbers))
            answer = three_digits(numbers[name] * rng.choice((-1, 1)) * 10 ** rng.uniform(-1, 1))
            sheet.answers.clear()
            mark = sheet.check({name: answer}).partition(": ")[2]
            explained += not mark.startswith("wrong") and not close(answer, numbers[name])
            count += 1
    assert explained / count < 0.02  # under 0.01 of 20 000; here 105


def test_a_deep_graph():
    value = x = Value(1.0, "x")
    for _ in range(sys.getrecursionlimit()):
        value = value * 1.0001
    sheet = Worksheet(value.named("C"))
    assert sheet.check({x: value.data}).endswith(": right")


def test_a_hat_may_be_typed_as_one_character_or_two():
    z = Value(0.5, "z")
    sheet = Worksheet((sigmoid(z).named("ŷ") * 2).named("C"))
    assert sheet.check({"∂C/∂y\u0302": 2}) == sheet.check({"dC/d\u0177": 2}) == "∂C/∂ŷ = 2: right"
