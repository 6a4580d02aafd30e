"""Program: a graph and its gradient as a straight-line Python function, to read, to share, and to run fast."""

from __future__ import annotations

import inspect
import itertools
import keyword
import linecache
import math
import re
import unicodedata
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any

from autograd_mini.backprop import backpropagated, itself
from autograd_mini.errors import check_numbers
from autograd_mini.formulas import straight_line
from autograd_mini.graph import Graph, listed, names
from autograd_mini.notation import Notation, Written, signed
from autograd_mini.reals import real
from autograd_mini.rules import TABLE, Operator, Rule, power
from autograd_mini.value import Value

HELPED = {name for rule in TABLE if inspect.isfunction(rule.forward) for name in rule.forward.__code__.co_names}
NUMBERS = itertools.count(1)  # of the programs, so that each has a file name of its own in tracebacks


# A partial without arguments: calling it costs no Python frame, which would take as long as a fifth of the neuron.
class Program(partial[tuple[float, tuple[float, ...]]]):
    """A graph and its gradient, printed as a plain Python function and compiled.

    ``Program(C, [w, b])`` is backpropagation written out for this graph. Called with numbers for w and b, in this order,
    it returns ``(cost, (dC_dw, dC_db))``, bit for bit what recording the graph anew and ``backward()`` would give; `wrt`
    names the Values to take the gradients by, if these are not all the inputs. What is not an input keeps the number
    that was recorded, and so does the way the program took through every ``if``.

    ``program.source`` is the text. It runs on its own, unless the graph has a row of your own: its function is called,
    not printed, and a comment says so. The program does not look for inf and nan; where Python's arithmetic raises an
    error, the traceback has the line. Programs can be copied and pickled, with the functions they call.

    Raises ValueError for an input that is not a leaf or comes twice, and what ``backward()`` raises; with ``wrt=[]`` it
    makes no backward pass, and raises only what is wrong with the numbers.

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
    functions: Mapping[str, Callable[..., Any]]

    def __new__(cls, output: Value, inputs: Sequence[Value], wrt: Sequence[Value] | None = None) -> Program:
        inputs = listed(inputs, "Program(C, [w, b])")
        return cls.from_source(*_printed(output, inputs, inputs if wrt is None else listed(wrt, "wrt=[w]")))

    @classmethod
    def from_source(cls, source: str, functions: Mapping[str, Callable[..., Any]] | None = None) -> Program:
        """The program of a ``source``, in which ``functions``, those of rows of your own, are called by these names."""
        functions = functions or {}
        filename = f"<program {next(NUMBERS)}>"
        namespace: dict[str, Any] = {}
        exec(compile(source, filename, "exec"), namespace)
        call = _on_floats if namespace.get("math", math) is math else _on_arrays
        namespace.update({name: partial(call, name, function) for name, function in functions.items()})
        program = super().__new__(cls, namespace.pop("program"))  # popped, or the two would keep each other alive
        program.source, program.functions = source, functions
        # Tracebacks look here for the text of a line. It goes with the code, which the last traceback keeps alive.
        linecache.cache[filename] = len(source), None, source.splitlines(keepends=True), filename
        weakref.finalize(program.func.__code__, linecache.cache.pop, filename, None)
        return program

    def on(self, library: ModuleType) -> Program:
        """The same program for arrays, element by element: its ``math`` is numpy, jax.numpy, or the like.

        Each input may be an array or a number. A derivative that no array takes part in is one number.
        """
        if not isinstance(library, ModuleType):
            raise TypeError(f"on() expects a module, such as numpy, not {library!r}")
        body = self.source.partition("\n\n\n")[2] if self.source.startswith("import") else self.source
        maximum = "\nmax = math.maximum\n" * ("max(" in body)
        return self.from_source(f"import {library.__name__} as math\n{maximum}\n\n{body}", self.functions)

    def __reduce__(self) -> tuple[Any, ...]:
        return Program.from_source, (self.source, self.functions)

    def __repr__(self) -> str:
        return self.source


# How a program calls the function of a row of your own.


def _on_floats(name: str, function: Callable[..., Any], *operands: float) -> float:
    return real(function(*operands))


def _on_arrays(name: str, function: Callable[..., Any], *operands: Any) -> Any:
    try:
        return function(*operands)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}, the function of a row of your own, does not take these arrays: {error}") from error


def _printed(output: Value, inputs: list[Value], wrt: list[Value]) -> tuple[str, Mapping[str, Callable[..., Any]]]:
    """The source, and the functions of the user's own that it calls, by the names it calls them."""
    for value, count in Counter(inputs).items():
        if value.operands or count > 1:
            raise ValueError(f"the inputs of a Program must be distinct leaves: not {value!r}")
    forward = Graph(output)
    gradients: dict[Value, Any] = {}
    if wrt:
        gradients = backpropagated(forward, 1.0, itself)
    else:
        check_numbers(forward)
    derivatives = [gradients.get(value, 0.0) for value in wrt]
    graph = Graph(output, *(each for each in derivatives if isinstance(each, Value)))
    rules = dict.fromkeys(filter(None, (node.rule for node in graph.order)))
    graph.names = called = Names(forward, [*inputs, *wrt], gradients, rules)
    # Where two want one name, the first gets it: functions, then inputs, then the output, then line by line.
    own = {called[rule]: rule.forward for rule in rules if rule not in TABLE}
    parameters = [called[value] for value in inputs]
    cost = called[output] if output.operands or output in called else repr(output.data)
    lines = straight_line(graph, Source(called)).items()
    results = [called[each] if each in called else repr(float(each)) for each in derivatives]
    function = [
        f"def program({', '.join(parameters)}):",
        *(f"    {called[node]} = {text}" for node, text in lines),
        f"    return {cost}, ({', '.join(results)}{',' * (len(results) == 1)})",
    ]
    body = "\n".join(function)
    helpers = [
        re.sub(r"^def \w+", f"def {called[rule]}", inspect.getsource(rule.forward)).rstrip("\n")
        for rule in rules
        if rule in TABLE and inspect.isfunction(rule.forward) and f"{called[rule]}(" in body
    ]
    comments = [f"# {name} is not printed here: it is the function of a Rule of your own." for name in own]
    text = "\n\n\n".join([*helpers, *comments, body])
    return f"import math\n\n\n{text}" if "math." in text else text, own


