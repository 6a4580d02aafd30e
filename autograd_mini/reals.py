"""What counts as one real number, and what is said to somebody who passes anything else."""

from __future__ import annotations

import numbers
import reprlib
from collections.abc import Callable
from decimal import Decimal
from math import nan
from typing import Any, TypeAlias

Real: TypeAlias = float | numbers.Real | Decimal


def real(number: Any) -> float:
    """The number as a float: an int, a float, a Fraction, a Decimal, a NumPy scalar.

    Raises TypeError for anything else, and says what to pass instead.

    >>> real(3)
    3.0
    """
    if type(number) is float or type(number) is int:  # the general test below takes longer
        return float(number)
    if isinstance(number, (float, numbers.Real, Decimal)) and not isinstance(number, bool):
        return float(number)
    if hasattr(number, "rule"):
        hint = "its .data"
    elif isinstance(number, (bool, str)):
        hint = "float(...) of it"
    elif hasattr(number, "__len__"):
        hint = "its numbers one by one, each in a Value of its own"
    else:
        hint = "an int or a float"
    raise TypeError(f"expected a real number, not {reprlib.repr(number)} ({type(number).__name__}): pass {hint}")


def attempt(function: Callable[..., Any], *arguments: Any) -> float:
    """The number that the function gives; nan if there is none for these arguments."""
    try:
        return float(function(*arguments))
    except (ArithmeticError, TypeError, ValueError):  # the TypeError is that of a complex number
        return nan
