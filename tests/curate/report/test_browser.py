"""The page in a real browser: it asks the network for nothing, shows its pictures, and a click opens the examples."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from curate.report.build import Options, build
from seedbed.record import chat
from tests.curate.report.run import write_run

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium here: apt-get install chromium")
ATTACK = "<script>document.title = 'broken in'</script>"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    bad = chat(f"What is this? {ATTACK}", f"这是什么？{ATTACK}", task="doc_qa", language="zh", split="train")
    return build(write_run(folder / "run", extra=(bad,)), folder / "out", Options(encoder="lexical"))


def opened(page: Path, tmp_path: Path, fragment: str = "", width: int = 1280) -> str:
    """The document after its script ran, `tmp_path`/net.json being what the browser noted of the network."""
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={tmp_path / 'net.json'}",
        f"--window-size={width},900",
        "--virtual-time-budget=1000", "--dump-dom", page.as_uri() + fragment,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def requests(log: Path) -> list[str]:
    """What a page (not the browser itself) asked of the network. Pages from files have the origin "null"."""
    noted = json.loads(log.read_text(encoding="utf-8"))["events"]
    asked = [event["params"] for event in noted if event.get("params", {}).get("initiator") == "null"]
    return [params["url"] for params in asked if params.get("url", "").startswith(("http", "ws"))]


def changed(page: Path, folder: Path, script: str) -> Path:
    """A copy without the security policy, with `script` at its end."""
    html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    copy = folder / "copy.html"
    copy.write_text(html.replace("</body>", f"{script}</body>"), encoding="utf-8")
    return copy


def test_it_opens_with_its_pictures_and_asks_for_nothing(page: Path, tmp_path: Path) -> None:
    html = opened(page, tmp_path)
    assert requests(tmp_path / "net.json") == []
    for kind in ("flow", "ring", "histogram", "strip", "curves", "dumbbell"):
        assert f'<svg class="{kind}"' in html
    assert (
        html.count("<a href=", html.index("<nav"), html.index("</nav>")) == 11
    )  # the script ran under the page's own policy
    assert "<title>Pumps and gateways · seedbed report</title>" in html  # and no other did


def test_the_log_would_have_shown_a_request(page: Path, tmp_path: Path) -> None:
    opened(changed(page, tmp_path, '<img src="http://pictures.invalid/x.png">'), tmp_path)
    assert requests(tmp_path / "net.json") == ["http://pictures.invalid/x.png"]


def test_a_click_on_a_reason_opens_its_examples(page: Path, tmp_path: Path) -> None:
    click = "<script>document.querySelector('.chips a[href*=near-duplicate]').click()</script>"
    html = opened(changed(page, tmp_path, click), tmp_path)
    assert re.findall(r'<details class="reason" id="([^"]+)" open=""', html) == ["reason-06-rouge-near-duplicate"]


def test_a_link_opens_what_it_points_to_and_nothing_sticks_out_on_a_phone(page: Path, tmp_path: Path) -> None:
    measure = "<script>document.title = document.documentElement.scrollWidth - innerWidth</script>"
    html = opened(changed(page, tmp_path, measure), tmp_path, "#reason-02-doc-qa-echo", width=500)
    assert '<details class="reason" id="reason-02-doc-qa-echo" open=""' in html
    assert int(re.findall(r"<title>(-?\d+)</title>", html)[0]) <= 0
