"""All the calculus the package knows: a table with one row for each operation.

A row is written in ordinary Python, once. Fed numbers it answers with a number; fed Values it answers with a Value,
so that a derivative is again a graph: it can be differentiated, drawn, printed as a formula, printed as a program.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MethodType
from typing import Any, Protocol, TypeVar, overload


class Recorder(Protocol):
    """What a row needs of an operand that is not a plain number: to record the operation (Value does)."""

    @property
    def _record(self) -> Callable[..., Any]: ...


R = TypeVar("R", bound=Recorder)


class Rule:
    """One row of the table: an operation and its partial derivatives.

    ``symbol`` is how the operation is written ("*", "exp"), ``forward`` computes it on floats. Each of ``partials`` is
    the local derivative with respect to one operand, a function of the result and the operands: ``(out, a)`` or
    ``(out, a, b)``. A partial uses nothing but arithmetic and other rows, so it takes floats and Values alike, and it
    is called only for operands that are Values: ``Value(-2.0) ** 2`` never asks for the logarithm of -2.

    Calling a row applies the operation:

    >>> mul(3.0, 4.0)
    12.0
    >>> [partial(12.0, 3.0, 4.0) for partial in mul.partials]
    [4.0, 3.0]
    """

    __slots__ = ("da", "db", "forward", "symbol")

    def __init__(
        self,
        symbol: str,
        forward: Callable[..., float],
        da: Callable[..., Any],
        db: Callable[..., Any] | None = None,
    ) -> None:
        self.symbol = symbol
        self.forward = forward
        self.da = da
        self.db = db

    @property
    def partials(self) -> tuple[Callable[..., Any], ...]:
        """The partial derivatives, one for each operand, in the order of the operands."""
        return (self.da,) if self.db is None else (self.da, self.db)

    def expression(self, *operands: str) -> str:
        """The operation as text, given its operands as text.

        >>> mul.expression("w", "-2"), neg.expression("z"), sigmoid.expression("-z")
        ('w * (-2)', '-z', 'sigmoid(-z)')
        """
        if self.symbol.isidentifier():
            return f"{self.symbol}({', '.join(operands)})"
        bracketed = [f"({text})" if text.startswith("-") else text for text in operands]
        return f" {self.symbol} ".join(bracketed) if self.db else self.symbol + bracketed[0]

    @overload
    def __call__(self, a: float, b: float | None = None) -> float: ...
    @overload
    def __call__(self, a: R, b: R | float | None = None) -> R: ...
    @overload
    def __call__(self, a: float, b: R) -> R: ...
    def __call__(self, a: Any, b: Any = None) -> Any:
        # Asking for a method keeps this file free of imports: Value knows the table, the table does not know Value.
        if type(a) is not float and hasattr(a, "_record"):
            return a._record(self, a, b)
        if b is None:
            return self.forward(a)
        return b._record(self, a, b) if hasattr(b, "_record") else self.forward(a, b)

    @overload
    def __get__(self, instance: None, owner: type) -> Rule: ...
    @overload
    def __get__(self, instance: R, owner: type[R]) -> Callable[[], R]: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        # In the body of a class a row is a method, as a function is: v.exp() is exp(v).
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<rule {self.expression('a', 'b')}>" if self.db else f"<rule {self.expression('a')}>"


def logistic(a: float) -> float:
    """1 / (1 + e**-a), without overflow at any a."""
    if a >= 0:
        return 1 / (1 + math.exp(-a))
    e = math.exp(a)
    return e / (1 + e)


def log_one_plus_exp(a: float) -> float:
    """log(1 + e**a), without overflow at any a."""
    return max(a, 0.0) + math.log1p(math.exp(-abs(a)))


def real_power(a: float, b: float) -> float:
    """a ** b, where it is a real number."""
    out: float | complex = a**b
    if isinstance(out, complex):
        raise ValueError("a negative number to a fractional power is complex")
    return out


def power_rule(_: Any, a: Any, b: Any) -> Any:
    """∂(a ** b)/∂a = b * a ** (b - 1)."""
    if b == 0:
        return 0.0  # a ** 0 is flat everywhere, but b * a ** -1 cannot be computed where a is 0
    return b * (a if b == 2 else a ** (b - 1))  # a ** 1 would clutter the formula of every square


def one(*_: Any) -> int:
    """The partial derivative of a sum: a name of its own lets backward() see it, and spare a call and a product."""
    return 1


# The table. `out`, the result, comes first: a partial can often use it again. At a kink (abs, relu at 0) the derivative
# is 0. The formatter keeps out, so that the columns stay aligned.
# fmt: off
cos: Rule; log: Rule; sign: Rule; step: Rule  # rows that stand below a row that uses them

#               symbol      forward                             ∂out/∂a                         ∂out/∂b
add      = Rule("+",        lambda a, b: a + b,                 one,                            one)
sub      = Rule("-",        lambda a, b: a - b,                 one,                            lambda out, a, b: -1)
mul      = Rule("*",        lambda a, b: a * b,                 lambda out, a, b: b,            lambda out, a, b: a)
div      = Rule("/",        lambda a, b: a / b,                 lambda out, a, b: 1 / b,        lambda out, a, b: -out / b)
power    = Rule("**",       real_power,                         power_rule,                     lambda out, a, b: out * log(a))
neg      = Rule("-",        lambda a: -a,                       lambda out, a: -1)
absolute = Rule("abs",      abs,                                lambda out, a: sign(a))
exp      = Rule("exp",      math.exp,                           lambda out, a: out)
log      = Rule("log",      math.log,                           lambda out, a: 1 / a)
sqrt     = Rule("sqrt",     math.sqrt,                          lambda out, a: 0.5 / out)
sin      = Rule("sin",      math.sin,                           lambda out, a: cos(a))
cos      = Rule("cos",      math.cos,                           lambda out, a: -sin(a))
tanh     = Rule("tanh",     math.tanh,                          lambda out, a: 1 - out ** 2)
sigmoid  = Rule("sigmoid",  logistic,                           lambda out, a: out * (1 - out))
relu     = Rule("relu",     lambda a: max(a, 0.0),              lambda out, a: step(a))
softplus = Rule("softplus", log_one_plus_exp,                   lambda out, a: sigmoid(a))
sign     = Rule("sign",     lambda a: float((a > 0) - (a < 0)), lambda out, a: 0.0)
step     = Rule("step",     lambda a: float(a > 0),             lambda out, a: 0.0)
# fmt: on
