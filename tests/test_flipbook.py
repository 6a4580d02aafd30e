"""flipbook(): one web page that steps through both passes, driven here in a headless Chromium where there is one."""

import html
import json
import math
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from pictures import svgs
from random_graphs import RULES, random_graph
from worked_neuron import recorded_neuron

from autograd_mini import Rule, StaleGraphError, Value, Walk, draw, exp, flipbook, log, sqrt, tanh, tree
from autograd_mini.backprop import backward_pass
from autograd_mini.drawing import _figure as figure
from autograd_mini.graph import Graph
from autograd_mini.neuron import LEARNING_RATE

LEFT, RIGHT, HOME, END, ENTER, SPACE = (
    "\ue012",
    "\ue014",
    "\ue011",
    "\ue010",
    "\ue007",
    " ",
)  # as WebDriver has the keys

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
HOSTILE = [
    "</script><script>hacked = 1</script>",
    "<img src=x onerror='hacked = 1'>",
    "<!--<script>",
    "$title ${hacked = 1} $$",
    "\"quotes' `ticks`",
    "line\u2028separator\u2029",
    "back\\slash \\n \\",
    "{0} · {1}",
    "two  spaces (2nd)",
    "&lt;b&gt;",
    "\ud800",
]


def hostile_graph():
    leaves = [Value(1.0 + number, label) for number, label in enumerate(HOSTILE)]
    total = sum((leaf * leaf).named(f"{leaf.label}²") for leaf in leaves)
    return total.named("</title>" + HOSTILE[0]), leaves


def three_uses():
    """A value used three times: squared, in an exponential, and in a logarithm."""
    t = Value(2.0, "t")
    return ((t * t).named("a") * exp(-t) + log(t)).named("D"), t


# ---------------------------------------------------------------------------------------------------------- the file


def test_it_writes_the_page_where_it_is_told(C, tmp_path):
    book = flipbook(C)
    assert not list(tmp_path.iterdir())
    assert book.save(tmp_path / "1.html") == tmp_path / "1.html"
    assert flipbook(C, str(tmp_path / "2.html")).page == book.page
    assert [path.read_text(encoding="utf-8") for path in sorted(tmp_path.iterdir())] == [book.page, book.page]


@pytest.mark.parametrize("broken", ["os.replace", "pathlib.Path.write_text"])
def test_a_write_error_leaves_the_page_that_was_there(broken, C, tmp_path, monkeypatch):
    path = tmp_path / "C.html"
    path.write_text("the page before", encoding="utf-8")

    def fail(*args, **kwargs):
        raise OSError("no room")

    monkeypatch.setattr(broken, fail)
    with pytest.raises(OSError, match="no room"):
        flipbook(C, path)
    assert path.read_bytes() == b"the page before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("dot", [pytest.param(True, marks=needs_dot), False])
