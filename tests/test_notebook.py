"""examples/neuron.ipynb: its cells, executed here one after the other, answer what is stored in it."""

import ast
import contextlib
import io
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "examples" / "neuron.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]


def stored(cell):
    """The text of a cell's outputs: what it printed, and below it what its last line is."""
    texts = [output.get("text") or output["data"]["text/plain"] for output in cell["outputs"]]
    return "".join("".join(text) for text in texts)


def answered(cell, names):
    """The same from executing the cell, by the standard library alone."""
    *body, last = ast.parse("".join(cell["source"])).body
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), NOTEBOOK.name, "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), names)
            return printed.getvalue() + ("" if value is None else repr(value))
        exec(compile(ast.Module([last], []), NOTEBOOK.name, "exec"), names)
    return printed.getvalue()


def needs_matplotlib(cell):
    return any("matplotlib" in line for line in cell["source"])


def test_the_cells_answer_what_is_stored():
    names: dict = {"__name__": "__main__"}
    for number, cell in enumerate(CODE, 1):
        assert cell["execution_count"] == number
        if not needs_matplotlib(cell):
            assert answered(cell, names) == stored(cell), f"cell {number}"
    assert number > 15


def test_the_plot_is_skipped_where_matplotlib_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    (cell,) = filter(needs_matplotlib, CODE)
    assert "pip install matplotlib" in answered(cell, {})
    assert "image/png" in cell["outputs"][0]["data"]


def test_it_is_stored_with_its_pictures_and_small():
    assert NOTEBOOK.stat().st_size < 300_000
    drawings = [cell for cell in CODE if re.search(r"^(draw\(|next\(walk\))", cell["source"][-1])]
    assert len(drawings) >= 6
    for cell in drawings:
        assert "<img alt=" in "".join(cell["outputs"][-1]["data"]["text/html"])


def test_storing_it_again_changes_no_more_than_the_cells_and_what_they_answer():
    assert all(cell["metadata"] == {} for cell in CELLS)  # no times, for example
    assert '"version"' not in NOTEBOOK.read_text(encoding="utf-8")  # of the Python that executed it


@pytest.mark.parametrize("link", re.findall(r"\]\((\.\./[^)#]*)", NOTEBOOK.read_text(encoding="utf-8")))
def test_its_links_lead_somewhere(link):
    assert (NOTEBOOK.parent / link).exists()
