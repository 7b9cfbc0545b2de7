"""The page of a recording: in a browser, and as text."""

import itertools
import json
import re

import numpy as np
import pytest
from browser import CHROMIUM, Browser
from kept_models import RATE, buzz, write_sound

from avlib.media import write_clip
from avlib.recognizer import playable
from avlib.recognizer.page import index, page
from avlib.recognizer.recognizer import Recognizer

HOSTILE = "<img src=x onerror=pwned=1>\"'&amp;<!--.mp4"
HELD = ("data:", "blob:", "file:")  # addresses that are no network


@pytest.fixture(scope="module")
def written(by_hand, tmp_path_factory):
    """Write a recording of three seconds, with a moment's silence, and its page; returns both."""
    folder = tmp_path_factory.mktemp("pages")
    clip = folder / HOSTILE
    random = np.random.default_rng(0)
    frames = random.integers(0, 255, (75, 48, 64, 3), np.uint8)
    sound = buzz("anger", 1, 3.0)
    sound[round(1.2 * RATE) :] = 0
    write_clip(clip, frames, 25, sound, RATE)
    recognizer = Recognizer.load(by_hand)
    found = recognizer.recognise(clip, 0.5, 0.5)
    assert any(said.probabilities is None for said in found.moments)
    (folder / "page.html").write_text(page(clip, recognizer, found, 0.5, 0.5), encoding="utf-8")
    return clip, folder / "page.html", recognizer, found


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (chromium or google-chrome in PATH)")
    with Browser() as found:
        yield found


@pytest.fixture
def opened(browser, written):
    """The page, freshly opened, its recording ready to play."""
    browser.requests.clear()
    browser.errors.clear()
    browser.open(written[1])
    browser.until("player.readyState >= 1")
    return browser


def shown(browser):
    """What the bars say of the moment: percents, as text."""
    return browser.run("rows.map((row) => row.querySelector('.now').textContent)")


def test_it_plays_without_a_request_to_anywhere(opened, written):
    assert opened.run("player.duration") == pytest.approx(3.0, abs=0.1)
    opened.run("player.play()")
    opened.until("player.currentTime > 0.2 && now > 0.2")
    opened.run("player.pause()")
    addresses = [address for address in opened.requests if not address.startswith("data:")]
    assert addresses == [written[1].as_uri()]
    assert opened.errors == []


def test_a_click_and_a_key_move_recording_cursor_and_bars(opened, written):
    left, top, width, height = opened.box("#chart")
    opened.click(left + width / 3, top + height / 2)
    opened.until("!player.seeking")
    assert opened.run("player.currentTime") == pytest.approx(1.0, abs=0.02)
    assert opened.box("#cursor")[0] == pytest.approx(left + width / 3, abs=2)
    said = written[3].moments[2].probabilities
    assert shown(opened) == [f"{round(100 * value)} %" for value in said.round(3)]
    opened.press("ArrowRight")
    opened.press("ArrowRight")
    opened.until("!player.seeking")
    assert opened.run("player.currentTime") == pytest.approx(2.0, abs=0.02)
    assert shown(opened) == ["–", "–"]
    assert opened.run("get('said').textContent") == ("nothing can be said: silence; no face found")
    assert "nothing can be said" in opened.run("chart.getAttribute('aria-valuetext')")
    opened.press("Home")
    opened.until("player.currentTime === 0")


def test_the_name_of_a_file_is_text_whatever_it_holds(opened):
    assert opened.run("document.querySelector('h1').textContent") == HOSTILE
    assert opened.run("document.title").startswith(HOSTILE)
    assert opened.run("typeof pwned") == "undefined"
    assert opened.run("document.querySelectorAll('img').length") == 0


def test_its_policy_forbids_the_network_and_other_scripts(opened):
    refused = opened.run(
        """new Promise((resolve) => {
          const refused = [];
          addEventListener("securitypolicyviolation", (event) => {
            refused.push(event.effectiveDirective);
            if (refused.length === 4) resolve(refused.sort());
          });
          fetch("http://127.0.0.1:9/").catch(() => {});
          new Image().src = "http://127.0.0.1:9/a.png";
          const script = document.createElement("script"), link = document.createElement("a");
          script.text = "pwned = 2";
          link.setAttribute("onclick", "pwned = 3");
          document.body.append(script, link);
          link.click();
        })"""
    )
    assert refused == ["connect-src", "img-src", "script-src-attr", "script-src-elem"]
    assert opened.run("typeof pwned") == "undefined"


@pytest.mark.parametrize("width", [400, 1280])
def test_it_fits_the_window(opened, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    opened.ask("Emulation.setDeviceMetricsOverride", **size)
    opened.run("new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))")
    assert opened.run("document.documentElement.scrollWidth") <= width
    ends = opened.run(
        "[...get('axis').children].map((tick) => tick.getBoundingClientRect())"
        ".map(({left, right}) => [left, right])"
    )
    assert len(ends) >= 3
    assert all(right <= left for (_, right), (left, _) in itertools.pairwise(ends))


def test_a_recording_that_is_not_in_the_page_is_opened_from_the_disk(
    browser, written, tmp_path, monkeypatch
):
    clip, _, recognizer, found = written
    monkeypatch.setattr(playable, "LARGEST", 0)
    (tmp_path / "page.html").write_text(page(clip, recognizer, found, 0.5, 0.5), encoding="utf-8")
    browser.requests.clear()
    browser.open(tmp_path / "page.html")
    assert "too much for a page" in browser.run("get('choose').textContent")
    browser.run("seek(1)")  # the chart works without
    assert shown(browser)[0] != "–"
    root = browser.ask("DOM.getDocument")["root"]["nodeId"]
    chooser = browser.ask("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    browser.ask("DOM.setFileInputFiles", nodeId=chooser, files=[str(clip)])
    browser.until("player.readyState >= 1 && !player.hidden && player.currentTime === 1")
    assert all(address.startswith(HELD) for address in browser.requests)


def test_what_a_page_holds_are_the_moments(written):
    _, file, recognizer, found = written
    text = file.read_text(encoding="utf-8")
    (held,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    data = json.loads(held)
    assert data["emotions"] == recognizer.emotions
    assert len(data["said"]) == len(found.moments) == 6
    for values, number, said in zip(data["said"], data["reason"], found.moments, strict=True):
        assert data["reasons"][number] == said.reason
        if said.probabilities is None:
            assert values is None
        else:
            np.testing.assert_allclose(np.array(values) / 1000, said.probabilities, atol=6e-4)
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert recognizer.name in text


def test_a_recording_of_which_nothing_can_be_said_has_a_page(by_hand, tmp_path):
    clip = write_sound(tmp_path / "silence.wav", np.zeros(RATE, np.float32))
    recognizer = Recognizer.load(by_hand)
    text = page(clip, recognizer, recognizer.recognise(clip, 1.0), 1.0, 3.0)
    assert "Nothing can be said" in text
    assert "To mind: silence; no video stream." in text


def test_the_index_links_what_has_a_page_and_lists_the_rest():
    nothing = {"emotion": None, "probability": np.nan, "used": "", "reason": "no <b>sound</b>"}
    rows = [
        {"clip": "a/<b>.wav", "emotion": "calm", "probability": 0.6, "used": "audio", "reason": ""},
        {"clip": "fake.mp4"} | nothing,
    ]
    text = index(rows, ["b 1.html", None])
    assert '<a href="b%201.html"><bdi>a/&lt;b&gt;.wav</bdi></a>' in text
    assert text.count("<a ") == 1
    assert "fake.mp4" in text
    assert "no &lt;b&gt;sound&lt;/b&gt;" in text