def test_the_page_needs_nothing_else_and_repeats_no_id(dot, C, monkeypatch):
    if not dot:
        monkeypatch.setenv("PATH", "")
    page = flipbook(C).page
    addresses = set(re.findall(r"https?://[^\"' ]*", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names, not places
    assert not re.search(r"\b(src|href)=|@import|url\((?!#)", page)
    identities = re.findall(r' id="([^"]*)"', page)
    assert len(identities) == len(set(identities)) > 10


@needs_dot
def test_the_page_of_the_neuron_is_small(C, leaves):
    assert len(flipbook(C, parameters=leaves[:2]).page.encode()) < 70_000


@needs_dot
def test_the_page_in_the_docs_is_the_one_the_example_makes(tmp_path):
    root = Path(__file__).parent.parent
    example = [sys.executable, root / "examples" / "draw_pictures.py", tmp_path]
    subprocess.run(example, env={**os.environ, "PYTHONPATH": str(root)}, check=True, capture_output=True)
    pages = [(folder / "neuron.html").read_text(encoding="utf-8") for folder in (tmp_path, root / "docs")]
    # Another version of dot may place things otherwise.
    made, kept = (re.sub(r"<svg.*?</svg>", "", page, count=1, flags=re.DOTALL) for page in pages)
    assert made == kept
    made, kept = (sorted(re.findall(r"<text[^>]*>([^<]*)</text>", page)) for page in pages)
    assert made == kept
    assert len(made) > 50


def test_it_leaves_the_gradients_as_they_are(C, leaves, monkeypatch):
    monkeypatch.setenv("PATH", "")
    page = flipbook(C).page
    for number, leaf in enumerate(leaves):
        leaf.grad = float(number)
    assert flipbook(C).page == page
    assert [leaf.grad for leaf in leaves] == [0, 1, 2, 3]


def test_what_has_no_gradient_has_no_flipbook(C, leaves, tmp_path):
    with pytest.raises(ZeroDivisionError, match="is not differentiable"):
        flipbook(sqrt(Value(0.0, "x")), tmp_path / "page.html")
    with pytest.raises(ValueError, match="is not a leaf"):
        flipbook(C, tmp_path / "page.html", parameters=[Value(1.0)])
    leaves[0].data = 1.0
    with pytest.raises(StaleGraphError):
        flipbook(C, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------------------- the notebook


def test_the_prompt_shows_the_tree(C, monkeypatch):
    monkeypatch.setenv("PATH", "")
    book = flipbook(C)
    C.backward()
    assert repr(book).startswith(f"{tree(C)}\n")
    # IPython asks for this one in a terminal too.
    assert not hasattr(book, "_repr_mimebundle_")


# -------------------------------------------------------------------------------------------------------- the browser


# Sets a page back to what it was when it was opened, and says whether that is so.
BEGIN_AGAIN = """
  history.replaceState(null, '', location.pathname + location.search);
  document.activeElement.blur();
  find('#ask').checked = false;
  find('#rate').value = find('#rate').defaultValue;
  state.trained = new Set(graph.parameters);
  for (const [leaf, {field}] of rows) field.nextSibling.checked = state.trained.has(leaf);
  state.selected = null;
  find('#sum').replaceChildren();
  picture.style.scrollBehavior = 'auto';
  goTo(0);
  reset();
  picture.scrollTo(0, 0);
  scrollTo(0, 0);
  const inputs = [...document.querySelectorAll('input')].map(({value, checked}) => [value, checked]);
  const present = document.body.innerHTML + JSON.stringify([state, inputs]);
  window.opened ??= present;
  return opened === present"""


class Browser:
    """A headless Chromium, driven over the WebDriver protocol: JSON over HTTP."""

    def __init__(self, port: int, profile: Path) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.session = ""
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        options = {"args": [*flags, f"--user-data-dir={profile}"]}
        wishes = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wishes}})
        self.session = f"/session/{session['sessionId']}"
        self.opened = 0
        self.tab = self.first_tab = self.call("GET", "/window")
        self.tabs = {}  # of the pages that stay open

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        self.connection.request(method, self.session + path, data, {"Content-Type": "application/json"})
        with self.connection.getresponse() as response:
            answer = json.load(response)["value"]
        assert response.status == 200, answer
        return answer

    def turn_to(self, tab):
        if tab != self.tab:
            self.call("POST", "/window", {"handle": tab})
            self.tab = tab

    def open(self, path, step=None):
        self.turn_to(self.first_tab)
        self.opened += 1  # or another step of the same page would not be loaded again
        self.call("POST", "/url", {"url": f"{path.as_uri()}?{self.opened}" + ("" if step is None else f"#{step}")})
        return self

    def keep_open(self, path):
        """A page in a tab of its own. It is loaded once: the next time it is set back to its beginning."""
        if path not in self.tabs:
            self.tabs[path] = self.call("POST", "/window/new", {"type": "tab"})["handle"]
            self.turn_to(self.tabs[path])
            self.emulate("setFocusEmulationEnabled", enabled=True)
            self.call("POST", "/url", {"url": path.as_uri()})
        self.turn_to(self.tabs[path])
        assert self.run(BEGIN_AGAIN)
        return self

    def run(self, script, *arguments):
        """What the script returns, by way of JSON: there NaN and undefined are None."""
        script = f"return JSON.stringify((() => {{ {script} }})() ?? null)"
        return json.loads(self.call("POST", "/execute/sync", {"script": script, "args": arguments}))

    def press(self, *keys):
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def mouse(self, selector, *kinds):
        """Events of the mouse where the element stands: who is covered by another gets none."""
        x, y = self.run(f"""
          const element = document.querySelector('{selector}');
          element.scrollIntoView({{block: 'center'}});
          const {{x, y, width, height}} = element.getBoundingClientRect();
          return [x + width / 2, y + height / 2]""")
        for kind in kinds:
            self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def click(self, selector):
        self.mouse(selector, "mousePressed", "mouseReleased")

    def type(self, selector, text):
        self.click(selector)
        self.run(f"document.querySelector('{selector}').select()")
        self.press(*text)

    def text(self, selector):
        return self.run(f"return document.querySelector('{selector}').innerText")

    def lines(self, selector):
        return [line for line in self.text(selector).split("\n") if line]

    def command(self, name, **parameters):
        self.call("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def emulate(self, name, **parameters):
        self.command(f"Emulation.{name}", **parameters)

    def complaints(self):
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"})]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if shutil.which("chromedriver") is None:
        pytest.skip("there is no Chromium to drive")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1500):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=60).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.02)
        browser = Browser(port, tmp_path_factory.mktemp("profile"))
        yield browser
        browser.call("DELETE", "")
    finally:
        driver.terminate()
        driver.wait()


@pytest.fixture
def browser(chromium):
    """The browser, in which no page may complain."""
    yield chromium
    assert chromium.complaints() == []


@pytest.fixture(params=[pytest.param(True, marks=needs_dot, id="dot"), pytest.param(False, id="no dot")])
def dot(request, monkeypatch):
    """With dot, and as if there were none. (Chromium is running by then.)"""
    if not request.param:
        monkeypatch.setenv("PATH", "")
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("neuron")


