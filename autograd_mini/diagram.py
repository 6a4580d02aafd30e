"""Diagram: a graphviz.Digraph that shows itself as a picture where Graphviz is installed, and as text where it is not.

The only file that imports graphviz. draw() imports it when it is called, so that nothing else needs the package.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import graphviz


class DotNotFoundError(graphviz.ExecutableNotFound):
    """Graphviz, the program that draws, is not installed."""

    def __init__(self, consequence: str) -> None:
        RuntimeError.__init__(
            self,
            f"The program `dot` was not found, so {consequence}. Install Graphviz and try again:\n"
            "    Debian, Ubuntu  sudo apt install graphviz\n"
            "    macOS           brew install graphviz\n"
            "    Windows         winget install graphviz\n"
            "(`pip install graphviz` installs only what calls it from Python.)",
        )


class Diagram(graphviz.Digraph):
    """A diagram of a computation graph, as draw() makes it.

    ``source`` is its DOT text, ``save("C.dot")`` writes that to a file. ``render(outfile="C.svg")`` draws it, and so it
    does PNG and PDF; ``pipe(format="png")`` returns the picture as bytes. A notebook shows the picture. Where Graphviz
    is not installed, a notebook shows the graph as text, as the Python prompt does everywhere; ``render`` and ``pipe``
    raise DotNotFoundError.
    """

    text = ""  # what tree() prints

    def __repr__(self) -> str:
        return self.text or self.source  # a copy has no text

    def _repr_svg_(self) -> str | None:
        try:
            return str(super().pipe(format="svg", encoding="utf-8"))
        except graphviz.ExecutableNotFound:
            return None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any) -> dict[str, bytes | str]:
        svg = self._repr_svg_()
        picture = {} if svg is None else {"image/svg+xml": svg}
        return {"text/plain": repr(self), **picture}

    def pipe(self, *args: Any, **kwargs: Any) -> Any:
        """The picture as bytes, or as a str where an encoding is given: see graphviz.Digraph.pipe."""
        try:
            return super().pipe(*args, **kwargs)
        except graphviz.ExecutableNotFound:
            raise DotNotFoundError("there is no picture") from None

    def render(self, *args: Any, **kwargs: Any) -> str:
        """Draw the diagram to a file and return its path: see graphviz.Digraph.render.

        Raises DotNotFoundError where Graphviz is not installed; the DOT text has been saved then, for another machine.
        """
        try:
            return str(super().render(*args, **kwargs))
        except graphviz.ExecutableNotFound:
            source = Path(self.filepath)
            name = source.name if source.suffix == ".dot" else source.name.removesuffix(".gv") + ".dot"
            saved = source.replace(source.with_name(name))
            raise DotNotFoundError(f"nothing was drawn; the graph itself was saved to {saved}") from None
