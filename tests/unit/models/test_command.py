import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.models.errors import CommandFailed, describe_error
from modelops_runtime.models.loading import ModelSource, load_model
from modelops_runtime.models.scratch import remove_abandoned
from tests.support.patience import eventually

DECAY = """
# The way an R script would do it: read JSON, set the seed, write a CSV.
BEGIN {
    while ((getline line < params) > 0) text = text line
    match(text, /"rate": *[0-9.e-]+/); split(substr(text, RSTART, RLENGTH), part, ":"); rate = part[2]
    srand(seed); file = outputs "/decay.csv"
    print "day,left" > file
    for (day = 0; day < 5; day++) printf "%d,%.6f\\n", day, 100 * exp(-rate * day) + rand() > file
    print "done"
}
"""


def loaded(root, *command, **changes):
    return load_model(ModelSource(command=command, root=str(root), **changes))


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Where the command's temporary folders go."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_an_awk_script_is_a_model(tmp_path, scratch):
    (tmp_path / "decay.awk").write_text(DECAY)
    model = loaded(
        tmp_path, "awk", "-v", "params={params}", "-v", "outputs={outputs}", "-v", "seed={seed}", "-f", "decay.awk"
    )
    tables = model.simulate({"rate": 0.5, "kind": "é"}, 1)
    assert tables["decay"]["day"].to_pylist() == [0, 1, 2, 3, 4]
    assert tables["decay"]["left"][2].as_py() == pytest.approx(36.79, abs=1)
    assert model.simulate({"rate": 0.5}, 1)["decay"].equals(tables["decay"])
    assert not model.simulate({"rate": 0.5}, 2)["decay"].equals(tables["decay"])
    assert model.derived({"rate": 0.5}) == {}
    assert list(scratch.iterdir()) == []


def test_a_shell_command_without_outputs_prints_its_table(tmp_path):
    model = loaded(
        tmp_path, "sh", "-c", 'echo "seed,x"; echo "$0,NA"; echo "$MODELOPS_SEED,2.5"', "{seed}", seed_bits=31
    )
    assert model.simulate({}, 2**63 + 7)["output"].to_pydict() == {"seed": [7, 7], "x": [None, 2.5]}


def test_params_are_flat_json_and_the_command_runs_in_the_models_folder(tmp_path):
    (tmp_path / "here.txt").write_text("")
    model = loaded(tmp_path, "sh", "-c", 'test -f here.txt && cp "$MODELOPS_PARAMS" seen.json && echo x && echo 1')
    model.simulate({"b": 1.5, "n": 3, "kind": "é", "on": True}, 0)
    assert (tmp_path / "seen.json").read_text() == '{"b": 1.5, "n": 3, "kind": "é", "on": true}'


def test_every_kind_of_table_file_is_read(tmp_path):
    script = """
import os, pyarrow as pa, pyarrow.parquet, pyarrow.feather
table, out = pa.table({"x": [1, 2]}), os.environ["MODELOPS_OUTPUTS"]
pa.parquet.write_table(table, out + "/a.parquet")
pa.feather.write_feather(table, out + "/b.feather")
pa.feather.write_feather(table, out + "/b1.feather", version=1)
for name, new in ("c", pa.ipc.new_stream), ("d", pa.ipc.new_file):
    with new(f"{out}/{name}.arrow", table.schema) as writer:
        writer.write_table(table)
open(out + "/e.csv", "w").write("\\ufeffx\\n1\\n2\\n")
open(out + "/notes.txt", "w").write("not a table")
"""
    tables = loaded(tmp_path, sys.executable, "-c", script, "{outputs}").simulate({}, 0)
    assert {name: table.to_pydict() for name, table in tables.items()} == {
        name: {"x": [1, 2]} for name in ("a", "b", "b1", "c", "d", "e")
    }


