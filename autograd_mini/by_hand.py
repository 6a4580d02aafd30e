"""A gradient by hand: a number, or a function whose arguments are called as the leaves are."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from math import isfinite, nan
from typing import Any, TypeAlias

from autograd_mini.measuring import rounding
from autograd_mini.reals import Real, real
from autograd_mini.value import Value

Formula: TypeAlias = "Callable[..., Any] | Real"
Formulas: TypeAlias = Mapping[Value, Formula] | Mapping[str, Formula]


class ByHand:
    """A gradient by hand, a number or a function, and the leaves it asks for: none if it is the same at every point."""

    def __init__(self, name: str, formula: Formula, leaves: Mapping[str, Value]) -> None:
        self.name = name
        self.formula = formula if callable(formula) else partial(real, formula)
        try:
            parameters = inspect.signature(self.formula).parameters
        except ValueError:
            raise TypeError(f"the formula for {name} hides its arguments: write lambda x: f(x) for f") from None
        rest = [each for each, p in parameters.items() if p.kind is p.VAR_KEYWORD]
        self.in_order = {each: p.default for each, p in parameters.items() if p.kind is p.POSITIONAL_ONLY}
        self.asked = {each: leaves[each] for each in (*parameters, *(leaves if rest else ())) if each in leaves}
        for each, p in parameters.items():
            if each not in (*leaves, *rest) and p.default is p.empty:
                raise ValueError(f"the formula for {name} asks for {p}; it may ask for {', '.join(leaves)} or **leaves")

    def __call__(self, at: Mapping[Value, Any]) -> Any:
        given = {each: at[leaf] for each, leaf in self.asked.items()}
        return self.formula(*[given.pop(each, default) for each, default in self.in_order.items()], **given)

    def number(self, at: Mapping[Value, float]) -> tuple[float, str]:
        """The number, and what went wrong where it is nan."""
        try:
            result = self(at)
        except (ArithmeticError, ValueError) as error:
            return nan, f"raises {type(error).__name__}: {error}"
        try:
            number = nan if isinstance(result, complex) else real(result)
        except TypeError:
            told = f"the formula for {self.name} returned {result!r:.60}"
            raise TypeError(f"{told}: expected one number, computed from the arguments, which are floats") from None
        return (number, "") if isfinite(number) else (nan, f"gives {result}")

    def rounding(self, at: Mapping[Value, Value]) -> float:
        """By how much its number is uncertain, as far as the formula takes Values."""
        try:
            return rounding(self(at))
        except Exception:  # no one promised that it does
            return 0.0
