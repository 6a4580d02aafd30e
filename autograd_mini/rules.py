"""All the calculus the package knows: a table with one row for each operation.

A row is written in ordinary Python, once. Fed numbers it answers with a number; fed Values it answers with a Value,
so that a derivative is again a graph: it can be differentiated, drawn, printed as a formula, printed as a program.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, TypeAlias, overload
from unicodedata import normalize

from autograd_mini.reals import Real, real

if TYPE_CHECKING:
    from autograd_mini.value import Value

Function: TypeAlias = Callable[..., Any]


class Rule:
    """One row of the table: an operation and its partial derivatives.

    ``symbol`` is the name the operation is written by ("exp"), ``forward`` computes it on floats. Each of ``partials``
    is the local derivative with respect to one operand, a function of the result and the operands: ``(out, a)`` or
    ``(out, a, b)``. A partial uses nothing but arithmetic and other rows, so it takes floats and Values alike, and it
    is called only for operands that are Values: ``Value(-2.0) ** 2`` never asks for the logarithm of -2.

    Raises ValueError for a symbol that cannot be the name of a function. Calling a row applies the operation:

    >>> mul(3.0, 4.0)
    12.0
    >>> [partial(12.0, 3.0, 4.0) for partial in mul.partials]
    [4.0, 3.0]
    """

    def __init__(self, symbol: str, forward: Function, da: Function, db: Function | None = None) -> None:
        self.symbol = self._checked(symbol)
        self.forward = forward
        self.da = da
        self.db = db
        self.partials: tuple[Function, ...] = (da,) if db is None else (da, db)

    def _checked(self, symbol: str) -> str:
        name = normalize("NFKC", symbol) if isinstance(symbol, str) else ""  # as Python reads the names in a program
        if not name.isidentifier() or iskeyword(name):
            raise ValueError(f"the symbol of a Rule is the name of a function, like 'exp', not {symbol!r}")
        return name

    @overload
    def __call__(self, a: Real, b: Real | None = None) -> float: ...
    @overload
    def __call__(self, a: Value, b: Value | Real | None = None) -> Value: ...
    @overload
    def __call__(self, a: Real, b: Value) -> Value: ...
    def __call__(self, a: Any, b: Any = None) -> Any:
        if (b is None) is not (self.db is None):
            wanted, given = ("one operand", "two") if self.db is None else ("two operands", "one")
            raise TypeError(f"{self.symbol} takes {wanted}, not {given}: a Rule has a partial for each operand")
        # Asking for a method keeps this file free of imports: Value knows the table, the table does not know Value.
        record = getattr(a, "_record", None) or getattr(b, "_record", None)
        if record is not None:
            return record(self, a, b)
        return self.number(real(a)) if b is None else self.number(real(a), real(b))

    def number(self, *operands: float) -> float:
        """The operation on floats. Raises TypeError if ``forward`` gives anything but one real number."""
        return real(self.forward(*operands))

    def __reduce__(self) -> str:
        return self.symbol  # a str: a copy is the row itself

    def __repr__(self) -> str:
        return f"<rule {self.symbol}({'a' if self.db is None else 'a, b'})>"


class Operator(Rule):
    """A row that is written with one of Python's own signs: these are the only ones whose symbol is not a name."""

    def _checked(self, symbol: str) -> str:
        return symbol

    def __repr__(self) -> str:
        return f"<rule {self.symbol}a>" if self.db is None else f"<rule a {self.symbol} b>"


# The functions that Python does not have. Without an `if` they are written once for floats and for arrays. (max would do
# for softplus too, but where both of its arguments are equal, JAX differentiates it by halves.)


def logistic(a: float) -> float:
    """1 / (1 + e**-a), without overflow at any a."""
    e = math.exp(-abs(a))
    return ((a >= 0) + (a < 0) * e) / (1 + e)


def log_one_plus_exp(a: float) -> float:
    """log(1 + e**a), without overflow at any finite a."""
    return a * (a >= 0) + math.log1p(math.exp(-abs(a)))


