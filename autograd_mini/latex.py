"""How LaTeX writes a graph, for papers and notebooks."""

import re
import unicodedata
from collections.abc import Sequence
from typing import ClassVar

from autograd_mini import rules
from autograd_mini.notation import ATOM, Notation, Written, figure, signed
from autograd_mini.rules import Rule

FUNCTIONS = {rules.sigmoid: r"\sigma"} | {
    rule: f"\\{rule.symbol}" for rule in (rules.exp, rules.log, rules.sin, rules.cos, rules.tanh)
}
SPECIAL = {special: f"\\{special}" for special in "{}$&#%_ "} | {"\\": r"\backslash ", "^": r"\hat{}", "~": r"\sim "}
# fmt: off
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma",
    "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta",
    "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Υ": "Upsilon", "Φ": "Phi", "Ψ": "Psi",
    "Ω": "Omega",
}
# fmt: on


class Latex(Notation):
    """How LaTeX writes a graph; numbers have six digits, as in every text for people."""

    signs: ClassVar = {rules.mul: r"\cdot"}

    def name(self, name: str) -> Written:
        r"""A label as a symbol: v12 is v_{12}, ŷ is \hat{y}, σ is \sigma; a word is set upright."""
        hat = re.fullmatch("([A-Za-z])\u0302", unicodedata.normalize("NFD", name))
        if hat:
            return Written(rf"\hat{{{hat[1]}}}")
        match = re.fullmatch(f"([A-Za-z]|[{''.join(GREEK)}])([0-9]*)", name)
        if match:
            letter = f"\\{GREEK[match[1]]}" if match[1] in GREEK else match[1]
            return Written(f"{letter}_{{{match[2]}}}" if match[2] else letter)
        return Written(rf"\mathrm{{{escaped(name)}}}", ATOM if name.isidentifier() else 0)

    def number(self, number: float) -> Written:
        mantissa, _, exponent = figure(number).partition("e")
        if exponent:
            return Written(rf"{mantissa} \cdot 10^{{{int(exponent)}}}", 2)
        return signed(mantissa)

    def function(self, rule: Rule, operands: Sequence[Written]) -> str:
        if rule is rules.sqrt:
            return rf"\sqrt{{{operands[0].text}}}"
        name = FUNCTIONS.get(rule, rf"\operatorname{{{escaped(rule.symbol)}}}")
        return rf"{name}\left({', '.join(operand.text for operand in operands)}\right)"

    def operator(self, rule: Rule, operands: Sequence[Written]) -> str:
        if rule is rules.div:
            return rf"\frac{{{operands[0].text}}}{{{operands[1].text}}}"
        if rule is rules.power:
            return f"{operands[0].bracketed(ATOM)}^{{{operands[1].text}}}"
        return super().operator(rule, operands)


def escaped(text: str) -> str:
    """The text as LaTeX sets it in formulas, where some characters are commands, and accents want a letter."""
    pairs = zip(f" {text}", text, strict=False)
    spelt = "".join(f"\\u{ord(b):04x}" if unicodedata.combining(b) and not a.isalnum() else b for a, b in pairs)
    return "".join(SPECIAL.get(character, character) for character in spelt)
