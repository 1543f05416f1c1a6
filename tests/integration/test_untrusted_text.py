"""What a model prints and raises, and what stands in a ledger that others wrote, steers neither terminal nor page."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ledgers import copied
from tests.support.projects import LINE_MODEL, Project, line_spec, mops_command, project
from tests.support.steering import NASTY, steering
from tests.support.terminal import terminal

_RAISED = f"""
    if params["slope"] > 3.0:
        print({NASTY!r})
        raise ValueError({NASTY + chr(0xD800)!r})
    rng ="""

RAISING = LINE_MODEL.replace("\n    rng =", _RAISED, 1)

SHOWN = r"\x1b]52;c;ZXZpbA==\x07"


def raising(root: Path, *, trials: int = 20, extra: str = "  max_failed: 1.0") -> Project:
    return project(root, spec=line_spec(trials=trials, extra=extra), model=RAISING)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run some of whose trials failed with hostile errors."""
    made = raising(tmp_path_factory.mktemp("raising") / "line")
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert ended.code == 0, ended.err
    assert "trials failed; the commonest" in ended.out
    assert f"MODEL_ERROR: ValueError: {SHOWN}" in ended.out
    assert steering(ended.out + ended.err) == set()
    return made


def test_an_error_is_shown_and_obeyed_by_no_terminal(done: Project) -> None:
    for args in (
        ("status", "line"), ("results", "show", "line"), ("results", "ls"), ("report", "line", "--to", "again.html"),
        ("run", "--spec", "adaptive.yaml"),
    ):  # fmt: skip
        ended = done.mops(*args)
        assert ended.code == 0, ended.err
        assert steering(ended.out + ended.err) == set(), args
    assert f"ValueError: {SHOWN}" in done.mops("status", "line").out


def test_json_stays_json_in_printable_ascii(done: Project) -> None:
    said = done.mops("status", "line", "--json").out
    assert steering(said) == set()
    assert said.isascii()
    assert "\x7f" in json.loads(said)["failures"][0]["commonest"]


def test_no_byte_of_the_page_steers(done: Project) -> None:
    page = (done.root / "modelops-out" / "line" / "report.html").read_text("utf-8")
    assert SHOWN in page
    assert steering(page) == set()


def test_the_log_of_a_trial_keeps_what_was_printed(done: Project) -> None:
    logs = sorted((done.root / "modelops-out" / "line" / "logs").iterdir())
    assert any("\x1b]52;c;ZXZpbA==\x07" in path.read_text("utf-8") for path in logs)


def test_check_and_a_failed_run_say_it_in_one_line(tmp_path: Path) -> None:
    made = raising(tmp_path / "line", trials=4, extra="  guesses: [{slope: 4.0, height: 1.0}]\n  max_failed: 0.1")
    checked = made.mops("check", "--spec", "adaptive.yaml")
    assert checked.code == 1
    assert f"failed: MODEL_ERROR: ValueError: {SHOWN}" in checked.out
    assert steering(checked.out + checked.err) == set()
    for more in ((), ("--json",)):
        ended = made.mops("run", "--spec", "adaptive.yaml", *more)
        assert ended.code == 1
        assert f"MODEL_ERROR: ValueError: {SHOWN}" in ended.err
        assert steering(ended.out + ended.err) == set()


def test_selftest_says_it_too(tmp_path: Path) -> None:
    made = project(tmp_path / "line", spec=line_spec(trials=4), model=RAISING.replace("> 3.0", "> 0.0"))
    ended = made.mops("selftest", "--spec", "adaptive.yaml", "--repeats", "1", "--out", "found")
    assert "defect" not in ended.err
    assert steering(ended.out + ended.err) == set()
    for path in (made.root / "found").glob("*"):
        assert steering(path.read_text("utf-8")) == set()


def test_a_live_display_writes_no_sequence_of_a_model(tmp_path: Path) -> None:
    made = raising(tmp_path / "line")
    env = {**made.env, "TERM": "xterm-256color"}
    command = mops_command("run", "--spec", "adaptive.yaml", "--workers", "2")
    with terminal(command, cwd=str(made.root), env=env, columns=200) as shown:
        assert shown.end() == 0
        written = shown.written
    assert SHOWN.encode() in written
    for evil in (b"\x1b]52", b"\x1b[2J\xe2", b"\x1b]8", b"\x07", b"\xc2\x9b", b"\x00", b"\x7f", "\u202e".encode()):
        assert evil not in written, evil
    ours = re.sub(rb"\x1b\[(\?25[hl]|[\d;]*m|\d*[A-K])", b"", written).replace(b"\r", b"")
    assert steering(ours.decode("utf-8")) == set()


