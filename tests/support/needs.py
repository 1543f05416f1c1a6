"""What tests need of a machine: what it lacks is named and left out; with REQUIRE_ALL=1 it is a failure."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

_LACKS = "this machine lacks "
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_POSTGRES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/pgsql/bin",
)


def chromium() -> str | None:
    """The browser's program."""
    return next((found for name in CHROMIUM if (found := shutil.which(name))), None)


def postgres_programs() -> Path | None:
    """The folder with initdb and pg_ctl; the newest version where there are several."""
    found = [
        path
        for place in _POSTGRES
        for path in sorted(Path("/").glob(place[1:]), reverse=True)
        if (path / "initdb").exists()
    ]
    on_path = shutil.which("initdb")
    return found[0] if found else Path(on_path).parent if on_path else None


def need(what: str, found: object) -> None:
    """Leave the test out where `what` is not found; fail instead where REQUIRE_ALL=1 lets nothing be left out."""
    if found:
        return
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"{_LACKS}{what}, and REQUIRE_ALL=1 leaves nothing out")
    pytest.skip(f"{_LACKS}{what}")


def need_postgres() -> None:
    need("PostgreSQL (apt-get install postgresql)", postgres_programs())


def left_out(skipped: Iterable[pytest.TestReport]) -> list[str]:
    """A line for each thing that was needed: how many tests were left out for want of it."""
    reasons = [str(report.longrepr[2]).partition(_LACKS)[2] for report in skipped if isinstance(report.longrepr, tuple)]
    return [
        f"left out, since {_LACKS}{what}: {count} tests"
        for what, count in sorted(Counter(filter(None, reasons)).items())
    ]
