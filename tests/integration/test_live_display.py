"""The live display of `mops run`, in a terminal."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.holding import held
from tests.support.ledgers import assert_whole
from tests.support.processes import simulations_of
from tests.support.projects import LINE_MODEL, Project, line_project, line_spec, mops_command, project
from tests.support.terminal import CTRL_C, Terminal, terminal

_OF_THE_CALLER = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")

TIME = r"(\d+ min )?\d+ s"


@contextmanager
def running(made: Project, *args: str, columns: int = 100, **env: str) -> Iterator[Terminal]:
    own = {name: value for name, value in made.env.items() if name not in _OF_THE_CALLER}
    command = mops_command("run", "--spec", "adaptive.yaml", "--workers", "2", *args)
    with terminal(command, cwd=str(made.root), env=own | {"TERM": "xterm-256color"} | env, columns=columns) as shown:
        yield shown


def line(tmp_path: Path, *, trials: int = 12) -> Project:
    return line_project(tmp_path / "line", trials=trials)


def some_trials(text: str) -> re.Match[str] | None:
    return re.search(r"[1-9]\d*/\d+ trials", text)


def until_all(shown: Terminal, *lines: str) -> None:
    """Until each pattern has its line: what is read may end within a frame."""
    shown.until(lambda text: all(re.search(f"^{line}$", text, re.MULTILINE) for line in lines))


def test_it_shows_how_far_the_run_is_and_leaves_the_end_above_the_answer(tmp_path: Path) -> None:
    made = line(tmp_path, trials=40)
    hold = held(made, after=40)
    with running(made) as shown:
        until_all(
            shown,
            rf"line  searching, {TIME} left, {TIME} so far",
            r"search   ━+─+  [1-9]\d*/40 trials",
            r"best     loss [\d.]+ in the search, trial \d+, height [-\d.]+, slope [\d.]+, sleep 0",
            r"speed    [\d.]+ simulations a second, 2 of 2 slots busy",
        )
        hold.lift()
        assert shown.end() == 0
        text = shown.text
    head, search, confirm, *others = text.splitlines()
    assert re.fullmatch(rf"line  {TIME}", head)
    assert re.fullmatch(r"search +━{40}  40/40 trials", search)
    assert re.fullmatch(r"confirm +━{40}  2/2 sets", confirm)
    assert others[1].startswith("speed")
    assert [at for at in others if at.startswith("best parameters (trial ")], "the answer follows"
    assert text.count("40/40 trials") == 1, "drawn in place"
    assert shown.cursor_is_shown
    assert b"\x1b[36m" in shown.written
    assert_whole(str(made.ledger), "line", trials=40)


def test_it_draws_a_few_times_a_second_however_many_trials_finish(tmp_path: Path) -> None:
    began = time.monotonic()
    with running(line(tmp_path, trials=300)) as shown:
        assert shown.end() == 0
        frames = shown.written.count(b"speed")
        assert frames <= 4 * (time.monotonic() - began + 1) + 4, "not one a trial"


def test_it_fits_a_terminal_that_is_made_narrow(tmp_path: Path) -> None:
    made = line(tmp_path, trials=60)
    hold = held(made, after=60)
    with running(made) as shown:
        shown.until(some_trials)
        shown.resize(40)
        before = len(shown.written)
        shown.until(lambda _: shown.written[before:].count(b"search") >= 3)
        until_all(
            shown,
            r"search +[━─]{8,}  \d+/60 trials",
            rf"line  searching, {TIME} left, {TIME} so far",
            r"speed +[\d.]+ simulations a second",
        )
        assert max(map(len, shown.text.splitlines())) <= 40
        hold.lift()
        assert shown.end() == 0
        assert "60/60 trials" in shown.text


def test_a_terminal_of_ten_columns_breaks_nothing(tmp_path: Path) -> None:
    with running(line(tmp_path), columns=10) as shown:
        assert shown.end() == 0


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_is_said_at_once_and_gives_the_terminal_back(times: int, tmp_path: Path) -> None:
    made = line(tmp_path, trials=30)
    hold = held(made, after=20)
    with running(made, columns=60) as shown:
        shown.until(lambda text: "2 of 2 slots busy" in text)
        shown.press(CTRL_C)
        shown.until(lambda text: "line  stopping, Ctrl-C again stops now" in text)
        if times == 2:
            shown.press(CTRL_C)
        else:
            hold.lift()
        assert shown.end() == 130
        assert shown.text.count("line  ") == 1, "^C did not move the display"
        assert "stopped; the same command goes on from here" in shown.text.replace("\n", "")
        assert "stopping" not in shown.text
        assert shown.cursor_is_shown
    assert simulations_of(made) == []


def test_a_pause_is_shown_until_it_ends(tmp_path: Path) -> None:
    made = line(tmp_path, trials=40)
    hold = held(made, after=40)
    with running(made) as shown:
        shown.until(some_trials)
        assert made.mops("pause", "line").code == 0
        text = shown.until(
            lambda text: re.search(r"line  paused; `mops resume line` goes on, " + TIME + " so far", text)
        )
        hold.lift()
        assert text.startswith("paused; `mops resume line` goes on\n"), "the notice stays above"
        shown.until(lambda text: "0 of 2 slots busy" in text)
        assert made.mops("resume", "line").code == 0
        assert shown.end() == 0
        assert "\nresumed\n" in shown.text


def test_failures_are_counted_and_cannot_steer_the_terminal(tmp_path: Path) -> None:
    raising = '    if params["slope"] > 2.5:\n        raise ValueError("\\x1b[2Jtoo steep")\n    rng ='
    model = LINE_MODEL.replace("    rng =", raising)
    spec = line_spec(trials=30, extra="  max_failed: 1.0")
    with running(project(tmp_path / "line", spec=spec, model=model)) as shown:
        assert shown.end() == 0
        failed = re.search(r"^failed +(\d+) of 30 trials \(\d+%\)\nerror +MODEL_ERROR: (.*)$", shown.text, re.MULTILINE)
        assert failed, shown.text
        assert r"ValueError: \x1b[2Jtoo steep" in failed[2]


def test_without_utf_8_it_is_drawn_in_ascii(tmp_path: Path) -> None:
    made = line(tmp_path, trials=40)
    hold = held(made, after=40)
    with running(made, LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0") as shown:
        shown.until(lambda text: re.search(r"search +#+-+  \d+/40 trials", text))
        hold.lift()
        assert shown.end() == 0, shown.text
        assert re.search(r"^loss [\d.]+ .* confirmed on 4 fresh replicates", shown.text, re.MULTILINE)
        assert shown.written.partition(b"best parameters")[0].isascii()


def test_letters_that_an_encoding_has_not_are_escaped(tmp_path: Path) -> None:
    made = line(tmp_path)
    model = made.root / "model.py"
    model.write_text(model.read_text().replace("    rng =", "    if seed % 3: raise ValueError('β ≤ 0')\n    rng ="))
    with running(made, PYTHONIOENCODING="latin-1") as shown:
        assert shown.end() == 1
        assert "\\u03b2 \\u2264 0" in shown.text
        assert "defect" not in shown.text


def test_no_color_takes_the_colours_alone(tmp_path: Path) -> None:
    made = line(tmp_path, trials=40)
    hold = held(made, after=40)
    with running(made, NO_COLOR="1") as shown:
        shown.until(some_trials)
        hold.lift()
        assert shown.end() == 0
        assert not re.search(rb"\x1b\[[\d;]*3\dm", shown.written)


@pytest.mark.parametrize(("args", "env"), [((), {"TERM": "dumb"}), (("--quiet",), {}), (("--json",), {})])
def test_elsewhere_nothing_is_drawn(args: tuple[str, ...], env: dict[str, str], tmp_path: Path) -> None:
    with running(line(tmp_path), *args, **env) as shown:
        assert shown.end() == 0
        assert b"\x1b" not in shown.written
        assert ("12 trials; 2 simulations side by side" in shown.text) == (not args)


def test_a_mistake_in_the_spec_is_its_line_alone(tmp_path: Path) -> None:
    made = line(tmp_path)
    spec = made.root / "adaptive.yaml"
    spec.write_text(spec.read_text().replace("max: 5.0", "max: -5.0"))
    with running(made) as shown:
        assert shown.end() == 2
        assert shown.text.startswith("mops: adaptive.yaml:")
        assert b"\x1b" not in shown.written


def test_only_the_display_imports_rich(tmp_path: Path) -> None:
    made = line(tmp_path)
    code = "import sys; from mops.cli import cli; cli(sys.argv[1:], standalone_mode=False); sys.exit('rich' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code, "run", "--spec", "adaptive.yaml"], cwd=made.root, env=made.env, check=False
    )
    assert ended.returncode == 0
