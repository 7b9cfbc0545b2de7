"""The report in a browser: wide and on a phone, light and dark."""

import pytest
from browser import CHROMIUM, Browser

from avlib.report.looks import looks
from avlib.report.mistakes import mistakes_section
from avlib.report.write import write_report

SIZES = {"wide": (1400, 900, False), "dark": (1400, 900, True), "phone": (400, 800, False)}


@pytest.fixture(scope="module", params=SIZES)
def browser(request):
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (chromium or google-chrome in PATH)")
    width, height, dark = SIZES[request.param]
    with Browser(width, height, dark) as found:
        yield found


@pytest.fixture
def opened(browser, tiny, tmp_path):
    """The report of three models, freshly opened."""
    groups = {"svm_audio": "vector baselines", "merml": "metric learning", "cnn": "deep systems"}
    predictions = {m: tiny.predict(m, seed=i) for i, m in enumerate(groups)}
    data = tiny.data(predictions, looks=looks(groups.items()))
    write_report(
        tmp_path,
        data,
        descriptions=dict.fromkeys(groups, "what it is"),
        untrained={"avef": "switched off"},
        params={"corpus": "demo"},
        listened=mistakes_section(data, lambda *_: "", lambda *_: ""),
    )
    browser.requests.clear()
    browser.errors.clear()
    browser.open(tmp_path / "report.html")
    return browser


def test_nothing_overflows_every_table_is_in_reach_and_nothing_is_asked_for(opened):
    opened.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert opened.run("document.documentElement.scrollWidth <= innerWidth")
    unreachable = """[...document.querySelectorAll("table")].filter((table) => {
      const box = table.parentElement, right = box.getBoundingClientRect().right;
      return right > innerWidth || (table.offsetWidth > box.clientWidth
        && getComputedStyle(box).overflowX !== "auto");
    }).length"""
    assert opened.run(unreachable) == 0
    assert opened.errors == []
    assert [address[:5] for address in opened.requests if not address.startswith("data:")] == [
        "file:"
    ]


def test_words_stand_out_from_their_ground(opened):
    """WCAG's contrast of running text, 4.5 to 1."""
    contrast = """(() => {
      const light = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255).map(
          (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const of = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
      const ground = light(of("#headline", "backgroundColor"));
      return ["#headline .headline", "#headline li", "#results th"].map((selector) => {
        const ink = light(of(selector, "color"));
        return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
      }).concat((() => {
        const ink = light(of("#headline svg.chart text", "fill"));
        return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
      })());
    })()"""
    assert min(opened.run(contrast)) >= 4.5


def test_the_table_of_results_sorts_and_filters(opened):
    column = """(place) => [...document.querySelectorAll("#results tbody tr")]
      .filter((row) => !row.hidden).map((row) => row.cells[place].textContent.trim())"""
    heads = "#results th button"
    opened.run(f"document.querySelectorAll('{heads}')[0].click()")
    down = opened.run(f"({column})(0)")
    assert down == sorted(down, reverse=True)
    opened.run(f"document.querySelectorAll('{heads}')[0].click()")
    assert opened.run(f"({column})(0)") == sorted(down)
    opened.run(f"document.querySelectorAll('{heads}')[1].click()")
    scores = list(map(float, opened.run(f"({column})(1)")))
    assert scores == sorted(scores, reverse=True)
    opened.run("""(() => { const box = document.querySelector("#results input");
      box.value = "deep"; box.dispatchEvent(new Event("input")); })()""")
    assert opened.run(f"({column})(0)") == ["cnn"]


def test_wrong_clips_are_filtered_by_emotion(opened):
    shown = """[...document.querySelectorAll(".clip")].filter((clip) => !clip.hidden)
      .map((clip) => clip.querySelector("b").textContent)"""
    everything = opened.run(shown)
    opened.run("""(() => { const one = document.querySelector("select[name=emotion]");
      one.selectedIndex = 1; one.dispatchEvent(new Event("change")); })()""")
    some = opened.run(shown)
    assert some == [emotion for emotion in everything if emotion == some[0]]
    assert 0 < len(some) < len(everything)


def test_a_link_opens_what_is_folded(opened):
    opened.run("location.hash = '#parameters'")
    opened.until("document.querySelector('#parameters > details').open")