@pytest.fixture
def poisoned(done: Project, tmp_path: Path) -> tuple[Project, str]:
    """A copy of the ledger in which every text that may be anything is hostile, and the name of its run."""
    made = project(tmp_path / "line", spec=(done.root / "adaptive.yaml").read_text(), model=RAISING)
    made.ledger.parent.mkdir()
    name = f"line{NASTY}\nother: completed".replace("\x00", "")
    with copied(done.ledger, made.ledger) as copy:
        nasty_key = json.dumps(NASTY)[1:-1]
        copy.execute("UPDATE run SET run_id = ?", [name])
        copy.execute("UPDATE run SET provenance = ?", [json.dumps({NASTY: [NASTY, "\ud800"]})])
        for column in ("spec", "space", "summary"):
            copy.execute(f"UPDATE run SET {column} = replace({column}, 'height', ?)", [f"height{nasty_key}"])
        copy.execute("UPDATE run SET spec = replace(spec, '\"line\":', ?)", [f'"line{nasty_key}":'])
        copy.execute("UPDATE run SET observations = replace(observations, '\"line\":', ?)", [f'"line{nasty_key}":'])
        copy.execute("UPDATE run_state SET reason = ?, state = 'OPEN'", [NASTY])
        copy.execute("UPDATE trial SET params = replace(params, 'height', ?)", [f"height{nasty_key}"])
        copy.execute("UPDATE trial SET worker = ?", [f"host/{NASTY}"])
        copy.execute("UPDATE trial SET failure = ?, error = ? WHERE status = 'FAILED'", [NASTY, NASTY * 2000])
        copy.execute(
            "UPDATE trial SET status = 'LEASED', lease_until = proposed_at WHERE number = 0 AND phase = 'search'"
        )
        copy.execute("UPDATE replicate SET log = ?, error = ? WHERE status = 'FAILED'", [NASTY, NASTY])
    return made, name


def test_no_command_obeys_a_ledger_that_others_wrote(poisoned: tuple[Project, str]) -> None:
    made, name = poisoned
    refused = ("rescore", "enqueue", "replay")
    (made.root / "set.yaml").write_text("{nothing: 1}")
    for args in (
        ("results", "ls"), ("status", name), ("status", name, "--json"), ("results", "show", name),
        ("results", "export", name, "--to", "out"), ("results", "export", name, "--to", "csv", "--format", "csv"),
        ("report", name, "--to", "page.html", "--figures", "figures"), ("replay", name, "1", "--spec", "adaptive.yaml"),
        ("rescore", name, "--spec", "adaptive.yaml", "--run-id", "anew"), ("extend", name, "--trials", "30"),
        ("enqueue", name, "set.yaml"), ("pause", name), ("resume", name),
    ):  # fmt: skip
        ended = made.mops(*args)
        assert "defect" not in ended.err, args
        assert ended.code == 0 or args[0] in refused, ended.err
        assert steering(ended.out + ended.err) == set(), args
        lines = [line for line in (ended.out + ended.err).splitlines() if line.startswith("other: completed")]
        assert lines == [], "a name of two lines pretends to be a line of ours"
    for path in (made.root / "page.html", *(made.root / "figures").iterdir()):
        assert steering(path.read_text("utf-8")) == set(), path.name


def test_a_page_is_cut_where_an_error_does_not_end(poisoned: tuple[Project, str]) -> None:
    made, name = poisoned
    said = made.mops("status", name).out
    assert max(map(len, said.splitlines())) < 2_000


def test_a_name_that_no_encoding_has_is_a_mistake_and_no_defect(done: Project) -> None:
    ended = done.mops("status", "no\udcff")
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert "no run" in ended.err


def test_a_mistake_in_a_spec_quotes_it_in_plain_text(tmp_path: Path) -> None:
    made = project(tmp_path / "line", spec=line_spec(loss='"\\e[2J\\u202e\\n\\x9b"'), data="t,y\n0,\x1b[2J\u202e\n")
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2
    assert r"\x1b[2J" in ended.err
    assert steering(ended.out + ended.err) == set()


def test_an_old_encoding_does_not_open_another_door(done: Project) -> None:
    for encoding in ("ascii", "utf-8"):
        changed = Project(done.root, {**done.env, "PYTHONIOENCODING": encoding})
        ended = changed.shipped("status", "line")
        assert ended.code == 0, ended.err
        assert steering(ended.out + ended.err) == set()


def test_a_traceback_that_was_asked_for_passes_the_door_too(tmp_path: Path) -> None:
    code = (
        "import click; from modelops_cli.main import run_command_line\n"
        "@click.command()\n"
        "def cli():\n"
        f"    raise KeyError({NASTY!r})\n"
        "run_command_line(cli, [], name='mops', report='')"
    )
    env = {**os.environ, "MOPS_DEBUG": "1"}
    ended = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert steering(ended.stdout + ended.stderr) == set()


def test_a_reader_that_leaves_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        mops_command("schema", "adaptive"),
        stdin=subprocess.DEVNULL,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert ended.stderr == ""
    assert ended.returncode in (0, 1), "and not 120, with which Python ends when its last flush fails"