class Source(Notation):
    """How a program writes a graph: floats in full, and the functions by the names they have in it."""

    def __init__(self, called: Mapping[Any, str]) -> None:
        self.called = called

    def number(self, number: float) -> Written:
        return signed(repr(number) if math.isfinite(number) else f"math.{number}".replace("math.-", "-math."))

    def function(self, rule: Rule, operands: Sequence[Written]) -> str:
        return f"{self.called[rule]}({', '.join(operand.text for operand in operands)})"

    def operation(self, rule: Rule, operands: Sequence[Written]) -> Written:
        if rule is power and not _never_complex(operands[0].text, operands[1].text):
            return Written(self.function(rule, operands))
        return super().operation(rule, operands)


def _never_complex(base: str, exponent: str) -> bool:
    """Can base ** exponent be told to be real from the text alone?"""
    if re.fullmatch(r"-?[0-9.]+(e[+-]?[0-9]+)?", exponent):
        return float(exponent).is_integer()
    return re.fullmatch(r"[0-9.]+(e[+-]?[0-9]+)?", base) is not None


def _function_name(rule: Rule) -> str:
    """By what name the program calls the function of a row of the table."""
    name = rule.forward.__name__ if isinstance(rule, Operator) else rule.symbol
    return f"math.{name}" if rule.forward.__module__ == "math" else name


class Names(dict[Any, str]):
    """What a program calls its functions and its nodes: by their labels where Python allows it, and gradients dC_dw.

    A node gets its name when it is first asked for one: most are folded into the lines of others, and need none.
    """

    def __init__(self, graph: Graph, given: list[Value], gradients: dict[Value, Any], rules: Collection[Rule]) -> None:
        self.update((rule, _function_name(rule)) for rule in rules if rule in TABLE)
        self.taken = dict.fromkeys(["program", *HELPED, *self.values()], 1)
        self.labels = names(dict.fromkeys([*graph.order, *given])) | {rule: rule.symbol for rule in rules}
        self.prefix = f"d{self.labels[graph.output]}_d"
        # Of several nodes that have one gradient, the first counts.
        self.nodes = {gradients[node]: node for node in reversed([*given, *graph.order]) if node in gradients}

    def wish(self, each: Any) -> str:
        """What it would be called in other texts."""
        if each in self.labels:
            return self.labels[each]
        return self.prefix + self.labels[self.nodes[each]] if each in self.nodes else "v"

    def __missing__(self, each: Any) -> str:
        """A name that Python accepts, as near to the wish as can be, and that is not taken; from now on it is."""
        stem = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", self.wish(each))).strip("_")
        if not stem.isidentifier() or keyword.iskeyword(stem):
            stem = f"v_{stem}" if f"v_{stem}".isidentifier() else "v"
        name = stem
        while name in self.taken:
            self.taken[stem] += 1
            name = f"{stem}_{self.taken[stem]}"
        self.taken[name] = 1
        self[each] = name
        return name
