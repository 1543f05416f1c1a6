"""Pictures of the report's sections for real runs, to look at: python -m tests.browser.screenshots DIR"""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path

from tests.browser.chromium import Page, browser
from tests.browser.projects import run_all

BOXES = """[...document.querySelectorAll('header, section, footer')].map(e => {
    const b = e.getBoundingClientRect();
    return [(e.querySelector('h2')?.textContent ?? e.tagName).toLowerCase(), b.top + scrollY, b.height];
})"""

LOOKS = {"light": (1000, False), "dark": (1000, True), "phone": (390, False), "phone-dark": (390, True)}
"""Width in pixels, dark."""


def take(tab: Page, page: Path, folder: Path, name: str) -> None:
    """A picture of the whole page in each look, one of each section in light, and the print as a PDF."""
    for look, (width, dark) in LOOKS.items():
        tab.open(page, width=width, dark=dark)
        height = tab.value("document.documentElement.scrollHeight")
        _shoot(tab, folder / f"{name}-{look}.png", width, 0, height)
        if look == "light":
            for index, (title, top, tall) in enumerate(tab.value(BOXES)):
                stem = "".join(c if c.isalnum() else "-" for c in title)[:40]
                _shoot(tab, folder / f"{name}-{index:02d}-{stem}.png", width, top - 10, tall + 20)
    pdf = base64.b64decode(tab.call("Page.printToPDF", printBackground=True)["data"])
    (folder / f"{name}.pdf").write_bytes(pdf)


def _shoot(tab: Page, path: Path, width: int, top: float, height: float) -> None:
    clip = {"x": 0, "y": max(top, 0), "width": width, "height": height, "scale": 1}
    shot = tab.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
    path.write_bytes(base64.b64decode(shot["data"]))


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, browser() as tab:
        for name, page in run_all(Path(scratch)).items():
            take(tab, page, folder, name)
            (folder / f"{name}.html").write_bytes(page.read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
