"""These tests need Chromium (`.ci/system` installs it). With REQUIRE_ALL=1 its absence is a failure, else they are left out."""

from __future__ import annotations

import os

from tests.browser.chromium import executable

collect_ignore_glob = [] if executable() or os.environ.get("REQUIRE_ALL") == "1" else ["test_*.py"]
