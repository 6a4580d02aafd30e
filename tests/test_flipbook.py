"""flipbook(): one web page that steps through both passes, driven here in a headless Chromium where there is one."""

import html
import json
import math
import random
import re
import runpy
import shutil
import socket
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from pictures import needs_dot, svgs
from random_graphs import RULES, random_graph
from worked_neuron import recorded_neuron

from autograd_mini import Rule, StaleGraphError, Value, Walk, draw, exp, flipbook, log, sqrt, tree
from autograd_mini.backprop import backward_pass
from autograd_mini.drawing import _figure as figure
from autograd_mini.graph import Graph
from autograd_mini.neuron import LEARNING_RATE

LEFT, RIGHT, HOME, END, ENTER = "\ue012\ue014\ue011\ue010\ue007"  # as WebDriver has the keys

ROOT = Path(__file__).parent.parent
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


@pytest.fixture(
    scope="module", params=[pytest.param(True, marks=needs_dot, id="dot"), pytest.param(False, id="no dot")]
)
def installed(request):
    """For the whole module: all tests with dot come before all without, and a page stays open from one to the next."""
    return request.param


@pytest.fixture
def dot(installed, monkeypatch):
    """With dot, and as if there were none."""
    if not installed:
        monkeypatch.setenv("PATH", "")
    return installed


# ------------------------------------------------------------------------------------------------------------- the file


def test_it_writes_the_page_where_it_is_told(C, no_dot):
    book = flipbook(C)
    assert not list(no_dot.iterdir())
    assert book.save(no_dot / "1.html") == no_dot / "1.html"
    assert flipbook(C, str(no_dot / "2.html")).page == book.page
    assert [path.read_text(encoding="utf-8") for path in sorted(no_dot.iterdir())] == [book.page, book.page]


@pytest.mark.parametrize("broken", ["os.replace", "pathlib.Path.write_text"])
def test_a_write_error_leaves_the_page_that_was_there(broken, C, no_dot, monkeypatch):
    path = no_dot / "C.html"
    path.write_text("the page before", encoding="utf-8")

    def fail(*args, **kwargs):
        raise OSError("no room")

    monkeypatch.setattr(broken, fail)
    with pytest.raises(OSError, match="no room"):
        flipbook(C, path)
    assert path.read_bytes() == b"the page before"
    assert list(no_dot.iterdir()) == [path]


