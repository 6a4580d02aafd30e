"""Many diagrams drawn by one run of dot, since to start it takes longer than to draw."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable

from graphviz import Digraph


def drawn(diagrams: Iterable[Digraph], kind: str) -> str:
    """All the pictures, one behind the other."""
    sources = "".join(diagram.source for diagram in diagrams)
    command = ["dot", f"-T{kind}"]
    return subprocess.run(command, input=sources, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout


def svgs(diagrams: Iterable[Digraph]) -> list[str]:
    return re.findall(r"<svg.*?</svg>", drawn(diagrams, "svg"), flags=re.DOTALL)
