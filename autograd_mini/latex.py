"""How LaTeX writes a graph: a Notation of formulas.py, for papers and notebooks."""

from __future__ import annotations

import re
import unicodedata

from autograd_mini.formulas import ATOM, STRENGTH, Notation, Written, bracketed
from autograd_mini.rules import Rule

FUNCTIONS = {"sigmoid": r"\sigma"} | {name: f"\\{name}" for name in ("exp", "log", "sin", "cos", "tanh")}
SPECIAL = {special: f"\\{special}" for special in "{}$&#%_"} | {
    "\\": r"\backslash ",
    "^": r"\hat{}",
    "~": r"\sim ",
}


class Latex(Notation):
    """How LaTeX writes a graph."""

    def quotient(self, above: str, below: str) -> str:
        return rf"\frac{{\partial {above}}}{{\partial {below}}}"

    def name(self, name: str) -> str:
        r"""A label as a symbol: v12 is v_{12}, ŷ is \hat{y}, a word is set upright."""
        if name.removeprefix("-").replace(".", "").isdigit():
            return name
        letters = unicodedata.normalize("NFD", name)
        if re.fullmatch("[A-Za-z]\u0302", letters):
            return rf"\hat{{{letters[0]}}}"
        match = re.fullmatch("([A-Za-z])_?([0-9]*)", name)
        if match:
            return f"{match[1]}_{{{match[2]}}}" if match[2] else match[1]
        return r"\mathrm{" + re.sub(r"[\\{}$&#%_^~]", lambda special: SPECIAL[special[0]], name) + "}"

    def number(self, number: float) -> str:
        text = f"{number:.6g}"
        mantissa, _, exponent = text.partition("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else text

    def factor(self, text: str) -> str:
        """One of the numbers of a product."""
        if text == "…":
            return r"\cdots"
        return f"({self.number(float(text))})" if text.startswith("-") else self.number(float(text))

    def function(self, rule: Rule, operands: list[str]) -> str:
        if rule.symbol == "sqrt":
            return rf"\sqrt{{{operands[0]}}}"
        name = FUNCTIONS.get(rule.symbol, rf"\operatorname{{{rule.symbol}}}")
        return rf"{name}\left({', '.join(operands)}\right)"

    def operation(self, rule: Rule, operands: list[Written]) -> tuple[str, int]:
        if rule.symbol == "/":
            return rf"\frac{{{operands[0][0]}}}{{{operands[1][0]}}}", STRENGTH["/"]
        if rule.symbol == "**":
            return f"{bracketed(operands[0], ATOM)}^{{{operands[1][0]}}}", STRENGTH["**"]
        text, strength = super().operation(rule, operands)
        return text.replace(" * ", r" \cdot "), strength