@pytest.fixture
def page(browser, C, leaves, folder):
    """The page of the neuron, at its beginning: with a picture, or without dot with a tree."""
    path = folder / ("picture.html" if shutil.which("dot") else "tree.html")
    if not path.exists():
        flipbook(C, path, parameters=leaves[:2])
    return browser.keep_open(path)


def cards(page):
    """The value and the gradient of each node, as they stand in the picture."""
    shown = page.run("return cards.map(({value, gradient}) => [value.textContent, gradient.textContent])")
    return [tuple(card) for card in shown]


# ----------------------------------------------------------------------------------------------------------- stepping


def forward_steps(C):
    return [node for node in Graph(C).order if node.operands]


def test_the_picture_shows_the_forward_pass_value_by_value(dot, page, C):
    order = Graph(C).order
    names = Graph(C).gradient_name
    for position in range(len(forward_steps(C)) + 1):
        known = {node for node in order if not node.operands} | set(forward_steps(C)[:position])
        assert cards(page) == [(figure(node.data) if node in known else "?", f"{names(node)} = ?") for node in order]
        page.press(RIGHT)
    assert cards(page)[-1] == (figure(C.data), "∂C/∂C = 1")  # the seed
    assert [gradient[-1] for _, gradient in cards(page)[:-1]] == ["?"] * (len(order) - 1)


def test_a_step_forward_in_words(page):
    page.press(RIGHT, RIGHT)
    told = ["Step 2 of 13: forward", "v2 = v1 + b", "= 1.5 + 2 = 3.5", "∂v2/∂v1 = 1", "∂v2/∂b = 1"]
    assert page.lines("#step") == told


def test_negative_numbers_stand_in_brackets_where_they_must(page):
    page.run("setLeaf(1, -1); setLeaf(2, -3); setLeaf(4, -4)")
    sums = page.run(
        "return [1, 2, 3, 4, 5].map(at => { goTo(at); return find('#step').innerText.split('\\n\\n')[2]; })"
    )
    assert sums == [
        "= −1 · (−3) = 3",
        "= 3 + (−4) = −1",
        "= σ(−1) = 0.2689",
        "= 0 − 0.2689 = −0.2689",
        "= (−0.2689)² = 0.07233",
    ]


@needs_dot
@pytest.mark.parametrize("graph", [recorded_neuron, three_uses])
def test_the_backward_pass_is_that_of_draw_and_walk(graph, browser, tmp_path):
    C = graph()[0]
    flipbook(C, tmp_path / "C.html")
    forward = len(forward_steps(C))
    page = browser.open(tmp_path / "C.html", step=forward + 1)
    walk = Walk(C)
    pictures = svgs([draw(C, walk=walk, rankdir="BT") for _ in walk])
    for step, svg in zip(walk.goto(0), pictures, strict=True):
        page.press(RIGHT)
        # All texts of all cards and arrows, and what is lit.
        drawn = [
            (" lit" in group, html.unescape("".join(re.findall(r"<text[^>]*>([^<]*)<", group))))
            for group in re.findall(r'<g id="(?:node|edge).*?</g>', svg, flags=re.DOTALL)
        ]
        groups = page.run("""return [...document.querySelectorAll('#picture .node, #picture .edge')].map(group =>
            [group.matches('.node.lit'), [...group.querySelectorAll('text')].map(text => text.textContent).join('')])""")
        assert [(lit, "".join(text.split())) for lit, text in groups] == [
            (lit, "".join(text.split())) for lit, text in drawn
        ]
        lit = page.run("return document.querySelectorAll('.edge.lit.backward').length")
        assert lit == len(step.contributions)
        # And the numbers of the step.
        said = page.lines("#step")
        for each in step.contributions:
            partial = f"({figure(each.partial)})" if each.partial < 0 else figure(each.partial)
            assert f"= {figure(each.upstream)} × {partial} = {figure(each.contribution)}" in said
            if each.before is not None:
                so_far = " so far" if each.operand in walk.unfinished else ""
                assert f"was {figure(each.before)}, now {figure(each.after)}{so_far}" in said
    assert page.text("#position") == f"{2 * forward + 1} / {2 * forward + 1}"


def test_a_step_backward_in_words(page):
    page.press(END, LEFT)
    assert page.lines("#step") == [
        "Step 12 of 13: backward",
        "v2 = v1 + b: its gradient ∂C/∂v2 = 0.02762 is complete. "
        "Multiplied by the local derivative, it is added to that of each operand.",
        "∂C/∂v1 += ∂C/∂v2 × ∂v2/∂v1",
        "= 0.02762 × 1 = 0.02762",
        "∂v2/∂v1 = 1",
        "∂C/∂b += ∂C/∂v2 × ∂v2/∂b",
        "= 0.02762 × 1 = 0.02762",
        "∂v2/∂b = 1",
    ]


