"""The chain rule spelled out: every path from an output back to a node, step by step, and the sum over the paths."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from autograd_mini.formulas import ATOM, partial_formula
from autograd_mini.gradients import gradient_numbers
from autograd_mini.graph import expression, names, quotient, require_values, topological_order
from autograd_mini.latex import Latex
from autograd_mini.value import Value

MOST_PATHS = 5  # more are counted, and only the largest contributions are shown
SHOWN_OF_MANY = 3
LONGEST_PATH = 16  # the middle of a longer one is left out


@dataclass(frozen=True, slots=True)
class Link:
    """One operation on a path: the node, the position of the operand that the path goes on to, their partial."""

    node: Value
    position: int
    partial: float


@dataclass(frozen=True, slots=True)
class Path:
    """A way from the output down to a node, link by link, and the product of the partials on it."""

    product: float
    last: Link | None = None
    before: Path | None = None

    @property
    def links(self) -> list[Link]:
        links, path = [], self
        while path.last is not None and path.before is not None:
            links.append(path.last)
            path = path.before
        return links[::-1]


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """The derivative of one node with respect to another, as a sum over the paths between them.

    ``count`` is the number of paths, ``paths`` the ones with the largest contributions, largest first, and
    ``derivative`` the sum over all of them.
    """

    output: Value
    node: Value
    count: int
    paths: tuple[Path, ...]
    derivative: float
    names: Mapping[Value, str]

    def __repr__(self) -> str:
        C, w = self.names[self.output], self.names[self.node]
        if self.output is self.node:
            return f"∂{C}/∂{w} = 1: {C} is {w} itself"
        if self.count == 0:
            return f"∂{C}/∂{w} = 0: there is no path from {C} back to {w}"
        if self.count == 1:
            (path,) = self.paths
            chain = " = ".join(_once([f"∂{C}/∂{w}", " × ".join(_factors(path)), f"{path.product:.6g}"]))
            return "\n".join([f"∂{C}/∂{w}: one path from {C} back to {w}", *self._lines(path, "  "), chain])
        text = [f"∂{C}/∂{w}: {self.count} paths from {C} back to {w}, and their contributions add"]
        for number, path in enumerate(self.paths, 1):
            chain = " = ".join(_once([" × ".join(_factors(path)), f"{path.product:.6g}"]))
            text += [f"  path {number}: {chain}", *self._lines(path, "    ")]
        if self.count == len(self.paths):
            total = " + ".join(f"{path.product:.6g}" for path in self.paths) + f" = {self.derivative:.6g}"
        else:
            text.append(f"  and {self.count - len(self.paths)} more, none of them larger")
            total = f"{self.derivative:.6g}, the sum of all {self.count} contributions"
        return "\n".join([*text, f"∂{C}/∂{w} = {total}"])

    def _lines(self, path: Path, indent: str) -> list[str]:
        rows = [
            (
                self.names[link.node],
                expression(link.node, self.names.__getitem__),
                quotient(link.node, link.position, self.names),
                partial_formula(link.node, link.position, self.names),
                f"{link.partial: .6g}",
            )
            for link in _abridged(path.links)
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            f"{indent}{a:<{widths[0]}} = {b:<{widths[1]}}    {c:<{widths[2]}} = {d:<{widths[3]}}  = {e}"
            for a, b, c, d, e in rows
        ]
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
        latex = Latex()
        called = {node: latex.name(name) for node, name in self.names.items()}
        rows = []
        for number, path in enumerate(self.paths, 1):
            if self.count > 1:
                product = r" \times ".join(latex.factor(factor) for factor in _factors(path))
                equal = " = ".join(_once([product, latex.number(path.product)]))
                rows.append(rf"\text{{path {number}:}} \quad & {equal}")
            for link in _abridged(path.links):
                operands = [
                    (called[each] if isinstance(each, Value) else latex.number(each), ATOM, 0)
                    for each in link.node.operands
                ]
                operation, _ = latex.operation(link.node._rule, operands)
                derivative = latex.quotient(called[link.node], called[_operand(link)])
                partial = partial_formula(link.node, link.position, self.names, latex)
                equal = " = ".join(_once([partial, latex.number(link.partial)]))
                rows.append(f"{called[link.node]} &= {operation} & {derivative} &= {equal}")
        products = [r" \times ".join(latex.factor(factor) for factor in _factors(path)) for path in self.paths]
        if self.count > len(self.paths):
            products.append(r"\cdots")
        equal = " = ".join(_once([" + ".join(filter(None, products)), latex.number(self.derivative)]))
        rows.append(f"{latex.quotient(called[self.output], called[self.node])} &= {equal}")
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"

    def _repr_latex_(self) -> str:
        return self.latex()


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
    require_values([node])
    order = topological_order(output)
    derivative = gradient_numbers(output).get(node, 0.0)
    dependent = {node}
    for each in order:
        if not dependent.isdisjoint(each.operands):
            dependent.add(each)
    counts = Counter({output: 1})
    paths: dict[Value, list[Path]] = defaultdict(list, {output: [Path(1.0)]})
    for each in reversed(order):
        if each not in dependent or each is node:
            continue
        # Whatever follows multiplies them all alike: only the largest can still become one of the largest.
        largest = sorted(paths.pop(each), key=lambda path: -abs(path.product))[:MOST_PATHS]
        for position, (operand, partial) in enumerate(zip(each.operands, each.partials, strict=True)):
            if operand in dependent and partial is not None:
                link = Link(each, position, partial)
                counts[operand] += counts[each]
                paths[operand] += [Path(path.product * partial, link, path) for path in largest]
    shown = MOST_PATHS if counts[node] <= MOST_PATHS else SHOWN_OF_MANY
    largest = sorted(paths[node], key=lambda path: -abs(path.product))[:shown]
    return Explanation(output, node, counts[node], tuple(largest), derivative, names(dict.fromkeys([*order, node])))


def _once(sides: list[str]) -> list[str]:
    """The sides of an equation without empty ones, and without repetition: not 3 = 3."""
    return [side for side in dict.fromkeys(sides) if side]


def _operand(link: Link) -> Value:
    operand = link.node.operands[link.position]
    assert isinstance(operand, Value)
    return operand


def _abridged(links: list[Link]) -> list[Link]:
    if len(links) <= LONGEST_PATH:
        return links
    return links[: LONGEST_PATH // 2] + links[-LONGEST_PATH // 2 :]


def _factors(path: Path) -> list[str]:
    """The partials on the path, those in the middle of a long path as one "…"."""
    links = path.links
    factors = [f"{link.partial:.6g}" for link in _abridged(links)]
    if len(factors) < len(links):
        factors.insert(len(factors) // 2, "…")
    return factors
