"""flipbook(): one web page that steps through backprop, driven here in a headless Chromium where there is one."""

import html
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from autograd_mini import StaleGraphError, Value, Walk, draw, flipbook, tree
from autograd_mini.notation import printable

LEFT, RIGHT, HOME, END = "\ue012", "\ue014", "\ue011", "\ue010"  # as WebDriver calls the keys

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def texts(page):
    return [html.unescape(text) for text in re.findall(r"<pre hidden>(.*?)</pre>", page, flags=re.DOTALL)]


def walked(C):
    walk = Walk(C)
    return [repr(walk), *map(repr, walk)]


@needs_dot
def test_the_page_has_a_picture_and_a_text_for_every_position(C, leaves, tmp_path):
    path = flipbook(C, tmp_path / "backprop.html", parameters=leaves[:2])
    assert path == tmp_path / "backprop.html"
    page = path.read_text(encoding="utf-8")
    assert texts(page) == walked(C)
    pictures = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(pictures) == 7
    assert [picture.count(' lit">') for picture in pictures] == [0, 1, 1, 1, 1, 1, 1]
    assert [picture.count("= ?") for picture in pictures] == [10, 8, 7, 5, 4, 2, 0]
    assert all(picture.count(">parameter<") == 2 for picture in pictures)
    assert "<title>backprop of C</title>" in page


