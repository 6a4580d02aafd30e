"""Program: a graph and its gradient as a straight-line Python function, to read, to share, and to run fast."""

from __future__ import annotations

import ast
import inspect
import keyword
import linecache
import math
import re
import textwrap
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from autograd_mini.formulas import ATOM, Notation, Written, straight_line
from autograd_mini.gradients import backpropagated, partials_as_values
from autograd_mini.graph import names, require_values, topological_order
from autograd_mini.rules import Rule, power
from autograd_mini.value import Value


# A partial without arguments: calling it costs no Python frame, which would take as long as a fifth of the neuron.
class Program(partial[tuple[float, tuple[float, ...]]]):
    """A graph and its gradient, printed as a plain Python function and compiled.

    ``Program(C, [w, b])`` is backpropagation written out for this graph. Called with numbers for w and b, in this order,
    it returns ``(cost, (dC_dw, dC_db))``, bit for bit what recording the graph anew and ``backward()`` would give; `wrt`
    names the Values to take the gradients by, if these are not all the inputs. What is not an input keeps the number
    that was recorded, and so does the way the program took through every ``if``.

    ``program.source`` is the text: it runs on its own. The program does not look for inf and nan; where Python's
    arithmetic raises an error, the traceback shows the line.

    Raises ValueError for an input that is no leaf or comes twice, and what ``backward()`` raises.

    >>> w, x = Value(0.5, "w"), Value(3.0, "x")
    >>> program = Program(((w * x - 1) ** 2).named("C"), [w])
    >>> program
    def program(w):
        v2 = w * 3.0 - 1.0
        C = v2 ** 2.0
        dC_dw = 2.0 * v2 * 3.0
        return C, (dC_dw,)
    >>> program(2.0)
    (25.0, (30.0,))
    """

    source: str

    def __new__(cls, output: Value, inputs: Sequence[Value], wrt: Sequence[Value] | None = None) -> Program:
        source = _source(output, list(inputs), list(inputs if wrt is None else wrt))
        filename = f"<program {zlib.crc32(source.encode()):08x}>"
        # Where tracebacks look for the text of a line.
        linecache.cache[filename] = len(source), None, source.splitlines(keepends=True), filename
        namespace: dict[str, Any] = {}
        exec(compile(source, filename, "exec"), namespace)
        program = super().__new__(cls, namespace["program"])
        program.source = source
        return program

    def __repr__(self) -> str:
        return self.source


def _source(output: Value, inputs: list[Value], wrt: list[Value]) -> str:
    require_values([*inputs, *wrt])
    for value, count in Counter(inputs).items():
        if value.operands or count > 1:
            raise ValueError(f"the inputs of a Program are leaves, and each comes once: not {value!r}")
    gradients = backpropagated(output, partials_as_values)
    derivatives = [gradients.get(value, 0.0) for value in wrt]
    outputs = [output, *(each for each in derivatives if isinstance(each, Value))]
    order = topological_order(*outputs)
    called = _identifiers(output, inputs, wrt, gradients, order)
    notation = Source()
    lines = straight_line(outputs, order, called, notation)
    results = [called[each] if isinstance(each, Value) else repr(each) for each in derivatives]
    function = [
        f"def program({', '.join(called[value] for value in inputs)}):",
        *(f"    {called[node]} = {text}" for node, text in lines),
        f"    return {called[output]}, ({', '.join(results)}{',' * (len(results) == 1)})",
    ]
    helpers = [
        _definition(name, forward) for name, forward in notation.functions.items() if inspect.isfunction(forward)
    ]
    text = "\n\n\n".join([*helpers, "\n".join(function)])
    return f"import math\n\n\n{text}" if "math." in text else text


