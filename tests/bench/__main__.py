"""`python -m tests.bench --size full|small [--only NAME] [--json FILE] [--ray-python PATH]`."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

NAMES = ("throughput", "overhead", "heavy_tail", "answer", "ledger", "asking", "startup", "reporting", "scale")


def main(args: Sequence[str] | None = None) -> int:
    """Run benchmarks, print each as it is done; 1 when one of them broke, whatever its figures."""
    from tests.bench.report import Settings

    options = _parser().parse_args(args)
    settings = Settings(full=options.size == "full", ray_python=options.ray_python)
    results: dict[str, object] = {}
    broken: list[str] = []
    print(f"{_machine()}; size {options.size}\n", flush=True)
    for name in options.only or NAMES:
        started = time.monotonic()
        try:
            report = importlib.import_module(f"tests.bench.{name}").run(settings)
        except Exception:
            traceback.print_exc()
            broken.append(name)
            continue
        print(report, f" ({time.monotonic() - started:.0f} s)\n", sep="", flush=True)
        results[name] = report.as_json()
    if options.json:
        whole = {"size": options.size, "machine": _machine(), "benchmarks": results, "broken": broken}
        options.json.write_text(json.dumps(whole, indent=1) + "\n")
    if broken:
        print(f"broken: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Ratios with peers measured in the same run."
    )
    parser.add_argument("--size", choices=["small", "full"], default="small")
    parser.add_argument(
        "--only", action="append", choices=NAMES, metavar="NAME", help=f"of {', '.join(NAMES)}; may be repeated"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--ray-python", metavar="PATH", help="a Python that has ray[tune] and optuna")
    return parser


if __name__ == "__main__":
    sys.exit(main())
