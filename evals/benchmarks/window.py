"""How soon the chat window is there: in the system's Chromium, over loopback, from a server on the sample statements.

    python -m evals.benchmarks.window

Its budget is a first paint within 2 s. The browser has kept nothing of an earlier visit.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from evals.benchmarks.load import SAMPLES, serving
from ingest import ingest

CHROMIUM = Path("/usr/bin/chromium")
OPENINGS = 5
USABLE = """new MutationObserver((_, watching) => {
  if (!document.querySelector('#question textarea')) return;
  window.usable = performance.now();
  watching.disconnect();
}).observe(document, { childList: true, subtree: true })"""


def opening(address: str) -> tuple[float, float]:
    """Return when the window is first painted and when its question box is there, in milliseconds; the median of each."""
    from playwright.sync_api import sync_playwright

    painted, usable = [], []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        for _ in range(OPENINGS):
            context = browser.new_context()
            page = context.new_page()
            page.add_init_script(USABLE)
            page.goto(address)
            page.wait_for_function("window.usable")
            painted.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            usable.append(page.evaluate("window.usable"))
            context.close()
        browser.close()
    return median(painted), median(usable)


def main() -> None:
    if not (CHROMIUM.exists() and find_spec("playwright")):
        print(f"the window was not opened: there is no {CHROMIUM}, or no package playwright")
        return
    with TemporaryDirectory() as folder:
        ingest([SAMPLES], index=folder)
        with serving(Path(folder)) as (address, _):
            painted, usable = opening(address)
    print(f"the window: first painted after {painted:.0f} ms, its question box there after {usable:.0f} ms (median of {OPENINGS})")


if __name__ == "__main__":
    main()