def test_keys_buttons_and_slider_go_through_the_steps(page):
    def at():
        return page.text("#position")

    assert at() == "0 / 13"
    page.press(LEFT)
    assert at() == "0 / 13"
    page.press(RIGHT, RIGHT, RIGHT, LEFT)
    assert at() == "2 / 13"
    page.press(END, RIGHT)
    assert at() == "13 / 13"
    page.press(HOME)
    assert at() == "0 / 13"
    page.click("#next")
    page.click("#next")
    page.click("#back")
    assert at() == "1 / 13"
    page.click("#slider")  # its middle; an arrow key that would move the slider still does one step
    assert at() in ("6 / 13", "7 / 13")
    page.run("const slider = find('#slider'); slider.value = 5; slider.dispatchEvent(new Event('input'))")
    assert at() == "5 / 13"
    page.press(RIGHT)
    assert at() == "6 / 13"
    page.click("#leaves input[type=checkbox]")
    page.press(RIGHT)
    assert at() == "7 / 13"
    page.click("#leaves input[type=number]")  # the keys are its own
    page.press(LEFT, HOME)
    assert at() == "7 / 13"


def test_the_address_opens_a_step(browser, C, tmp_path):
    flipbook(C, tmp_path / "C.html")
    page = browser.open(tmp_path / "C.html", step=3)
    assert page.text("#position") == "3 / 13"
    for address, position in (("9", 9), ("x", 0), ("3.5", 3), ("99", 13)):
        page.run(f"location.hash = '{address}'")
        for _ in range(500):
            if page.text("#position") == f"{position} / 13":
                break
            time.sleep(0.002)
        assert page.text("#position") == f"{position} / 13"


def test_ask_me_first_covers_each_result_until_the_next_step(page):
    page.press(END, LEFT)
    before, after = cards(page), None
    page.press(RIGHT)
    after = cards(page)
    page.press(LEFT)
    page.click("#ask")
    page.press(RIGHT)
    assert page.text("#position") == "13 / 13"
    assert cards(page) == before
    covered = page.lines("#step")
    assert "= 0.02762 × 3 = ?" in covered
    assert "∂v1/∂w = x = 3" in covered  # the first help
    page.press(RIGHT)
    assert cards(page) == after != before
    assert "= 0.02762 × 3 = 0.08286" in page.lines("#step")
    page.press(HOME, RIGHT)
    assert "= 0.5 · 3 = ?" in page.lines("#step")
    page.press(RIGHT)
    assert page.text("#position") == "1 / 13"
    assert "= 0.5 · 3 = 1.5" in page.lines("#step")
    page.press(RIGHT, LEFT)  # back from a covered step
    assert page.text("#position") == "1 / 13"
    assert "?" not in page.text("#step")


