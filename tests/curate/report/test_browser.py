"""The page in a real browser: it asks the network for nothing, shows its pictures, and its clicks work, on a wide and on a
narrow screen, in light and dark, in English and in Chinese."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from curate.report.build import Options, build
from curate.report.compare import build as compare
from seedbed.record import chat
from tests.curate.report.run import write_run

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium here: apt-get install chromium"),
]
ATTACK = "<script>document.title = 'broken in'</script>"
PHONE = 360  # a small telephone's width, in CSS pixels


@pytest.fixture(scope="module", params=["en", "zh"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    bad = chat(f"What is this? {ATTACK}", f"这是什么？{ATTACK}", task="doc_qa", language="zh", split="train")
    run = write_run(folder / "run", extra=(bad,))
    compare(run, run, folder / "out", request.param)
    return build(run, folder / "out", Options(encoder="lexical", language=request.param))


def opened(page: Path, tmp_path: Path, fragment: str = "", *, dark: bool = False) -> str:
    """The document after its script ran, `tmp_path`/net.json being what the browser noted of the network."""
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--allow-file-access-from-files", "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={tmp_path / 'net.json'}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}",
        "--window-size=1280,900", "--virtual-time-budget=3000", "--dump-dom", page.as_uri() + fragment,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def requests(log: Path) -> list[str]:
    """What a page (not the browser itself) asked of the network. Pages from files have the origin "file://", or "null"
    where they may not read each other."""
    noted = json.loads(log.read_text(encoding="utf-8"))["events"]
    asked = [event["params"] for event in noted if event.get("params", {}).get("initiator") in ("null", "file://")]
    return [params["url"] for params in asked if params.get("url", "").startswith(("http", "ws"))]


def changed(page: Path, folder: Path, script: str) -> Path:
    """A copy without the security policy, with `script` at its end."""
    html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    copy = folder / "copy.html"
    copy.write_text(html.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    return copy


def title(html: str) -> str:
    return re.findall(r"<title>(.*?)</title>", html)[0]


@pytest.mark.parametrize("dark", [False, True])
def test_it_opens_with_its_pictures_and_asks_for_nothing(page: Path, tmp_path: Path, dark: bool) -> None:
    html = opened(page, tmp_path, dark=dark)
    assert requests(tmp_path / "net.json") == []
    for kind in ("flow", "ring", "histogram", "strip", "curves", "dumbbell", "plot"):
        assert f'<svg class="{kind}"' in html
    sections = re.findall(r'<section id="([a-z]+)"', html)
    links = re.findall(r'<a href="#([a-z]+)"', html[html.index("<nav") : html.index("</nav>")])
    assert links == [name for name in sections if name != "headline"]  # the script ran under the page's own policy
    assert title(html).startswith("Pumps and gateways · seedbed")  # and no other did


def test_the_pictures_are_drawn_in_light_and_in_dark(page: Path, tmp_path: Path) -> None:
    look = """
      const seen = (s) => [...document.querySelectorAll(s)].every((e) => e.getBoundingClientRect().height > 8);
      const fill = (s) => getComputedStyle(document.querySelector(s)).fill;
      document.title = [seen("svg:not(.defs, details *, .on-narrow *)"), fill(".histogram rect"), fill(".plot circle"),
        getComputedStyle(document.body).backgroundColor].join("|");"""
    told = [title(opened(changed(page, tmp_path, look), tmp_path, dark=dark)).split("|") for dark in (False, True)]
    assert [drawn for drawn, *_ in told] == ["true", "true"]
    for light, dark in zip(told[0][1:], told[1][1:], strict=True):
        assert light.startswith("rgb(") and dark.startswith("rgb(") and light != dark


def test_the_log_would_have_shown_a_request(page: Path, tmp_path: Path) -> None:
    opened(changed(page, tmp_path, "document.body.innerHTML += '<img src=http://pictures.invalid/x.png>'"), tmp_path)
    assert requests(tmp_path / "net.json") == ["http://pictures.invalid/x.png"]


def test_a_click_on_a_reason_opens_its_examples_with_their_matches(page: Path, tmp_path: Path) -> None:
    click = "document.querySelector('.chips a[href*=near-duplicate]').click()"
    html = opened(changed(page, tmp_path, click), tmp_path)
    assert re.findall(r'<details class="reason" id="([^"]+)" open=""', html) == ["reason-06-rouge-near-duplicate"]
    section = html[html.index('id="reason-06-rouge-near-duplicate"') :]
    assert section[: section.index("</details>")].count('class="matched"') == 4


def test_a_click_on_a_point_tells_its_question_and_the_colours_change(page: Path, tmp_path: Path) -> None:
    click = """
      const dot = document.querySelector(".plot .out"), before = getComputedStyle(dot).stroke;
      dot.dispatchEvent(new MouseEvent("click", {bubbles: true}));
      document.querySelector("label[for=by-fate]").click();
      const legends = [...document.querySelectorAll(".map .legend")].filter((e) => e.offsetHeight).map((e) => e.className);
      document.title = [document.querySelector(".picked").textContent === dot.querySelector("title").textContent,
        before !== getComputedStyle(dot).stroke, legends].join("|");"""
    assert title(opened(changed(page, tmp_path, click), tmp_path)) == "true|true|legend by-fate"


def test_the_button_switches_between_light_and_dark(page: Path, tmp_path: Path) -> None:
    click = """
      const colour = () => getComputedStyle(document.body).backgroundColor, first = colour();
      document.getElementById("theme").click();
      const second = colour();
      document.getElementById("theme").click();
      document.title = [first !== second, first === colour()].join("|");"""
    assert title(opened(changed(page, tmp_path, click), tmp_path)) == "true|true"


@pytest.mark.parametrize("name", ["report.html", "compare.html"])
def test_nothing_sticks_out_on_a_telephone_with_everything_open(page: Path, tmp_path: Path, name: str) -> None:
    # Headless windows are never narrower than 500 pixels; a frame is.
    measure = """
      document.querySelectorAll("details").forEach((each) => { each.open = true; });
      const root = document.documentElement;
      parent.document.title = [innerWidth, root.scrollWidth - root.clientWidth, root.scrollHeight > 3000].join("|");"""
    changed(page.with_name(name), tmp_path, measure)
    frame = tmp_path / "frame.html"
    frame.write_text(f'<iframe src="copy.html" style="border:0;width:{PHONE}px;height:800px"></iframe>', encoding="utf-8")
    assert title(opened(frame, tmp_path)) == f"{PHONE}|0|true"


def test_a_link_opens_what_it_points_to(page: Path, tmp_path: Path) -> None:
    html = opened(page, tmp_path, "#reason-02-doc-qa-echo")
    assert '<details class="reason" id="reason-02-doc-qa-echo" open=""' in html