class Source(Notation):
    """How a program writes a graph: floats in full, and the functions of the math module by their names there."""

    def __init__(self) -> None:
        self.functions: dict[str, Callable[..., float]] = {}  # what the program calls, by the names it calls them

    def number(self, number: float) -> str:
        return repr(number) if math.isfinite(number) else f"math.{number}".replace("math.-", "-math.")

    def function(self, rule: Rule, operands: list[str]) -> str:
        name = _function_name(rule)
        if self.functions.setdefault(name, rule.forward) is not rule.forward:
            raise ValueError(
                f"a Program cannot tell apart two functions that are both called {name}: rename one of them"
            )
        return f"{name}({', '.join(operands)})"

    def operation(self, rule: Rule, operands: list[Written]) -> tuple[str, int]:
        if rule is power and not _never_complex(operands[0][0], operands[1][0]):
            return self.function(rule, [text for text, _, _ in operands]), ATOM
        return super().operation(rule, operands)


def _never_complex(base: str, exponent: str) -> bool:
    """Can base ** exponent be told to be real from the text alone?"""
    if re.fullmatch(r"-?[0-9.]+(e[+-]?[0-9]+)?", exponent):
        return float(exponent).is_integer()
    return re.fullmatch(r"[0-9.]+(e[+-]?[0-9]+)?", base) is not None


def _function_name(rule: Rule) -> str:
    """By what name the program calls the function of the rule."""
    if not inspect.isfunction(rule.forward):
        return ("math." if rule.forward.__module__ == "math" else "") + rule.forward.__name__
    return rule.symbol if rule.symbol.isidentifier() else rule.forward.__name__


def _definition(name: str, forward: Callable[..., float]) -> str:
    """The text of the function, as a `def` under the name by which the program calls it."""
    try:
        source = textwrap.dedent(inspect.getsource(forward))
        if forward.__name__ != "<lambda>":
            return re.sub(r"^def \w+", f"def {name}", source).rstrip("\n")
        # The text is that of the whole line, in which there may be other lambdas.
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Lambda) and _is_code_of(forward, node):
                return f"def {name}({ast.unparse(node.args)}):\n    return {ast.unparse(node.body)}"
    except (OSError, SyntaxError):
        pass
    raise ValueError(f"a Program needs the text of the function {name}, which Python keeps if it is written in a file")


def _is_code_of(function: Callable[..., Any], node: ast.Lambda) -> bool:
    code, other = function.__code__, eval(compile(ast.Expression(node), "", "eval")).__code__
    return (code.co_code, code.co_consts, code.co_names) == (other.co_code, other.co_consts, other.co_names)


def _identifiers(
    output: Value, inputs: list[Value], wrt: list[Value], gradients: Mapping[Value, Any], order: list[Value]
) -> dict[Value, str]:
    """What the program calls each node: by its label where that can be a name in Python, and gradients dC_dw."""
    # The order begins with the nodes under the output, whose names are those of every other text about it.
    forward = names(dict.fromkeys([*order[: order.index(output) + 1], *inputs, *wrt]))
    functions = {_function_name(rule) for rule in {node._rule for node in order if node.operands}}
    taken = dict.fromkeys(["math", "program", *functions], 1)
    called: dict[Value, str] = {}
    # The inputs and the gradients by them first: where two nodes want one name, these get it.
    for value in dict.fromkeys([*inputs, output, *forward]):
        called[value] = _identifier(forward[value], taken)
    for value in dict.fromkeys([*wrt, *forward]):
        derivative = gradients.get(value)
        if isinstance(derivative, Value) and derivative not in called:
            called[derivative] = _identifier(f"d{forward[output]}_d{forward[value]}", taken)
    for node in order:
        if node not in called:
            called[node] = _identifier("v", taken)
    for leaf in set(forward).difference(inputs):
        if not leaf.operands:
            called[leaf] = Source().number(leaf.data)
    return called


def _identifier(wish: str, taken: dict[str, int]) -> str:
    """A name that Python accepts, as near to the wish as can be, and that is not taken; from now on it is."""
    stem = wish
    if not (wish.isascii() and wish.isalnum()):
        stem = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", wish)).strip("_")
    if not stem.isidentifier() or keyword.iskeyword(stem):
        stem = f"v_{stem}" if f"v_{stem}".isidentifier() else "v"
    name = stem
    while name in taken:
        taken[stem] += 1
        name = f"{stem}_{taken[stem]}"
    taken[name] = 1
    return name