def test_a_card_shows_its_gradient_as_a_sum(browser, dot, tmp_path):
    D, t = three_uses()
    flipbook(D, tmp_path / "D.html")
    page = browser.open(tmp_path / "D.html")
    forward, number = len(forward_steps(D)), Graph(D).order.index(t)

    def sums():
        return page.lines("#sum")

    assert not page.run("return find('#sum').checkVisibility()")
    page.run(f"cards[{number}].element.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
    symbols = "∂D/∂t = ∂D/∂v4 × ∂v4/∂t + ∂D/∂v1 × ∂v1/∂t + ∂D/∂a × ∂a/∂t (1st) + ∂D/∂a × ∂a/∂t (2nd)"
    assert sums() == ["The gradient of t", symbols, "= ? × ? + ? × ? + ? × ? + ? × ?", "= ?"]
    page.run(f"goTo({forward + 3})")
    assert sums()[2:4] == ["= 1 × 0.5 + ? × (−1) + ? × 2 + ? × 2", "= 0.5 so far"]
    assert "∂a/∂t (1st) = t = 2" in sums()
    page.press(END)
    D.backward()
    assert sums()[3] == f"= {figure(t.grad)}"
    page.run(f"cards[{number}].element.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
    assert not page.run("return find('#sum').checkVisibility()")
    # The keyboard reaches every card.
    page.run(f"cards[{number}].element.focus()")
    page.press(ENTER)
    assert sums()[0] == "The gradient of t"
    page.press(SPACE)
    assert not page.run("return find('#sum').checkVisibility()")
    page.run(f"cards[{len(Graph(D).order) - 1}].element.focus()")
    page.press(ENTER)
    assert sums() == ["The gradient of D", "∂D/∂D = 1: here the backward pass begins"]


def test_a_screen_reader_hears_every_card(dot, page):
    page.press(END)
    labels = page.run("return cards.map(({element}) => element.getAttribute('aria-label'))")
    assert labels[1] == "w, parameter: value 0.5, ∂C/∂w = 0.08286"
    assert labels[-1] == "C, output: value 0.4711, ∂C/∂C = 1"
    assert page.run("return cards.every(({element}) => element.tabIndex === 0 && element.role === 'button')")


# ------------------------------------------------------------------------------------------------------ other numbers


def in_engine(C, numbers):
    """What the engine finds for these numbers of the leaves: values, local derivatives, gradients; None for an error."""
    graph = Graph(C)
    try:
        new = graph.replay(lambda leaf: Value(numbers[leaf]))
        new[C].backward()
    except (ArithmeticError, ValueError):
        return None
    nodes = [new[node] for node in graph.order]
    return [node.data for node in nodes], [list(node.partials) for node in nodes], [node.grad for node in nodes]


def in_page(page, C, points):
    """What the page finds, at each of the points."""
    order = Graph(C).order
    return page.run(
        """return arguments[0].map(point => {
          setLeaves(point, []);
          const {values, partials, gradients} = state.numbers;
          return {values, gradients, problem: find('#problem').textContent, text: find('main').textContent,
            partials: partials.map((each, i) => each.map((partial, k) => 'node' in nodes[i].operands[k] ? partial : null))};
        })""".replace("arguments[0]", json.dumps([[point.get(node) for node in order] for point in points]))
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_page_computes_what_the_engine_computes(seed, browser, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    C, leaves = random_graph(seed, 30)
    assert {node.rule for node in Graph(C).order if node.operands} == set(RULES)
    flipbook(C, tmp_path / "C.html")
    page = browser.open(tmp_path / "C.html", step=2 * len(forward_steps(C)) + 1)
    rng = random.Random(seed)
    points = [{leaf: leaf.data * rng.uniform(0.9, 1.1) for leaf in leaves} for _ in range(40)]
    points += [{leaf: rng.uniform(-3.0, 3.0) for leaf in leaves} for _ in range(10)]
    defined = 0
    for point, found in zip(points, in_page(page, C, points), strict=True):
        assert "NaN" not in found["text"]
        expected = in_engine(C, point)
        assert (expected is None) == bool(found["problem"])
        if expected is not None:
            defined += 1
            values, partials, gradients = expected
            assert found["values"] == pytest.approx(values, rel=1e-9)
            assert found["gradients"] == pytest.approx(gradients, rel=1e-9, abs=1e-14)
            for mine, theirs in zip(found["partials"], partials, strict=True):
                assert [each is None for each in mine] == [each is None for each in theirs]
                assert [each or 0 for each in mine] == pytest.approx([each or 0 for each in theirs], rel=1e-9)
    assert defined >= 40


@pytest.mark.parametrize("recorded", [(2.0, 3.0), (0.0, 3.0), (2.0, 0.0)])
def test_powers_at_the_borders_of_their_domain(recorded, browser, tmp_path, monkeypatch):
    """The rules of a ** b choose by the numbers they are given: the page must not keep what was chosen when recorded."""
    monkeypatch.setenv("PATH", "")
    a, b = (Value(number, label) for number, label in zip(recorded, "ab", strict=True))
    C = a**b * 3
    flipbook(C, tmp_path / "C.html")
    page = browser.open(tmp_path / "C.html")
    points = [{a: x, b: y} for x in (-2.0, 0.0, 0.5, 2.0) for y in (-1.0, 0.0, 0.5, 1.0, 2.0, 3.0)]
    outcomes = [(in_engine(C, point), found) for point, found in zip(points, in_page(page, C, points), strict=True)]
    assert [not found["problem"] for _, found in outcomes] == [expected is not None for expected, _ in outcomes]
    for expected, found in outcomes:
        if expected is not None:
            assert found["values"] == pytest.approx(expected[0])
            assert found["gradients"] == pytest.approx(expected[2])


def test_constants_of_every_kind(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    x = Value(2.0, "x")
    C = (x / math.inf + x * 1e300 * 1e-300 - -0.5 * x**-1.5 - (-2.0 - x)).named("C")
    flipbook(C, tmp_path / "C.html")
    points = [{x: 2.0}, {x: 1.5}, {x: -1.0}]
    for point, found in zip(points, in_page(browser.open(tmp_path / "C.html"), C, points), strict=True):
        expected = in_engine(C, point)
        assert (expected is None) == bool(found["problem"])
        if expected is not None:
            assert found["values"] == pytest.approx(expected[0])
            assert found["gradients"] == pytest.approx(expected[2])


def test_a_leaf_alone(browser, dot, tmp_path):
    flipbook(Value(2.0, "x"), tmp_path / "x.html")
    page = browser.open(tmp_path / "x.html")
    assert cards(page) == [("2", "∂x/∂x = ?")]
    page.press(RIGHT)
    assert cards(page) == [("2", "∂x/∂x = 1")]
    page.type("#leaves input[type=number]", "3")
    assert cards(page) == [("3", "∂x/∂x = 1")]


def test_four_digits_are_those_of_python(page):
    rng = random.Random(0)
    numbers = [rng.choice((-1, 1)) * rng.uniform(1, 10) * 10.0 ** rng.randint(-12, 12) for _ in range(2000)]
    numbers += [k / 2**j for k in range(-300, 300) for j in (0, 3, 4, 5, 13)]  # many in the middle between two
    numbers += [0.0, -0.0, 9999.5, 99995.0, 0.000099995, 0.00012345, 1e22, 5e-324, 1.7e308, 12345.0, 12355.0]
    assert page.run(f"return {json.dumps(numbers)}.map(figure)") == [*map(figure, numbers)]


def test_sliders_and_fields_move_the_leaves(dot, page, C, leaves):
    w = leaves[0]
    page.press(END)
    page.type("#leaves input[type=number][aria-label=w]", "-1.25")
    values, _, gradients = in_engine(C, {**{leaf: leaf.data for leaf in leaves}, w: -1.25})
    order = Graph(C).order
    names = Graph(C).gradient_name
    assert cards(page) == [
        (figure(value), f"{names(node)} = {figure(gradient)}")
        for node, value, gradient in zip(order, values, gradients, strict=True)
    ]
    page.run("""const slider = find('#leaves input[type=range][aria-label=w]');
      slider.focus(); slider.value = 1; slider.dispatchEvent(new Event('input'))""")
    assert cards(page)[order.index(w)][0] == "1"
    assert page.run("return find('#leaves input[type=number][aria-label=w]').value") == "1"
    page.type("#leaves input[type=number][aria-label=w]", "-")  # not a number yet
    assert cards(page)[order.index(w)][0] == "1"
    page.click("#reset")
    assert cards(page)[order.index(w)][0] == "0.5"
    assert page.run("return state.numbers.values") == [node.data for node in order]


def test_a_domain_error_is_said_on_the_card(browser, tmp_path):
    D, t = three_uses()
    flipbook(D, tmp_path / "D.html", parameters=[t])
    page = browser.open(tmp_path / "D.html", step=13)
    page.type("#leaves input[type=number]", "-2")
    shown = dict(zip([Graph(D).names[node] for node in Graph(D).order], cards(page), strict=True))
    assert shown["v4"] == ("log(−2): error", "∂D/∂v4 = undefined")
    assert shown["D"] == ("undefined", "∂D/∂D = undefined")
    assert shown["a"] == ("4", "∂D/∂a = undefined")
    assert page.text("#problem") == "v4 = log(t): log(−2) cannot be computed."
    assert page.run("return state.numbers.partials[nodes.findIndex(({name}) => name === 'v4')]") == [None]
    assert page.run("return find('#descend').disabled")
    said = page.run("""return [...Array(14).keys()].map(at => {
      goTo(at); select(at % 6); return document.querySelector('body').innerText; })""")
    assert not [text for text in said if "NaN" in text]
    page.click("#reset")
    assert page.text("#problem") == ""
    assert not page.run("return find('#descend').disabled")


def test_a_derivative_that_does_not_exist_is_said_too(browser, C, tmp_path):
    x = Value(4.0, "x")
    flipbook(sqrt(x).named("r"), tmp_path / "r.html")
    page = browser.open(tmp_path / "r.html", step=3)
    page.type("#leaves input[type=number]", "0")
    assert cards(page) == [("0", "∂r/∂x = undefined"), ("0", "∂r/∂r = 1")]
    assert page.text("#problem") == "∂r/∂x = 0.5 / r cannot be computed at r = sqrt(0)."


def test_a_gradient_that_is_too_large_is_said_too(browser, tmp_path):
    x, y = Value(1.0, "x"), Value(1.0, "y")
    flipbook((x * y * 1e200).named("C"), tmp_path / "C.html")
    page = browser.open(tmp_path / "C.html", step=5)
    page.run("setLeaves([1e-200, 1e200], [])")
    assert [gradient for _, gradient in cards(page)] == [
        "∂C/∂x = undefined",
        "∂C/∂y = 1",
        "∂C/∂v1 = 1e+200",
        "∂C/∂C = 1",
    ]
    assert page.text("#problem") == "∂C/∂x is too large."


def test_a_row_of_ones_own_can_be_stepped_through(browser, tmp_path):
    softsign = Rule("softsign", lambda a: a / (1 + abs(a)), lambda out, a: (1 - abs(out)) ** 2)
    x = Value(1.5, "x")
    C = (softsign(x) * 2).named("C")
    flipbook(C, tmp_path / "C.html", parameters=[x])
    page = browser.open(tmp_path / "C.html")
    assert page.text("#problem").startswith("softsign: not a row of the table")
    assert page.run("return [...document.querySelectorAll('#leaves input')].every(input => input.disabled)")
    assert page.run("return find('#descend').disabled && find('#reset').disabled")
    page.press(END)
    C.backward()
    assert cards(page) == [
        (figure(node.data), f"{name} = {figure(node.grad)}")
        for node, name in zip(Graph(C).order, ("∂C/∂x", "∂C/∂v1", "∂C/∂C"), strict=True)
    ]
    assert "∂v1/∂x = (1 − abs(v1))² = 0.16" in page.lines("#step")


# ------------------------------------------------------------------------------------------------------------ descent


def test_a_hundred_steps_down_end_where_the_posts_notebook_did(page):
    assert page.run("return find('#rate').value") == str(LEARNING_RATE)
    assert page.text("#curve figcaption") == "Each step: w ← w − η · ∂C/∂w"
    page.click("#descend")
    page.run("for (let k = 1; k < 100; k++) find('#descend').click()")
    cost = page.run("return state.numbers.values[output]")
    assert cost == pytest.approx(0.08009999161826546, rel=1e-12)
    assert page.text("#curve figcaption") == "After 100 steps: C = 0.08009999."
    places = page.run(
        "return [...document.querySelectorAll('.path')].map(path => path.getAttribute('points').split(' '))"
    )
    assert [len(each) for each in places] == [101, 101]
    heights = [float(place.split(",")[1]) for place in places[0]]
    assert heights == sorted(heights)  # down all the way
    page.click("#reset")
    assert page.run("return [state.path.length, state.leafNumbers[1]]") == [1, 0.5]


def test_the_button_repeats_while_it_is_held(browser, C, leaves, tmp_path):
    flipbook(C, tmp_path / "C.html", parameters=leaves[:1])
    page = browser.open(tmp_path / "C.html")
    page.run("const wait = setTimeout; window.setTimeout = (action, time) => wait(action, time / 10)")

    def done():
        return page.run("return state.path.length - 1")

    page.mouse("#descend", "mousePressed")
    for _ in range(1000):
        if done() > 3:
            break
        time.sleep(0.01)
    page.mouse("#descend", "mouseReleased")
    assert (total := done()) > 3
    time.sleep(0.05)  # more than ten times what there is between two steps
    assert done() == total


def test_a_rate_that_is_too_large_overshoots(page, leaves):
    page.type("#leaves input[type=number][aria-label=y]", "0.5")
    page.type("#rate", "100")
    page.click("#descend")
    first, second = page.run("return state.path.map(({cost}) => cost)")
    assert second > first
    assert "It rose in 1 of them: the learning rate was too large there." in page.text("#curve figcaption")
    # The slider and the map reach out to where it went.
    w = page.run("return state.leafNumbers[1]")
    assert w < -1.5
    assert float(page.run("return find('#leaves input[type=range][aria-label=w]').min")) == w


def test_the_map_shows_the_cost_the_place_and_the_way_down(page, C, leaves):
    w, b = leaves[:2]
    a, c = (Graph(C).order.index(leaf) for leaf in (w, b))
    page.run("for (let k = 0; k < 30; k++) descend()")
    # The arrow goes on in the direction of the last step; both are drawn to the scales of the map.
    step, downhill = page.run("""
      const [from, to] = find('#map .path').getAttribute('points').split(' ').slice(-2).map(place => place.split(',').map(Number));
      const line = find('#map .downhill'), end = name => Number(line.getAttribute(name));
      return [[to[0] - from[0], to[1] - from[1]], [end('x2') - end('x1'), end('y2') - end('y1')]]""")
    assert math.atan2(*downhill) == pytest.approx(math.atan2(*step), abs=0.05)
    # Where the cost is higher, the colour is not weaker.
    strength, cost = page.run(f"""
      const image = new Image();
      const across = {{low: -1, high: 1}}, up = {{low: -2, high: 2}};
      const painted = paint({a}, {c}, across, up);
      const canvas = document.createElement('canvas');
      const fill = CanvasRenderingContext2D.prototype.fillRect, alphas = [];
      CanvasRenderingContext2D.prototype.fillRect = function () {{ alphas.push(this.globalAlpha); }};
      paint({a}, {c}, across, up);
      CanvasRenderingContext2D.prototype.fillRect = fill;
      const size = Math.sqrt(alphas.length), costs = alphas.map((_, cell) => {{
        const there = [...state.leafNumbers];
        there[{a}] = -1 + 2 * (cell % size + 0.5) / size;
        there[{c}] = 2 - 4 * (Math.floor(cell / size) + 0.5) / size;
        return forwardPass(there)[output];
      }});
      return [alphas, costs]""")
    assert len(set(strength)) == 12
    by_cost = [alpha for _, alpha in sorted(zip(cost, strength, strict=True))]
    assert by_cost == sorted(by_cost)


def test_the_map_is_there_for_two_leaves_only(page):
    ticks = [f"#leaves input[type=checkbox]:nth-of-type({n})" for n in (3, 6, 9, 12)]
    assert page.run("return !find('#map').hidden && !find('#curve').hidden")
    page.click(ticks[0])  # y as well
    assert page.run("return find('#map').hidden && !find('#curve').hidden")
    for tick in (ticks[0], ticks[1], ticks[3]):
        page.click(tick)
    assert page.run("return find('#map').hidden && find('#curve').hidden && find('#descend').disabled")


# ------------------------------------------------------------------------------------------------- labels and layout


def test_hostile_labels_neither_run_nor_break_the_page(browser, dot, tmp_path):
    C, leaves = hostile_graph()
    flipbook(C, tmp_path / "C.html", parameters=leaves[:2])
    page = browser.open(tmp_path / "C.html")
    names = Graph(C).names
    values = [*map(figure, (node.data for node in Graph(C).order))]
    page.run("for (let at = 0; at <= steps.length; at++) { goTo(at); select(at % nodes.length); }")
    C.backward()
    assert cards(page) == [
        (value, f"{Graph(C).gradient_name(node)} = {figure(node.grad)}")
        for node, value in zip(Graph(C).order, values, strict=True)
    ]
    assert page.run("return document.title") == f"backprop of {names[C]}"
    assert page.run("return [...document.querySelectorAll('#leaves b')].map(b => b.textContent)") == [
        names[leaf] for leaf in Graph(C).leaves
    ]
    if dot:  # of the two arrows from each leaf, each has its own number
        assert page.run("return new Set(arrows.flat().map(arrow => arrow && arrow.element)).size") == len(
            [*backward_pass(Graph(C), 1.0, float)]
        )
    page.run("setLeaf(0, 7); descend()")
    assert page.run("return [typeof hacked, document.scripts.length, document.images.length]") == ["undefined", 1, 0]


def contrasts(page):
    """The contrast of every text to what is behind it, by its words."""
    return page.run("""
      const luminance = colour => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const behind = element => {
        for (let at = element; at; at = at.parentElement) {
          const card = at.matches('.node') && at.querySelector('path:not([fill=none])');
          const colour = getComputedStyle(card || at)[card ? 'fill' : 'backgroundColor'];
          if (!/, 0\\)$/.test(colour)) return colour;
        }
      };
      const found = {};
      for (const element of document.querySelectorAll('body *')) {
        if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
        if (element.closest('script, style, :disabled, [hidden]')) continue;
        const style = getComputedStyle(element);
        const [a, b] = [luminance(style[element instanceof SVGElement ? 'fill' : 'color']), luminance(behind(element))];
        found[element.textContent] = Math.min(found[element.textContent] ?? 21, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
      }
      return found""")


def test_every_text_can_be_read(dot, page):
    page.click("#ask")
    grounds = []
    try:
        for scheme in ("light", "dark"):
            page.emulate("setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            grounds.append(page.run("return getComputedStyle(document.body).backgroundColor"))
            for position in (0, 3, 7, 10, 13):
                page.run(f"goTo({position - 1}); goOn(); select({position % 4})")
                found = contrasts(page)
                assert len(found) > 30
                assert not {text: ratio for text, ratio in found.items() if ratio < 4.5}
    finally:
        page.emulate("setEmulatedMedia", features=[])
    light, dark = [sum(map(int, re.findall(r"[0-9]+", ground)[:3])) for ground in grounds]
    assert light > 600 > 200 > dark


def test_the_page_fits_its_window_and_follows_the_step(dot, page):
    try:
        for width in (390, 800, 1300):
            page.emulate("setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 500)
            for position in (1, 8, 13):
                page.run(f"goTo({position})")
                assert page.run("return document.documentElement.scrollWidth <= innerWidth")
                assert page.run("""
                  const card = document.querySelector('.node.lit, .lit .text').getBoundingClientRect();
                  const {left, right, top, bottom} = picture.getBoundingClientRect();
                  return left <= card.left && card.right <= right + 1 && top <= card.top + 1 && card.bottom <= bottom + 1
                """)
    finally:
        page.emulate("clearDeviceMetricsOverride")


@needs_dot
def test_a_large_graph_can_be_stepped_through(browser, tmp_path):
    x = [Value(0.01 * k, f"x{k}") for k in range(100)]
    C = x[0]
    for leaf in x[1:]:
        C = tanh(C * leaf) if leaf is x[50] else C + leaf * 2
    flipbook(C, tmp_path / "C.html", parameters=x[:2])
    page = browser.open(tmp_path / "C.html")
    steps = 2 * len(forward_steps(C)) + 1
    assert len(Graph(C).order) > 290
    assert page.text("#position") == f"0 / {steps}"
    page.run("for (let k = 0; k < 20; k++) goOn()")
    page.press(END, LEFT, RIGHT)
    assert page.text("#position") == f"{steps} / {steps}"
    page.click("#descend")
    assert page.run("return state.path.length") == 2


def test_the_page_asks_the_network_for_nothing(page):
    page.click("#descend")
    assert page.run("return performance.getEntriesByType('resource').length") == 0


# --------------------------------------------------------------------------------------------------- in a notebook


def in_notebook(browser, tmp_path, output):
    (tmp_path / "notebook.html").write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><div id="cell"></div><script>cell.innerHTML = {json.dumps(output)}'.replace(
            "</", "<\\/"
        )
        + "</script>",
        encoding="utf-8",
    )
    return browser.open(tmp_path / "notebook.html")


def test_a_notebook_shows_the_page(browser, C, tmp_path):
    page = in_notebook(browser, tmp_path, flipbook(C)._repr_html_())
    for _ in range(500):
        if page.run("return document.querySelector('pre').hidden"):
            break
        time.sleep(0.01)
    assert page.run("return document.querySelector('pre').hidden")
    inside = "document.querySelector('iframe').contentWindow"
    page.run(f"{inside}.eval('goTo(4); setLeaf(1, 1); descend()')")
    assert page.run(f"return {inside}.document.querySelector('#position').value") == "4 / 13"


def test_a_notebook_that_is_not_trusted_shows_the_tree(browser, C, tmp_path):
    """Such a notebook removes frames and event handlers."""
    output = flipbook(C)._repr_html_()
    sanitized = re.sub(r"<iframe.*</iframe>", "", output, flags=re.DOTALL)
    assert sanitized != output
    assert "onload" not in sanitized
    page = in_notebook(browser, tmp_path, sanitized)
    assert page.text("#cell").rstrip() == repr(flipbook(C))
