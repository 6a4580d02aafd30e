"""Diagram: a graphviz.Digraph that shows itself as a picture where Graphviz is installed, and as text where it is not.

The only file that imports graphviz. draw() imports it when it is called, so that nothing else needs the package.
"""

from base64 import b64encode
from pathlib import Path
from typing import Any

import graphviz

PICTURES = graphviz.FORMATS - {"dot", "gv"}  # what the name of a file may end in that is not to hold the DOT text
HOW_TO_INSTALL = "sudo apt install graphviz, brew install graphviz or winget install graphviz"


class DotNotFoundError(graphviz.ExecutableNotFound):
    """Graphviz, the program that draws, is not installed."""

    def __init__(self, consequence: str) -> None:
        text = f"The program `dot` was not found, so {consequence}. Install Graphviz and try again: {HOW_TO_INSTALL}."
        RuntimeError.__init__(self, f"{text} (`pip install graphviz` installs only what calls it from Python.)")


class Diagram(graphviz.Digraph):
    """A diagram of a computation graph, as draw() makes it.

    A notebook shows the picture, no wider than its column. ``render("C.svg")`` draws it to a file, and so it does PNG
    and PDF; ``pipe(format="png")`` returns the picture as bytes. ``source`` is the DOT text, ``save("C.dot")`` writes
    that to a file. Where Graphviz is not installed, a notebook shows the graph as text, as the Python prompt does
    everywhere; ``render`` and ``pipe`` raise DotNotFoundError.
    """

    text = ""  # what tree() prints

    def __repr__(self) -> str:
        return self.text or self.source  # a copy has no text

    def svg(self) -> str | None:
        """The picture as SVG, or None where Graphviz is not installed."""
        try:
            return str(super().pipe(format="svg", encoding="utf-8"))
        except graphviz.ExecutableNotFound:
            return None

    def image(self, limits: str = "max-width: 100%") -> str | None:
        """The picture for a web page, no larger than its style says, or None where Graphviz is not installed.

        The <svg> itself would not shrink in every notebook, and not be shown in one that is not trusted.
        """
        svg = self.svg()
        if svg is None:
            return None
        data = b64encode(svg.encode()).decode()
        return f'<img alt="computation graph" style="{limits}" src="data:image/svg+xml;base64,{data}">'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = (), **_: Any) -> dict[str, bytes | str]:
        image = self.image()
        hint = f"(A notebook shows a picture here once Graphviz is installed: {HOW_TO_INSTALL}.)"
        bundle = {"text/plain": repr(self), "text/html": image} if image else {"text/plain": f"{self!r}\n{hint}"}
        return {kind: bundle[kind] for kind in bundle if kind in (include or bundle) and kind not in (exclude or ())}

    def pipe(self, *args: Any, **kwargs: Any) -> Any:
        """The picture as bytes, or as a str where an encoding is given: see graphviz.Digraph.pipe."""
        try:
            return super().pipe(*args, **kwargs)
        except graphviz.ExecutableNotFound:
            raise DotNotFoundError("there is no picture") from None

    def render(self, filename: Any = None, directory: Any = None, **kwargs: Any) -> str:
        """Draw the diagram to a file and return its path: ``render("C.png")``, and see graphviz.Digraph.render.

        Raises DotNotFoundError where Graphviz is not installed; the DOT text has been saved then, for another machine.
        """
        if Path(filename or "").suffix[1:] in PICTURES:
            kwargs = {"outfile": Path(directory or "", filename), "cleanup": True, **kwargs}
            filename = directory = None
        try:
            return str(super().render(filename, directory=directory, **kwargs))
        except graphviz.ExecutableNotFound:
            source = Path(self.filepath)
            saved = source.replace(f"{str(source).removesuffix('.gv').removesuffix('.dot')}.dot")
            raise DotNotFoundError(f"nothing was drawn; the graph itself was saved to {saved}") from None
