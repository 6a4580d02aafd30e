"""Pictures, where dot is installed: many drawn by one run of it, since to start it takes longer than to draw."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable

import pytest
from graphviz import Digraph

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def drawn(diagrams: Iterable[Digraph], kind: str) -> str:
    """All the pictures, one behind the other."""
    sources = "".join(diagram.source for diagram in diagrams)
    command = ["dot", f"-T{kind}"]
    return subprocess.run(command, input=sources, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout


def svgs(diagrams: Iterable[Digraph]) -> list[str]:
    return re.findall(r"<svg.*?</svg>", drawn(diagrams, "svg"), flags=re.DOTALL)
