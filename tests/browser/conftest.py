"""These tests need Chromium (`.ci/system` installs it)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.chromium import Page, browser
from tests.support.needs import chromium, need


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    need("Chromium (apt-get install chromium)", chromium())
    with browser() as found:
        yield found
