"""What README.md and docs/ show is true: every session in them runs and prints what they say."""

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

import autograd_mini

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_sessions(document, tmp_path, monkeypatch):
    """The ```python blocks of a document are one session, in the order they stand in."""
    monkeypatch.chdir(tmp_path)  # where a session may write its files
    text, missing = without_sections_that_cannot_run(document.read_text(encoding="utf-8"))
    blocks = re.finditer(r"^( *)```python\n(.*?)^\1```$", text, flags=re.DOTALL | re.MULTILINE)
    # Newlines in place of the prose keep the line numbers of the document.
    session = ""
    for block in blocks:
        session += "\n" * (text.count("\n", 0, block.start(2)) - session.count("\n")) + block.group(2)
    test = doctest.DocTestParser().get_doctest(session, {}, document.name, str(document), 0)
    complaints: list[str] = []
    doctest.DocTestRunner().run(test, out=complaints.append)
    assert not complaints, "".join(complaints)
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}. The sections that import it were left out")


def without_sections_that_cannot_run(text):
    """The text with newlines in place of each "## " section that imports what is not installed; and what that is."""
    missing: dict[str, None] = {}
    sections = re.split("^(?=## )", text, flags=re.MULTILINE)
    for place, section in enumerate(sections):
        for library in re.findall(r"^ *>>> import ([\w.]+)$", section, flags=re.MULTILINE):
            try:
                importlib.import_module(library)
            except ImportError:
                missing[library] = None
                sections[place] = "\n" * section.count("\n")
    return "".join(sections), list(missing)


def test_a_section_that_imports_what_is_not_installed_is_left_out():
    first = "# A page\n>>> import re\n"
    needing = "## With a library\n>>> import no.such_library\n### More of it\n>>> such_library\n"
    last = "## Without\n>>> 1\n"
    left = first + "\n" * 4 + last
    assert without_sections_that_cannot_run(first + needing + last) == (left, ["no.such_library"])


def test_the_readme_shows_the_rule_table():
    source = (ROOT / "autograd_mini" / "rules.py").read_text(encoding="utf-8")
    table = source[source.index("#                   symbol") : source.index("# fmt: on")]
    assert table.count("Rule(") + table.count("Operator(") >= 18
    assert f"```python\n{table}```\n" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_files_in_reading_order_import_only_from_files_above():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    order = re.findall(r"^\|[^|]*\| `(\w+)\.py` \|", readme, flags=re.MULTILINE)
    sources = {path.stem: path for path in (ROOT / "autograd_mini").glob("*.py") if path.stem != "__init__"}
    assert sorted(order) == sorted(sources)
    for place, name in enumerate(order):
        for node in imports(ast.parse(sources[name].read_text(encoding="utf-8"))):
            if (node.module or "").startswith("autograd_mini"):
                modules = [node.module.partition(".")[2]] if "." in node.module else [each.name for each in node.names]
                assert set(modules) <= set(order[:place]), f"{name}.py imports {modules}"


def imports(tree):
    """The imports that run: those for type checkers alone may point downwards."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ImportFrom):
            yield node
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from imports(node)


def test_no_module_is_shadowed_by_a_function_of_its_name():
    for path in (ROOT / "autograd_mini").glob("*.py"):
        module = importlib.import_module(f"autograd_mini.{path.stem}") if path.stem != "__init__" else None
        assert module is None or getattr(autograd_mini, path.stem) is module


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        file = (document.parent / name).resolve() if name else document
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, target