def positive_part(a: float) -> float:
    """a where a is positive, else 0."""
    return max(a, 0.0)


def signum(a: float) -> float:
    """1 where a is positive, -1 where it is negative, 0 at 0."""
    return 1.0 * (a > 0) - (a < 0)


def heaviside(a: float) -> float:
    """1 where a is positive, else 0."""
    return 1.0 * (a > 0)


def real_power(a: float, b: float) -> float:
    """a ** b, where it is a real number."""
    out: float | complex = a**b
    if isinstance(out, complex):
        raise ValueError("a negative number to a fractional power is complex")
    return out


def log_or_0(a: float) -> float:
    """The natural logarithm, and 0 at 0: the factor that b has in the derivative of a ** b."""
    return math.log(a + (a == 0))


def base_rule(_: Any, a: Any, b: Any) -> Any:
    """∂(a ** b)/∂a = b * a ** (b - 1)."""
    if b == 2:
        return b * a  # a ** 1 would clutter the formula of every square
    if b == 0 or float(a) == float(b) == 0:
        return 0.0  # a ** 0 is flat everywhere, but b * a ** -1 cannot be computed where a is 0
    return b * a ** (b - 1)


def exponent_rule(out: Any, a: Any, _: Any) -> Any:
    """∂(a ** b)/∂b = a ** b * log(a). Where a is 0 it is 0: 0 ** b is 0 for every b > 0."""
    return out * (log_0(a) if float(a) == 0 else log(a))


def one(*_: Any) -> int:
    """The partial derivative of a sum: a name of its own lets backward() see it, and spare a call and a product."""
    return 1


# The table. `out`, the result, comes first: a partial can often use it again. `log` is the natural logarithm. At a kink
# (abs and relu at 0) there is no derivative; 0, which lies between the slopes on both sides, is used (a subgradient).
# The formatter keeps out, so that the columns stay aligned.
# fmt: off
cos: Rule; log: Rule; log_0: Rule; sign: Rule; step: Rule  # rows that stand below a row that uses them

#                   symbol      forward              ∂out/∂a                         ∂out/∂b
add      = Operator("+",        lambda a, b: a + b,  one,                            one)
sub      = Operator("-",        lambda a, b: a - b,  one,                            lambda out, a, b: -1)
mul      = Operator("*",        lambda a, b: a * b,  lambda out, a, b: b,            lambda out, a, b: a)
div      = Operator("/",        lambda a, b: a / b,  lambda out, a, b: 1 / b,        lambda out, a, b: -out / b)
power    = Operator("**",       real_power,          base_rule,                      exponent_rule)
neg      = Operator("-",        lambda a: -a,        lambda out, a: -1)
absolute = Rule(    "abs",      abs,                 lambda out, a: sign(a))
exp      = Rule(    "exp",      math.exp,            lambda out, a: out)
log      = Rule(    "log",      math.log,            lambda out, a: 1 / a)
sqrt     = Rule(    "sqrt",     math.sqrt,           lambda out, a: 0.5 / out)
sin      = Rule(    "sin",      math.sin,            lambda out, a: cos(a))
cos      = Rule(    "cos",      math.cos,            lambda out, a: -sin(a))
tanh     = Rule(    "tanh",     math.tanh,           lambda out, a: 1 - out ** 2)
sigmoid  = Rule(    "sigmoid",  logistic,            lambda out, a: out * (1 - out))
relu     = Rule(    "relu",     positive_part,       lambda out, a: step(a))
softplus = Rule(    "softplus", log_one_plus_exp,    lambda out, a: sigmoid(a))
sign     = Rule(    "sign",     signum,              lambda out, a: 0.0)
step     = Rule(    "step",     heaviside,           lambda out, a: 0.0)
log_0    = Rule(    "log_0",    log_or_0,            lambda out, a: 1 / a)
# fmt: on

TABLE = dict.fromkeys(row for row in globals().values() if isinstance(row, Rule))
