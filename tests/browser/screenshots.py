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

LOOKS = {"light": (1000, False, "screen"), "dark": (1000, True, "screen"), "phone": (390, False, "screen")}
LOOKS |= {"phone-dark": (390, True, "screen"), "print": (720, True, "print")}
"""Width in pixels, dark, medium."""

PIECE = 1_500
"""Pixels of height that one picture shows."""


def take(tab: Page, page: Path, folder: Path, name: str) -> None:
    """The page in each look, in pieces; each section in light; and the print as a PDF."""
    for look, (width, dark, medium) in LOOKS.items():
        tab.open(page, width=width, dark=dark)
        if medium == "print":
            scheme = [{"name": "prefers-color-scheme", "value": "dark"}]
            tab.call("Emulation.setEmulatedMedia", media=medium, features=scheme)
        height = tab.value("document.documentElement.scrollHeight")
        for index, top in enumerate(range(0, height, PIECE)):
            _shoot(tab, folder / f"{name}-{look}-{index}.png", width, top, min(PIECE, height - top))
        if look == "light":
            for index, (title, top, tall) in enumerate(tab.value(BOXES)):
                stem = "".join(c if c.isalnum() else "-" for c in title)[:40]
                _shoot(tab, folder / f"{name}-{index:02d}-{stem}.png", width, top - 10, tall + 20)
        if medium == "print":
            pdf = tab.call("Page.printToPDF", printBackground=True)["data"]
            (folder / f"{name}.pdf").write_bytes(base64.b64decode(pdf))
            tab.call("Emulation.setEmulatedMedia", media="")


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
