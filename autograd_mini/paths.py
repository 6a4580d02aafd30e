"""explain: the chain rule spelled out, every path from an output back to a node, and the sum over the paths."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from autograd_mini.backprop import Contribution, backward_pass
from autograd_mini.formulas import partial_formula
from autograd_mini.graph import Graph
from autograd_mini.latex import Latex
from autograd_mini.notation import NEGATED, columns, figure
from autograd_mini.value import Value

MOST_PATHS = 5  # more are counted, and only the largest contributions are shown
SHOWN_OF_MANY = 3
LONGEST_PATH = 16  # the middle of a longer one is left out
COUNTED = 10**15  # their number doubles with every fork: more than this are not counted


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Path:
    """A way from the output down to a node, link by link, and the product of the partials on it."""

    product: float
    first: Contribution | None = None
    rest: Path | None = None

    @property
    def links(self) -> list[Contribution]:
        links, path = [], self
        while path.first is not None and path.rest is not None:
            links.append(path.first)
            path = path.rest
        return links

    def multiplied(self, number: Callable[[float], str], times: str, dots: str) -> str:
        """The partials on it, with a sign between them, and dots for those in the middle of a long path."""
        links = self.links
        factors = [number(link.partial) for link in _abridged(links)]
        if len(factors) < len(links):
            factors.insert(len(factors) // 2, dots)
        return times.join(factors)

    def __repr__(self) -> str:
        return _equation(self.multiplied(figure, " × ", "…"), figure(self.product))


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """The derivative of one node with respect to another, as a sum over the paths between them.

    ``count`` is the number of paths (10**15 stands for any number from there on), ``paths`` the ones with the largest
    contributions, largest in size first, and ``derivative`` the sum over all of them.
    """

    graph: Graph
    node: Value
    count: int
    paths: tuple[Path, ...]
    derivative: float

    def __repr__(self) -> str:
        C, w = self.graph.names[self.graph.output], self.graph.names[self.node]
        gradient = self.graph.gradient_name(self.node)
        if self.graph.output is self.node:
            return f"{gradient} = 1: {C} is {w} itself"
        if self.count == 0:
            return f"{gradient} = 0: there is no path from {C} back to {w}"
        if self.count == 1:
            heading, (path,) = f"{gradient}: one path from {C} back to {w}", self.paths
            return "\n".join([heading, *self._lines(path, "  "), f"{gradient} = {path}"])
        count = str(self.count) if self.count < COUNTED else "more than 10**15"
        text = [f"{gradient}: {count} paths from {C} back to {w}, and their contributions add"]
        for number, path in enumerate(self.paths, 1):
            text += [f"  path {number}: {path}", *self._lines(path, "    ")]
        if self.count == len(self.paths):
            total = " + ".join(figure(path.product) for path in self.paths) + f" = {figure(self.derivative)}"
        else:
            more = str(self.count - len(self.paths)) if self.count < COUNTED else "many"
            text.append(f"  and {more} more, none of them larger in size")
            total = f"{figure(self.derivative)}, the sum of all {'' if more == 'many' else f'{count} '}contributions"
        return "\n".join([*text, f"{gradient} = {total}"])

    def _lines(self, path: Path, indent: str) -> list[str]:
        graph, rows = self.graph, []
        for link in _abridged(path.links):
            name, operation = graph.names[link.node], graph.expression(link.node)
            derivative = graph.derivative_name(link.node, link.position)
            partial = partial_formula(graph, link.node, link.position)
            rows.append((name, f"= {operation}", f"   {derivative}", f"= {partial}", f" = {link.partial + 0.0: .6g}"))
        lines = [indent + line for line in columns(rows, "<<<<<", " ")]
        left_out = len(path.links) - len(rows)
        if left_out:
            lines.insert(len(lines) // 2, f"{indent}… {left_out} more steps …")
        return lines

    def latex(self) -> str:
        r"""The same as LaTeX: an ``align*`` block, for a paper or a notebook.

        >>> w, x = Value(2.0, "w"), Value(3.0, "x")
        >>> print(explain((w * x + 1).named("z"), w).latex())
        \begin{align*}
        z &= v_{1} + 1 & \frac{\partial z}{\partial v_{1}} &= 1 \\
        v_{1} &= w \cdot x & \frac{\partial v_{1}}{\partial w} &= x = 3 \\
        \frac{\partial z}{\partial w} &= 1 \times 3 = 3
        \end{align*}
        """
        latex, graph, rows = Latex(), self.graph, []
        name = {node: latex.name(label).text for node, label in graph.names.items()}

        def quotient(above: Value, below: Value) -> str:
            return rf"\frac{{\partial {name[above]}}}{{\partial {name[below]}}}"

        def product(path: Path) -> str:
            weakest = NEGATED + 1 if len(path.links) > 1 else 0
            return path.multiplied(lambda factor: latex.number(factor).bracketed(weakest), r" \times ", r"\cdots")

        def equation(left: str, number: float) -> str:
            return _equation(left, latex.number(number).text)

        for number, path in enumerate(self.paths, 1):
            if self.count > 1:
                rows.append(rf"\text{{path {number}:}} \quad & {equation(product(path), path.product)}")
            for link in _abridged(path.links):
                mark = graph.mark(link.node, link.position)
                derivative = quotient(link.node, link.operand) + (rf"\text{{{mark}}}" if mark else "")
                partial = equation(partial_formula(graph, link.node, link.position, latex), link.partial)
                rows.append(f"{name[link.node]} &= {graph.expression(link.node, latex)} & {derivative} &= {partial}")
        products = [product(path) for path in self.paths] + [r"\cdots"] * (self.count > len(self.paths))
        rows.append(f"{quotient(graph.output, self.node)} &= {equation(' + '.join(products), self.derivative)}")
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"

    _repr_latex_ = latex


def explain(output: Value, node: Value) -> Explanation:
    """Spell out the chain rule: how the output depends on the node, along every path between them.

    A path goes from the output back to the node, operand by operand. Its contribution is the product of the local
    derivatives on it, and the derivative is the sum of the contributions of all paths. Up to five paths are shown; of
    more than that the number, and the three with the largest contributions.

    Raises what ``backward()`` raises; no ``grad`` changes.

    >>> w, x = Value(2.0, "w"), Value(3.0, "x")
    >>> explain(((w * x) ** 2).named("C"), w)
    ∂C/∂w: one path from C back to w
      C  = v1 ** 2    ∂C/∂v1 = 2 * v1  =  12
      v1 = w * x      ∂v1/∂w = x       =  3
    ∂C/∂w = 12 × 3 = 36
    """
    graph = Graph(output, node)  # with the node, in case the output does not depend on it
    links = list(backward_pass(Graph(output), 1.0, float))
    gradients = {output: 1.0} | {link.operand: link.after for link in links}
    counts = Counter({node: 1})
    paths: dict[Value, list[Path]] = defaultdict(list, {node: [Path(1.0)]})
    for link in reversed(links):  # from the node up to the output
        if link.operand in paths:
            counts[link.node] = min(COUNTED, counts[link.node] + counts[link.operand])
            # Whatever follows multiplies them all alike: only the largest can still become one of the largest.
            paths[link.operand] = _largest(paths[link.operand], MOST_PATHS)
            longer = [Path(link.partial * path.product, link, path) for path in paths[link.operand]]
            paths[link.node] = longer + paths[link.node]
    shown = _largest(paths[output], MOST_PATHS if counts[output] <= MOST_PATHS else SHOWN_OF_MANY)
    return Explanation(graph, node, counts[output], tuple(shown), gradients.get(node, 0.0))


def _largest(paths: list[Path], count: int) -> list[Path]:
    return sorted(paths, key=lambda path: -abs(path.product))[:count]


def _equation(left: str, right: str) -> str:
    """The equation; one side alone where the other is empty or the same: not 3 = 3."""
    return " = ".join(filter(None, dict.fromkeys([left, right])))


def _abridged(links: list[Contribution]) -> list[Contribution]:
    if len(links) <= LONGEST_PATH:
        return links
    return links[: LONGEST_PATH // 2] + links[-LONGEST_PATH // 2 :]