@needs_dot
def test_the_page_needs_nothing_else_and_repeats_no_id(C, tmp_path):
    page = flipbook(C, str(tmp_path / "backprop.html")).read_text(encoding="utf-8")
    addresses = set(re.findall(r"https?://[^\"' ]*", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names, not places
    assert not re.search(r"\b(src|href)=|@import|url\(", page)
    identities = re.findall(r' id="([^"]*)"', page)
    assert len(identities) == len(set(identities))


@needs_dot
def test_the_page_is_the_same_every_time(C, tmp_path):
    first = flipbook(C, tmp_path / "1.html").read_text(encoding="utf-8")
    assert flipbook(C, tmp_path / "2.html").read_text(encoding="utf-8") == first


def test_without_dot_the_pictures_are_trees(C, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    page = flipbook(C, tmp_path / "backprop.html").read_text(encoding="utf-8")
    assert texts(page) == walked(C)
    pictures = [
        html.unescape(picture) for picture in re.findall(r"<div hidden><pre>(.*?)</pre>", page, flags=re.DOTALL)
    ]
    assert len(pictures) == 7
    walk = Walk(C).run()
    assert pictures[-1] == repr(draw(C, walk=walk)) == tree(C)


def test_labels_do_not_become_markup(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    C = (Value(2.0, "<script>alert(1)</script>") ** 2).named("{C}&amp;")
    page = flipbook(C, tmp_path / "backprop.html").read_text(encoding="utf-8")
    assert page.count("<script>") == 1
    assert "<title>backprop of {C}&amp;amp;</title>" in page
    assert texts(page) == walked(C)


@needs_dot
@pytest.mark.parametrize("label", ["w|b", "<b>", "\\N", "a\nb", "中文", "\ud800", "\\1", "]]>"])
def test_any_label_survives(label, tmp_path):
    path = flipbook((Value(2.0, label) ** 2).named("C"), tmp_path / "backprop.html")
    page = path.read_text(encoding="utf-8")
    assert len(texts(page)) == page.count("<svg") == page.count("</svg>") == 2
    assert html.escape(printable(label)) in page


def test_it_leaves_the_gradients_as_they_are(C, leaves, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    for number, leaf in enumerate(leaves):
        leaf.grad = float(number)
    flipbook(C, tmp_path / "backprop.html")
    assert [leaf.grad for leaf in leaves] == [0, 1, 2, 3]
    with pytest.raises(OSError, match="nowhere"):
        flipbook(C, tmp_path / "nowhere" / "backprop.html")
    assert [leaf.grad for leaf in leaves] == [0, 1, 2, 3]


def test_a_stale_graph_has_no_flipbook(C, leaves, tmp_path):
    leaves[0].data = 1.0
    with pytest.raises(StaleGraphError):
        flipbook(C, tmp_path / "backprop.html")
    assert not list(tmp_path.iterdir())


def test_a_pass_too_long_to_leaf_through_is_refused(tmp_path):
    x = Value(1.0, "x")
    C = x
    for _ in range(101):
        C = C * 1.5
    with pytest.raises(ValueError, match=r"^backprop of v101 has 101 steps, too many to leaf through"):
        flipbook(C, tmp_path / "backprop.html")
    assert (x.grad, C.grad) == (0, 0)
    assert not list(tmp_path.iterdir())


class Browser:
    """A headless Chromium, driven over the WebDriver protocol: JSON over HTTP."""

    def __init__(self, port: int, profile: Path) -> None:
        self.root = f"http://127.0.0.1:{port}"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        options = {"args": [*flags, f"--user-data-dir={profile}"]}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})
        self.root += f"/session/{session['sessionId']}"

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.root + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)["value"]

    def run(self, script):
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def press(self, key):
        actions = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def click(self, selector):
        (element,) = self.call("POST", "/element", {"using": "css selector", "value": selector}).values()
        self.call("POST", f"/element/{element}/click", {})

    def visible(self, selector):
        return self.run(
            f"return [...document.querySelectorAll('{selector}')].filter(e => e.offsetParent).map(e => e.textContent)"
        )


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if shutil.which("chromedriver") is None:
        pytest.skip("there is no Chromium to drive")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=60).close()
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        browser = Browser(port, tmp_path_factory.mktemp("profile"))
        yield browser
        browser.call("DELETE", "")
    finally:
        driver.terminate()
        driver.wait()


@pytest.fixture(params=[pytest.param(True, marks=needs_dot, id="dot"), pytest.param(False, id="no dot")])
def page(request, browser, C, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        if not request.param:
            patch.setenv("PATH", "")
        path = flipbook(C, tmp_path / "backprop.html")
    browser.call("POST", "/url", {"url": path.as_uri()})
    return browser


def shown(page):
    (text,) = page.visible("#texts pre")
    (_,) = page.visible("#pictures > div")
    return text


def test_the_keys_turn_the_pages(page, C):
    expected = walked(C)
    assert shown(page) == expected[0]
    page.press(LEFT)
    assert shown(page) == expected[0]
    for text in [*expected[1:], expected[-1]]:  # the last → stays at the end
        page.press(RIGHT)
        assert shown(page) == text
    page.press(LEFT)
    assert shown(page) == expected[5]
    page.press(HOME)
    assert shown(page) == expected[0]
    page.press(END)
    assert shown(page) == expected[6]
    assert page.visible("#position") == ["6 / 6"]


def test_the_slider_and_the_buttons_turn_the_pages(page, C):
    expected = walked(C)
    page.click("#next")
    page.click("#next")
    assert shown(page) == expected[2]
    assert page.run("return document.getElementById('slider').value") == "2"
    page.click("#back")
    assert shown(page) == expected[1]
    page.run("const s = document.getElementById('slider'); s.value = 5; s.dispatchEvent(new Event('input'))")
    assert shown(page) == expected[5]
    page.click("#slider")  # its middle; an arrow key that moves a slider too still moves one step
    assert shown(page) == expected[3]
    page.press(RIGHT)
    assert shown(page) == expected[4]


def test_on_a_phone_the_page_does_not_overflow_and_the_lit_card_is_in_view(page):
    page.call("POST", "/window/rect", {"width": 500, "height": 900})
    page.press(HOME)
    page.press(RIGHT)  # to the output, at the far end of the picture
    script = """
      const lit = document.querySelector('#pictures > div:not([hidden]) .lit');
      const box = lit ? lit.getBoundingClientRect() : {left: 0, right: 0};
      return [document.documentElement.scrollWidth <= window.innerWidth, box.left >= 0 && box.right <= window.innerWidth]
    """
    for _ in range(50):  # until it has scrolled there
        if page.run(script) == [True, True]:
            break
        time.sleep(0.1)
    assert page.run(script) == [True, True]


def test_the_page_asks_the_network_for_nothing(page):
    assert page.run("return performance.getEntriesByType('resource').length") == 0