def test_the_page_needs_nothing_else_and_repeats_no_id(dot, C, leaves):
    page = flipbook(C, parameters=leaves[:2]).page
    addresses = set(re.findall(r"https?://[^\"' ]*", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names, not places
    assert not re.search(r"\b(src|href)=|@import|url\((?!#)", page)
    identities = re.findall(r' id="([^"]*)"', page)
    assert len(identities) == len(set(identities)) > 10
    assert len(page.encode()) < 70_000


@needs_dot
def test_the_page_in_the_docs_is_the_one_the_example_makes(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["draw_pictures.py", str(tmp_path)])
    monkeypatch.setattr("autograd_mini.diagram.Diagram.render", lambda self, path: path)  # the page has its own picture
    runpy.run_path(str(ROOT / "examples" / "draw_pictures.py"))
    pages = [(folder / "neuron.html").read_text(encoding="utf-8") for folder in (tmp_path, ROOT / "docs")]
    # Another version of dot may place things otherwise.
    made, kept = (re.sub(r"<svg.*?</svg>", "", page, count=1, flags=re.DOTALL) for page in pages)
    assert made == kept
    made, kept = (sorted(re.findall(r"<text[^>]*>([^<]*)</text>", page)) for page in pages)
    assert made == kept
    assert len(made) > 50


def test_it_leaves_the_gradients_as_they_are(C, leaves, no_dot):
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


# --------------------------------------------------------------------------------------------------------- the notebook


def test_the_prompt_shows_the_tree(C, no_dot):
    book = flipbook(C)
    C.backward()
    assert repr(book).startswith(f"{tree(C)}\n")
    # IPython asks for this one in a terminal too.
    assert not hasattr(book, "_repr_mimebundle_")


# ---------------------------------------------------------------------------------------------------------- the browser


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

# The middle of an element, where nothing else may cover it.
MIDDLE = """
  const element = document.querySelector('SELECTOR');
  element.scrollIntoView({block: 'center'});
  const {left, right, top, bottom} = element.getBoundingClientRect(), [x, y] = [(left + right) / 2, (top + bottom) / 2];
  if (!element.contains(document.elementFromPoint(x, y))) throw new Error('SELECTOR is covered');"""


class Browser:
    """A headless Chromium, driven over the WebDriver protocol: JSON over HTTP. To ask takes long: ask for much at once."""

    def __init__(self, port: int, profile: Path) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.session = ""
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        flags += ["--disable-threaded-compositing"]  # its threads wait for each other more than they draw
        options = {"args": [*flags, f"--user-data-dir={profile}"]}
        wishes = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wishes}})
        self.session = f"/session/{session['sessionId']}"
        self.opened = 0
        self.path = None

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        self.connection.request(method, self.session + path, data, {"Content-Type": "application/json"})
        with self.connection.getresponse() as response:
            answer = json.load(response)["value"]
        assert response.status == 200, answer
        return answer

    def open(self, path, step=None):
        self.path = path
        self.opened += 1  # or another step of the same page would not be loaded again
        self.call("POST", "/url", {"url": f"{path.as_uri()}?{self.opened}" + ("" if step is None else f"#{step}")})
        return self

    def begin(self, path):
        """The page at its beginning: it is set back to it where it is open."""
        if self.path != path:
            self.open(path)
        assert self.run(BEGIN_AGAIN)
        return self

    def run(self, script):
        """What the script returns, by way of JSON: there NaN and undefined are None."""
        script = f"return JSON.stringify((() => {{ {script} }})() ?? null)"
        return json.loads(self.call("POST", "/execute/sync", {"script": script, "args": []}))

    def press(self, *keys):
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def mouse(self, selector, *kinds):
        x, y = self.run(MIDDLE.replace("SELECTOR", selector) + "return [x, y]")
        for kind in kinds:
            self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def click(self, *selectors):
        """What a mouse comes to, and quicker: the focus and the click."""
        for selector in selectors:
            self.run(MIDDLE.replace("SELECTOR", selector) + "element.focus(); element.click()")

    def type(self, selector, text):
        self.run(MIDDLE.replace("SELECTOR", selector) + "element.focus(); element.select()")
        self.press(*text)

    def text(self, selector):
        return self.run(f"return find('{selector}').innerText")

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture
def begin(browser, folder):
    """Opens the page of a graph at its beginning: with a picture, or without dot with a tree."""

    def begin(graph):
        path = folder / f"{graph.__name__}, {'picture' if shutil.which('dot') else 'tree'}.html"
        if not path.exists():
            output, *leaves = graph()
            flipbook(output, path, parameters=leaves[:2])
        return browser.begin(path)

    return begin


@pytest.fixture
def page(begin):
    """The page of the neuron."""
    return begin(recorded_neuron)


def cards(page):
    """The value and the gradient of each node, as they stand in the picture."""
    shown = page.run("return cards.map(({value, gradient}) => [value.textContent, gradient.textContent])")
    return [tuple(card) for card in shown]


# ------------------------------------------------------------------------------------------------------------- stepping


def forward_steps(C):
    return [node for node in Graph(C).order if node.operands]


def test_the_picture_shows_the_forward_pass_value_by_value(dot, page, C):
    graph, steps = Graph(C), forward_steps(C)
    for position in range(len(steps) + 1):
        unknown = steps[position:]
        assert cards(page) == [
            ("?" if node in unknown else figure(node.data), f"{graph.gradient_name(node)} = ?") for node in graph.order
        ]
        page.run("goOn()")
    assert cards(page)[-1] == (figure(C.data), "∂C/∂C = 1")  # the seed
    assert [gradient[-1] for _, gradient in cards(page)[:-1]] == ["?"] * (len(graph.order) - 1)
    assert page.run("return document.querySelectorAll('.lit').length") == 1  # no arrow


def test_a_step_forward_in_words(page):
    page.press(RIGHT, RIGHT)
    told = ["Step 2 of 13: forward", "v2 = v1 + b", "= 1.5 + 2 = 3.5", "∂v2/∂v1 = 1", "∂v2/∂b = 1"]
    assert page.lines("#step") == told