def test_braces_of_the_programs_own_language_stay(tmp_path):
    model = loaded(tmp_path, "awk", 'BEGIN { print "x"; if (1) {print "{other}"} } {print}')
    assert model.simulate({}, 0)["output"].to_pydict() == {"x": ["{other}"]}


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("echo first >&2; echo 'Error: no such object' >&2; exit 3", "exit code 3: Error: no such object"),
        ("exit 4", "exit code 4"),
        ("kill -SEGV $$", "killed by SIGSEGV"),
    ],
)
def test_a_command_that_fails_says_how_and_its_last_line(tmp_path, capfd, script, line):
    model = loaded(tmp_path, "sh", "-c", script)
    with pytest.raises(CommandFailed) as caught:
        model.simulate({}, 0)
    assert describe_error(caught.value, str(tmp_path)) == (f"sh -c {script}: {line}", "")
    assert capfd.readouterr().err == ("first\nError: no such object\n" if "first" in script else "")


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("true", "is empty"),
        ("printf 'a,b\\n1\\n'", "is not CSV"),
        (
            "echo x > $MODELOPS_OUTPUTS/t.csv; echo x > $MODELOPS_OUTPUTS/t.parquet",
            "written twice, as t.csv and t.parquet",
        ),
        ("echo x > $MODELOPS_OUTPUTS/t.parquet", "t.parquet cannot be read"),
        ("printf ARROW1xxx > $MODELOPS_OUTPUTS/t.arrow", "t.arrow cannot be read"),
        (": {outputs}", "no *.parquet, *.csv, *.arrow or *.feather in {outputs}"),
    ],
)
def test_a_command_without_a_readable_table_is_bad_output(tmp_path, script, text):
    with pytest.raises(BadOutput, match=r".") as caught:
        loaded(tmp_path, "sh", "-c", script).simulate({}, 0)
    assert text in str(caught.value)
    assert caught.value.path == ""


def test_nothing_that_the_command_started_is_left(tmp_path):
    model = loaded(tmp_path, "sh", "-c", "sleep 1000 & echo $! > child; echo x; echo 1")
    begin = time.monotonic()
    assert model.simulate({}, 0)["output"].to_pydict() == {"x": [1]}
    assert time.monotonic() - begin < 300
    child = int((tmp_path / "child").read_text())
    assert eventually(lambda: not _runs(child))


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("command", "changes", "text", "path"),
    [
        (("no-such-program-here",), {}, "there is no program 'no-such-program-here' on the PATH", "model.command"),
        (("run.sh",), {}, "write ./run.sh for the one in the model's folder", "model.command"),
        (("./run.sh",), {}, "run.sh is not executable; chmod +x", "model.command"),
        (("./gone.sh",), {}, "there is no program ./gone.sh in", "model.command"),
        (("sh", "--with={param}"), {}, "{param} is no placeholder; did you mean {params}?", "model.command"),
        (("sh", "{param}"), {}, "{param} is no placeholder; did you mean {params}?", "model.command"),
        (("sh",), {"config": {"dt": 1}}, "a command takes no config", "model.config"),
    ],
)
def test_what_is_wrong_with_a_command_is_said_when_it_is_loaded(tmp_path, command, changes, text, path):
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    with pytest.raises(BadOutput) as caught:
        loaded(tmp_path, *command, **changes)
    assert text in str(caught.value)
    assert caught.value.path == path


def test_a_program_in_the_models_folder_and_its_environment(tmp_path):
    (tmp_path / "run.sh").write_text('#!/bin/sh\necho flag\necho "$B_FLAG"\n')
    (tmp_path / "run.sh").chmod(0o755)
    model = loaded(tmp_path, "./run.sh", env={"B_FLAG": "on"})
    assert model.simulate({}, 0)["output"].to_pydict() == {"flag": ["on"]}


def test_folders_of_killed_processes_are_removed_and_those_in_use_are_kept(scratch):
    code = "from modelops_runtime.models.scratch import scratch_folder; import time\n"
    code += "with scratch_folder(): print(flush=True); time.sleep(1000)"
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(scratch)}
        )
        for _ in range(2)
    ]
    try:
        for holder in holders:
            assert holder.stdout is not None
            holder.stdout.readline()
        assert len(list(scratch.iterdir())) == 2
        holders[0].send_signal(signal.SIGKILL)
        holders[0].wait()
        remove_abandoned()
        assert len(list(scratch.iterdir())) == 1
    finally:
        for holder in holders:
            holder.kill()
            holder.communicate()
