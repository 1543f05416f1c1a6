"""The report of a self-test as text, for the terminal and selftest.txt."""

from __future__ import annotations

from collections.abc import Sequence

from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.inference.selftest import RECOVERED, Recovery, SelfTest


def report_lines(test: SelfTest) -> list[str]:
    """The report as text."""
    answered = sum(bool(repeat.found) for repeat in test.repeats)
    lines = [
        f"{test.name}: self-test of {counted(len(test.repeats), 'repeat')}, "
        f"{test.trials} trials of {test.replicates} replicates each (seed {test.seed})"
    ]
    lines += [f"  {target}: {source}" for target, source in test.noise.items()]
    if answered < len(test.repeats):
        lines += [f"  repeat {r.number} gave no answer: {r.reason}" for r in test.repeats if not r.found]
    if redrawn := sum(repeat.redrawn for repeat in test.repeats):
        lines.append(f"  {counted(redrawn, 'set')} drawn again because the model failed")
    lines += ["", *_table(test.parameters), ""]
    lines += [recovery.says for recovery in test.parameters]
    lines += [each.says for each in test.together]
    return [*lines, RECOVERED]


def _table(parameters: Sequence[Recovery]) -> list[str]:
    head = ("parameter", "scale", "bias", "RMSE", "of range", "r", "rank r", "held", "coverage", "95 % CI", "width")
    rows = [head, *(_row(parameter) for parameter in parameters)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(p: Recovery) -> tuple[str, ...]:
    if p.scale == "choices":
        return (p.name, "choices", *["–"] * 5, f"{p.told} of {p.repeats} right", *["–"] * 3)
    between = (
        "–" if p.coverage_low is None or p.coverage_high is None else f"{p.coverage_low:.0%} to {p.coverage_high:.0%}"
    )
    return (
        p.name,
        p.scale,
        fmt(p.bias),
        fmt(p.rmse),
        _percent(p.rmse_share),
        _two(p.correlation),
        _two(p.rank_correlation),
        f"{p.held} of {p.intervals}",
        _percent(p.coverage),
        between,
        _percent(p.width),
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