def test_negative_numbers_stand_in_brackets_where_they_must(page):
    sums = page.run("""
      setLeaf(1, -1); setLeaf(2, -3); setLeaf(4, -4);
      const sum = at => { goTo(at); return find('#step').innerText.split('\\n\\n')[2]; };
      return [...[1, 2, 3, 4, 5].map(sum), (setLeaf(2, 0), sum(1))]""")
    assert sums == [
        "= −1 · (−3) = 3",
        "= 3 + (−4) = −1",
        "= σ(−1) = 0.2689",
        "= 0 − 0.2689 = −0.2689",
        "= (−0.2689)² = 0.07233",
        "= −1 · 0 = 0",
    ]


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
    page.click("#next", "#next", "#back")
    assert at() == "1 / 13"
    page.mouse("#slider", "mousePressed", "mouseReleased")  # its middle; an arrow key still does one step
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
    page.run(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft', altKey: true, bubbles: true}))"
    )
    assert at() == "7 / 13"  # to go back to another page


def test_the_address_opens_a_step(page):
    for address, position in (("9", 9), ("x", 0), ("3.5", 3), ("99", 13)):
        page.run(f"location.hash = '{address}'")
        for _ in range(500):
            if page.text("#position") == f"{position} / 13":
                break
            time.sleep(0.002)
        assert page.text("#position") == f"{position} / 13"


def test_ask_me_first_covers_each_result_until_the_next_step(page):
    page.press(END, LEFT)
    before = cards(page)
    page.press(RIGHT)
    after = cards(page)
    page.press(LEFT)
    page.click("#ask")
    page.press(RIGHT)
    assert page.text("#position") == "13 / 13"
    assert not page.run("return find('#next').disabled")
    assert cards(page) == before
    covered = page.lines("#step")
    assert "= 0.02762 × 3 = ?" in covered
    assert "∂v1/∂w = x = 3" in covered  # the first help
    page.press(RIGHT)
    assert cards(page) == after != before
    assert page.run("return find('#next').disabled")
    assert "= 0.02762 × 3 = 0.08286" in page.lines("#step")
    page.press(HOME, RIGHT)
    assert page.lines("#step")[2:] == ["= 0.5 · 3 = ?", "Find what is covered, then press →."]
    page.press(RIGHT)
    assert page.text("#position") == "1 / 13"
    assert "= 0.5 · 3 = 1.5" in page.lines("#step")
    page.press(RIGHT, LEFT)  # back from a covered step
    assert page.text("#position") == "1 / 13"
    assert "?" not in page.text("#step")


def test_a_screen_reader_hears_every_card(page):
    page.press(END)
    labels = page.run("return cards.map(({element}) => element.getAttribute('aria-label'))")
    assert labels[1] == "w, parameter: value 0.5, ∂C/∂w = 0.08286"
    assert labels[-1] == "C, output: value 0.4711, ∂C/∂C = 1"
    assert page.run("return cards.every(({element}) => element.tabIndex === 0 && element.role === 'button')")


# -------------------------------------------------------------------------------------------------------- other numbers


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


def test_sliders_and_fields_move_the_leaves(page, C, leaves):
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
    assert page.run("const field = document.activeElement; field.blur(); return field.value") == "1"
    page.type("#leaves input[type=number][aria-label=w]", "7")
    assert page.run("return find('#leaves input[type=range][aria-label=w]').max") == "7"
    page.click("#reset")
    assert cards(page)[order.index(w)][0] == "0.5"
    assert page.run("return state.numbers.values") == [node.data for node in order]


def test_four_digits_are_those_of_python(page):
    rng = random.Random(0)
    numbers = [rng.choice((-1, 1)) * rng.uniform(1, 10) * 10.0 ** rng.randint(-12, 12) for _ in range(2000)]
    numbers += [k / 2**j for k in range(-300, 300) for j in (0, 3, 4, 5, 13)]  # many in the middle between two
    numbers += [0.0, -0.0, 9999.5, 99995.0, 0.000099995, 0.00012345, 1e22, 5e-324, 1.7e308, 12345.0, 12355.0]
    assert page.run(f"return {json.dumps(numbers)}.map(figure)") == [*map(figure, numbers)]


# -------------------------------------------------------------------------------------------------------------- descent


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


def test_the_button_repeats_while_it_is_held(page):
    def done():
        return page.run("return state.path.length - 1")

    page.mouse("#descend", "mousePressed", "mouseReleased")
    assert done() == 1
    page.run("window.wait = setTimeout; window.setTimeout = (action, time) => wait(action, time / 10)")
    try:
        page.mouse("#descend", "mousePressed")
        for _ in range(1000):
            if done() > 4:
                break
            time.sleep(0.01)
        page.mouse("#descend", "mouseReleased")
        assert (total := done()) > 4
        time.sleep(0.05)  # more than ten times what there is between two steps
        assert done() == total
    finally:
        page.run("window.setTimeout = wait")


def test_a_rate_that_is_too_large_overshoots(page):
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
      const fill = CanvasRenderingContext2D.prototype.fillRect, alphas = [];
      CanvasRenderingContext2D.prototype.fillRect = function () {{ alphas.push(this.globalAlpha); }};
      paint({a}, {c}, {{low: -1, high: 1}}, {{low: -2, high: 2}});
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
    # It is painted again where another leaf has moved.
    before, after = page.run("""
      const levels = () => find('#map image').getAttribute('href');
      return [levels(), (setLeaf(0, 0.5), levels())]""")
    assert before != after


def test_the_map_is_there_for_two_leaves_only(page):
    ticks = [f"#leaves input[type=checkbox]:nth-of-type({n})" for n in (3, 6, 9, 12)]
    assert page.run("return !find('#map').hidden && !find('#curve').hidden")
    page.click(ticks[0])  # y as well
    assert page.run("return find('#map').hidden && !find('#curve').hidden")
    page.click(ticks[0], ticks[1], ticks[3])
    assert page.run("return find('#map').hidden && find('#curve').hidden && find('#descend').disabled")


def test_the_page_asks_the_network_for_nothing(page):
    page.click("#descend")
    assert page.run("return performance.getEntriesByType('resource').length") == 0


# ---------------------------------------------------------------------------------------------------- labels and layout


def contrasts(page, positions):
    """At each position the contrast of every text to what is behind it, by its words. What can be asked is covered."""
    return page.run(f"return {positions}" + """.map(position => {
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
      goTo(position - 1); goOn(); select(position % 4);
      const found = {};
      for (const element of document.querySelectorAll('body *')) {
        if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
        if (element.closest('script, style, :disabled, [hidden]')) continue;
        const style = getComputedStyle(element);
        const [a, b] = [luminance(style[element instanceof SVGElement ? 'fill' : 'color']), luminance(behind(element))];
        found[element.textContent] = Math.min(found[element.textContent] ?? 21, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
      }
      return found; })""")  # fmt: skip


def test_every_text_can_be_read(dot, page):
    page.click("#ask")
    grounds = []
    try:
        for scheme in ("light", "dark"):
            page.emulate("setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            grounds.append(page.run("return getComputedStyle(document.body).backgroundColor"))
            for found in contrasts(page, [0, 3, 7, 10, 13]):
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
            fits = page.run("""return [1, 8, 13].map(position => {
              goTo(position);
              const card = document.querySelector('.node.lit, .lit .text').getBoundingClientRect();
              const {left, right, top, bottom} = picture.getBoundingClientRect();
              return [document.documentElement.scrollWidth <= innerWidth,
                left <= card.left && card.right <= right + 1 && top <= card.top + 1 && card.bottom <= bottom + 1]; })""")
            assert fits == [[True, True]] * 3, width
    finally:
        page.emulate("clearDeviceMetricsOverride")


def test_hostile_labels_neither_run_nor_break_the_page(browser, dot, tmp_path):
    C, leaves = hostile_graph()
    flipbook(C, tmp_path / "C.html", parameters=leaves[:2] if dot else ())
    page = browser.open(tmp_path / "C.html")
    graph, contributions = Graph(C), [*backward_pass(Graph(C), 1.0, float)]
    assert page.text("#position") == f"0 / {2 * len(forward_steps(C)) + 1}"
    if not dot:  # the words of the steps do not depend on it
        page.run("for (let at = 0; at <= steps.length; at++) { goTo(at); select(at % nodes.length); }")
    page.press(END)
    C.backward()
    assert cards(page) == [
        (figure(node.data), f"{graph.gradient_name(node)} = {figure(node.grad)}") for node in graph.order
    ]
    assert page.run("return document.title") == f"backprop of {graph.names[C]}"
    assert page.run("return [...document.querySelectorAll('#leaves b')].map(b => b.textContent)") == [
        graph.names[leaf] for leaf in graph.leaves
    ]
    # Of the two arrows from each leaf, each has its own number.
    assert page.run("return new Set(arrows.flat().map(arrow => arrow.element)).size") == len(contributions)
    page.run("setLeaf(0, 7); descend()")
    assert page.run("return [typeof hacked, document.scripts.length, document.images.length]") == ["undefined", 1, 0]


# -------------------------------------------------------------------------------------------------------- another graph


@needs_dot
@pytest.mark.parametrize("graph", [recorded_neuron, three_uses])
def test_the_backward_pass_is_that_of_draw_and_walk(graph, begin):
    C, *leaves = graph()
    walk = Walk(C)
    pictures = svgs([draw(C, walk=walk, parameters=leaves[:2], rankdir="BT") for _ in walk])
    page = begin(graph)
    found = page.run("""return steps.flatMap(({pass}, before) => {
      if (pass !== 'backward') return [];
      goTo(before + 1);
      const groups = [...document.querySelectorAll('#picture .node, #picture .edge')].map(group =>
        [group.matches('.node.lit'), [...group.querySelectorAll('text')].map(text => text.textContent).join('')]);
      return [[groups, document.querySelectorAll('.edge.lit.backward .back').length, find('#step').innerText]]; })""")
    for step, svg, (groups, lit_edges, text) in zip(walk.goto(0), pictures, found, strict=True):
        # All texts of all cards and arrows, and what is lit.
        drawn = [
            (" lit" in group, html.unescape("".join(re.findall(r"<text[^>]*>([^<]*)<", group))))
            for group in re.findall(r'<g id="(?:node|edge).*?</g>', svg, flags=re.DOTALL)
        ]
        assert [(lit, "".join(text.split())) for lit, text in groups] == [
            (lit, "".join(text.split())) for lit, text in drawn
        ]
        assert lit_edges == len(step.contributions)
        # And the numbers of the step.
        said = text.split("\n")
        for each in step.contributions:
            partial = f"({figure(each.partial)})" if each.partial < 0 else figure(each.partial)
            assert f"= {figure(each.upstream)} × {partial} = {figure(each.contribution)}" in said
            if each.before is not None:
                so_far = " so far" if each.operand in walk.unfinished else ""
                assert f"was {figure(each.before)}, now {figure(each.after)}{so_far}" in said
    forward = len(forward_steps(C))
    assert page.text("#position") == f"{2 * forward + 1} / {2 * forward + 1}"


def test_a_card_shows_its_gradient_as_a_sum(begin):
    page = begin(three_uses)
    D, t = three_uses()
    forward, number = len(forward_steps(D)), Graph(D).order.index(t)
    click = f"cards[{number}].element.dispatchEvent(new MouseEvent('click', {{bubbles: true}}));"

    def sums():
        return page.lines("#sum")

    assert not page.run("return find('#sum').checkVisibility()")
    page.run(click)
    symbols = "∂D/∂t = ∂D/∂v4 × ∂v4/∂t + ∂D/∂v1 × ∂v1/∂t + ∂D/∂a × ∂a/∂t (1st) + ∂D/∂a × ∂a/∂t (2nd)"
    assert sums() == ["The gradient of t", symbols, "= ? × ? + ? × ? + ? × ? + ? × ?", "= ?"]
    page.run(f"goTo({forward + 3})")
    assert sums()[2:4] == ["= 1 × 0.5 + ? × (−1) + ? × 2 + ? × 2", "= 0.5 so far"]
    assert "∂a/∂t (1st) = t = 2" in sums()
    page.press(END)
    D.backward()
    assert sums()[3] == f"= {figure(t.grad)}"
    assert not page.run(click + "return find('#sum').checkVisibility()")
    # The keyboard reaches every card.
    page.run(f"cards[{number}].element.focus()")
    page.press("x", ENTER)
    assert sums()[0] == "The gradient of t"
    space = "new KeyboardEvent('keydown', {key: ' ', bubbles: true, cancelable: true})"
    assert not page.run(f"return cards[{number}].element.dispatchEvent({space})")  # so the page does not scroll
    assert not page.run("return find('#sum').checkVisibility()")
    page.run("cards[output].element.focus()")
    page.press(ENTER)
    assert sums() == ["The gradient of D", "∂D/∂D = 1: here the backward pass begins"]


def test_a_domain_error_is_said_on_the_card(begin):
    page = begin(three_uses)
    graph = Graph(three_uses()[0])
    page.press(END)
    page.type("#leaves input[type=number]", "-2")
    shown = dict(zip([graph.names[node] for node in graph.order], cards(page), strict=True))
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
    page.run("setLeaf(0, 1e-9); find('#rate').value = '1e308'; descend()")
    assert page.run("return [state.path.length, state.leafNumbers[0]]") == [1, 1e-9]  # there is nothing to go to


def test_without_dot_there_is_the_tree_in_place_of_the_picture(no_dot, begin):
    page = begin(three_uses)
    rows = "[...document.querySelectorAll('.tree .row')].map(row => [...row.children].map(cell => cell.textContent))"
    begun, ended = page.run(f"return [0, steps.length].map(at => {{ goTo(at); return {rows}; }})")
    assert begun[1] == ["├─ v3 = a · v2", "?", "∂D/∂v3 = ?", "∂D/∂v3 = ?"]
    assert ended == [
        ["D = v3 + v4", "1.234", "∂D/∂D = 1", ""],
        ["├─ v3 = a · v2", "0.5413", "∂D/∂v3 = 1", "∂D/∂v3 = 1"],
        ["│  ├─ a = t · t", "4", "∂D/∂a = 0.1353", "∂v3/∂a = 0.1353"],
        ["│  │  ├─ t", "2", "∂D/∂t = 0.5", "∂a/∂t (1st) = 2"],
        ["│  │  └─ t (above)", "", "", "∂a/∂t (2nd) = 2"],
        ["│  └─ v2 = exp(v1)", "0.1353", "∂D/∂v2 = 4", "∂v3/∂v2 = 4"],
        ["│     └─ v1 = −t", "−2", "∂D/∂v1 = 0.5413", "∂v2/∂v1 = 0.1353"],
        ["│        └─ t (above)", "", "", "∂v1/∂t = −1"],
        ["└─ v4 = log(t)", "0.6931", "∂D/∂v4 = 1", "∂D/∂v4 = 1"],
        ["   └─ t (above)", "", "", "∂v4/∂t = 0.5"],
    ]


# --------------------------------------------------------------------------------------------------- pages of their own


def check_at_all_points(browser, path, C, points):
    """That a page computes what the engine computes. At how many of the points it can be computed."""
    flipbook(C, path)
    page = browser.open(path)
    order = Graph(C).order
    results = page.run(f"""
      goTo(steps.length);
      return {json.dumps([[point.get(node) for node in order] for point in points])}.map(point => {{
        setLeaves(point, []);
        const {{values, partials, gradients}} = state.numbers;
        return {{values, gradients, problem: find('#problem').textContent, text: find('main').textContent,
          partials: partials.map((each, i) => each.map((partial, k) => 'node' in nodes[i].operands[k] ? partial : null))}};
      }})""")
    defined = 0
    for point, found in zip(points, results, strict=True):
        assert "NaN" not in found["text"]
        expected = in_engine(C, point)
        assert (expected is None) == bool(found["problem"]), point
        if expected is not None:
            defined += 1
            values, partials, gradients = expected
            assert found["values"] == pytest.approx(values, rel=1e-9)
            assert found["gradients"] == pytest.approx(gradients, rel=1e-9, abs=1e-14)
            for mine, theirs in zip(found["partials"], partials, strict=True):
                assert [each is None for each in mine] == [each is None for each in theirs]
                assert [each or 0 for each in mine] == pytest.approx([each or 0 for each in theirs], rel=1e-9)
    return defined


def test_the_page_computes_what_the_engine_computes(browser, no_dot):
    C, leaves = random_graph(0, 60)
    assert {node.rule for node in Graph(C).order if node.operands} == set(RULES)
    rng = random.Random(0)
    points = [{leaf: leaf.data * rng.uniform(0.9, 1.1) for leaf in leaves} for _ in range(20)]
    points += [{leaf: rng.uniform(-3.0, 3.0) for leaf in leaves} for _ in range(5)]
    assert check_at_all_points(browser, no_dot / "C.html", C, points) >= 20


def test_powers_at_the_borders_of_their_domain_and_constants_of_every_kind(browser, no_dot):
    """The rules of a ** b choose by the numbers they are given: the page must not keep what was chosen when recorded."""
    recorded = {Value(number, f"x{k}"): number for k, number in enumerate((2.0, 3.0, 0.0, 3.0, 2.0, 0.0, 2.0))}
    *pairs, x = recorded
    powers = [*zip(pairs[::2], pairs[1::2], strict=True)]
    constants = x / math.inf + x * 1e300 * 1e-300 - -0.5 * x**-1.5 - (-2.0 - x)
    C = (sum(base**exponent * 3 for base, exponent in powers) + constants).named("C")
    points = [
        recorded | {base: a, exponent: b}
        for base, exponent in powers
        for a in (-2.0, 0.0, 0.5, 2.0)
        for b in (-1.0, 0.0, 0.5, 1.0, 2.0, 3.0)
    ]
    points += [recorded | {x: number} for number in (1.5, -1.0)]
    assert 3 * 12 < check_at_all_points(browser, no_dot / "C.html", C, points) < 3 * 24


def test_a_leaf_alone(browser, tmp_path):
    flipbook(Value(2.0, "x"), tmp_path / "x.html")
    page = browser.open(tmp_path / "x.html")
    assert cards(page) == [("2", "∂x/∂x = ?")]
    page.press(RIGHT)
    assert cards(page) == [("2", "∂x/∂x = 1")]
    page.type("#leaves input[type=number]", "3")
    assert cards(page) == [("3", "∂x/∂x = 1")]


def test_a_derivative_that_does_not_exist_and_one_that_is_too_large_are_said_too(browser, no_dot):
    x, y, z = Value(1.0, "x"), Value(1.0, "y"), Value(4.0, "z")
    C = (x * y * 1e200 + sqrt(z).named("r")).named("C")
    flipbook(C, "C.html")
    page = browser.open(no_dot / "C.html", step=9)
    assert page.text("#position") == "9 / 9"

    def gradients():
        return [gradient for _, gradient in cards(page)]

    page.type("#leaves input[type=number][aria-label=z]", "0")
    assert gradients() == [
        "∂C/∂x = 1e+200", "∂C/∂y = 1e+200", "∂C/∂v1 = 1e+200", "∂C/∂v2 = 1", "∂C/∂z = undefined", "∂C/∂r = 1", "∂C/∂C = 1",
    ]  # fmt: skip
    assert page.text("#problem") == "∂r/∂z = 0.5 / r cannot be computed at r = sqrt(0)."
    page.run("setLeaves([1e-200, 1e200, undefined, undefined, 4], [])")
    assert gradients() == [
        "∂C/∂x = undefined", "∂C/∂y = 1", "∂C/∂v1 = 1e+200", "∂C/∂v2 = 1", "∂C/∂z = 0.25", "∂C/∂r = 1", "∂C/∂C = 1",
    ]  # fmt: skip
    assert page.text("#problem") == "∂C/∂x is too large."


def test_a_row_of_ones_own_can_be_stepped_through(browser, no_dot):
    softsign = Rule("softsign", lambda a: a / (1 + abs(a)), lambda out, a: (1 - abs(out)) ** 2)
    x = Value(1.5, "x")
    C = (softsign(x) * 2).named("C")
    flipbook(C, "C.html", parameters=[x])
    page = browser.open(no_dot / "C.html")
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


def test_a_notebook_shows_the_page_and_one_that_is_not_trusted_the_tree(browser, C, tmp_path):
    """A notebook that is not trusted removes frames and event handlers."""
    book = flipbook(C)
    output = book._repr_html_()
    sanitized = re.sub(r"<iframe.*</iframe>", "", output, flags=re.DOTALL)
    assert sanitized != output
    assert "onload" not in sanitized
    (tmp_path / "notebook.html").write_text(
        '<!DOCTYPE html><meta charset="utf-8"><div id="trusted"></div><div id="other"></div><script>'
        + f"trusted.innerHTML = {json.dumps(output)}; other.innerHTML = {json.dumps(sanitized)}".replace("</", "<\\/")
        + "</script>",
        encoding="utf-8",
    )
    page = browser.open(tmp_path / "notebook.html")
    for _ in range(500):
        if page.run("return document.querySelector('#trusted pre').hidden"):
            break
        time.sleep(0.01)
    assert page.run("return document.querySelector('#trusted pre').hidden")
    inside = "document.querySelector('iframe').contentWindow"
    page.run(f"{inside}.eval('goTo(4); setLeaf(1, 1); descend()')")
    assert page.run(f"return {inside}.document.querySelector('#position').value") == "4 / 13"
    assert page.run("return other.innerText").rstrip() == repr(book)
