"""Each mistake is one line: file, line, column, what is wrong, what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelops_runtime.contracts.errors import SpecErrors
from modelops_runtime.specs.loading import load_spec
from tests.unit.specs.files import DATA, FULL, SPEC, lines_of, load

MISTAKES = [
    # what is written, what is written instead, line and column, what is wrong, how what would be right begins
    (
        "name: boarding-school",
        "name: Boarding School",
        "2:7",
        "name is 'Boarding School'",
        "it must be a-z, 0-9 and -, up to 63 char",
    ),
    ("name: boarding-school", "name: 123", "2:7", "name is 123", 'text is wanted: put it in quotes, "123"'),
    ("version: 1", "version: 2", "1:10", "version is 2", "it must be 1"),
    ("version: 1\n", "", "1:1", "version is missing", "add version: 1, the version of this form"),
    ("version: 1", 'version: "1"', "1:10", "version is '1'", "it must be 1"),
    ("  timeout: 30s", "  timout: 30s", "5:3", "there is no key 'timout' here", "did you mean timeout?"),
    ("timeout: 30s", "timeout: 30", "5:12", "30 has no unit", "write 30s for seconds, or 500ms, 5m, 2h"),
    (
        "timeout: 30s",
        "timeout: 30 seconds",
        "5:12",
        "'30 seconds' is not a duration",
        "a duration has a unit, such as 500ms, 30",
    ),
    ("timeout: 30s", "timeout: 0s", "5:12", "'0s' is not a duration", "a duration has a unit, such as 500ms, 30"),
    ("memory: 2Gi", "memory: 2GB", "6:11", "'2GB' is not a memory size", "a memory size has a unit, such as 512Mi,"),
    ("memory: 2Gi", "memory: 2048", "6:11", "2048 has no unit", "a memory size has a unit, such as 512Mi,"),
    (
        "entrypoint: model.py:simulate",
        "entrypoint: model.py",
        "4:15",
        "entrypoint is 'model.py'",
        "it must be model.py:fn, pkg.mod:fn or pk",
    ),
    (
        "  entrypoint: model.py:simulate\n",
        "",
        "3:1",
        "neither entrypoint nor command is given",
        "write model.py:fn, pkg.mod:fn or pkg.mod",
    ),
    ("  timeout: 30s", "  command: [a]", "5:3", "entrypoint and command are both given", "give one of them"),
    ("  timeout: 30s", "  env: {N: 1}", "5:12", "N is 1", 'text is wanted: put it in quotes, "1"'),
    (
        "  timeout: 30s",
        '  env: {"1N": "1"}',
        "5:9",
        "'1N' cannot name a variable",
        "use letters, digits and _, no digit firs",
    ),
    ("  timeout: 30s", "  seed_bits: 16", "5:14", "seed_bits is 16", "it must be one of 64, 32, 31"),
    (
        "  timeout: 30s",
        "  config: {start: 2024-01-01}",
        "5:19",
        "2024-01-01 (a date) is given",
        "put it in quotes to make it text",
    ),
    (
        "entrypoint: model.py:simulate",
        "command: Rscript sir.R",
        "4:12",
        "command is 'Rscript sir.R'",
        "a list is wanted, such as [a, b]",
    ),
    (
        "entrypoint: model.py:simulate",
        "command: [Rscript, 3]",
        "4:22",
        "command[1] is 3",
        'text is wanted: put it in quotes, "3"',
    ),
    ("min: 0.5, max: 5.0", "min: 5.0, max: 0.5", "8:15", "min is 5.0, not below max 0.5", "min must be below max"),
    (
        "min: 0.5, max: 5.0",
        "min: 0, max: 5.0",
        "8:15",
        "a log scale has min 0",
        "min must be above 0, or scale: linear",
    ),
    ("scale: log}", "scale: logit}", "8:25", "a logit scale has max 5.0", "both bounds must lie inside (0, 1), 0 an"),
    (
        "scale: log}",
        "scale: logarithmic}",
        "8:37",
        "scale is 'logarithmic'",
        "it must be one of linear, log, logit; di",
    ),
    ("scale: log}", "step: 1}", "8:36", "step is for whole numbers", "add type: int, or leave step out"),
    ("min: 0.5,", 'min: "0.5",', "8:15", "min is '0.5'", "a number is wanted, without quotes"),
    ("min: 0.5,", "min: true,", "8:15", "min is true", "a number is wanted"),
    ("min: 0.5,", "min: .nan,", "8:15", "min is nan", "a finite number is wanted"),
    ("min: 0.5,", "min: 1e-3x,", "8:15", "min is '1e-3x'", "a number is wanted"),
    ("step: 1}", "step: 0}", "9:45", "step is 0", "it must be at least 1"),
    ("step: 1}", "step: 11}", "9:45", "step is 11, above max - min = 10", "at least min + step must be within max"),
    ("step: 1}", "step: 0.5}", "9:45", "step is 0.5", "a whole number is wanted"),
    ("step: 1}", "scale: log}", "9:16", "a log scale has min 0", "min must be above 0, or scale: linear"),
    (
        "min: 0, max: 10, type: int, step: 1",
        "min: 1, max: 10, type: int, step: 2, scale: log",
        "9:45",
        "a log scale has step 2",
        "with scale: log, step is 1",
    ),
    (
        "min: 0, max: 10, type: int, step: 1",
        "min: 0.5, max: 10, type: int",
        "9:16",
        "min is 0.5, and the type is int",
        "min must be a whole number, or type: flo",
    ),
    ("type: int", "type: integer", "9:34", "type is 'integer'", "it must be one of float, int; did you me"),
    (
        "scale: log}",
        "scale: log, prior: normal}",
        "8:49",
        "normal needs mean and sd",
        "write {kind: normal, mean: ..., sd: ...}",
    ),
    ("scale: log}", "prior: {mean: 1, sd: 2}}", "8:30", "the prior has no kind", "write {kind: normal, mean: 1, sd"),
    ("scale: log}", "prior: {kind: beto}}", "8:44", "'beto' is not a prior", "did you mean beta?"),
    ("scale: log}", "prior: cauchy}", "8:37", "'cauchy' is not a prior", "a prior is one of uniform, normal"),
    ("scale: log}", "prior: {kind: normal, mean: 1, sd: 0}}", "8:65", "sd is 0", "it must be above 0"),
    ("scale: log}", "prior: {kind: normal, mean: 1}}", "8:30", "sd is missing", "add sd: standard deviation"),
    (
        "scale: log}",
        "prior: {kind: gamma, shape: 2, rate: 1, scale: 1}}",
        "8:70",
        "there is no key 'scale' here",
        "did you mean shape?",
    ),
    ("scale: log}", "prior: {kind: uniform, min: 1}}", "8:53", "a uniform prior has no min", "it is uniform between"),
    (
        "scale: log}",
        "prior: {kind: normal, mean: 60, sd: 1}}",
        "8:30",
        "0 of the prior normal (mean 60, sd 1) lies between 0.5 and 5",
        "take another prior, or a range that hold",
    ),
    (
        "dispersion: 10}",
        "dispersion: {parameter: k}}",
        "17:61",
        "there is no nuisance parameter k",
        "declare it: nuisance: {k: {min: 1, max: 1",
    ),
    (
        "dispersion: 10}",
        "dispersion: {}}",
        "17:37",
        "parameter is missing",
        "add parameter: one of the spec's `nuisance`",
    ),
    ("dispersion: 10}", "dispersion: [1]}", "17:37", "dispersion is a list", "a number is wanted"),
    ("dispersion: 10}", "dispersion: 10, multiply: 0}", "17:63", "multiply is 0", "it must be above 0"),
    (
        "dispersion: 10}\nsearch:",
        "dispersion: 10}\nnuisance: {k: {min: 1, max: 2}}\nsearch:",
        "18:12",
        "no loss uses k",
        "write {parameter: k} in a loss, or leave",
    ),
    (
        "dispersion: 10}\nsearch:",
        "dispersion: {parameter: beta}}\nnuisance: {beta: {min: 1, max: 2}}\nsearch:",
        "18:12",
        "beta is among the parameters too",
        "give one of the two another name",
    ),
    (
        "dispersion: 10}\nsearch:",
        "dispersion: {parameter: k}}\nnuisance: {k: {min: 0, max: 2}}\nsearch:",
        "18:21",
        "k is dispersion of target in_bed, and its min is 0",
        "min must be above 0",
    ),
    (
        "dispersion: 10}\nsearch:",
        "dispersion: {parameter: k}}\nnuisance: {k: {min: 0.1, max: 2, scale: logit}}\nsearch:",
        "18:31",
        "a logit scale has max 2",
        "both bounds must lie inside (0, 1), 0 an",
    ),
    (
        "dispersion: 10}\nsearch:",
        "dispersion: {parameter: k}}\nnuisance: {k: {max: 2}}\nsearch:",
        "18:12",
        "min is missing",
        "add min: least value",
    ),
    (
        "shape: {choices: [gamma, lognormal]}",
        "shape: {choices: [gamma, lognormal], prior: uniform}",
        "10:11",
        "choices and prior are both given",
        "give min and max for a range, or choices",
    ),
    (
        "shape: {choices: [gamma, lognormal]}",
        "shape: {choices: [gamma, lognormal], min: 1}",
        "10:11",
        "choices and min are both given",
        "give min and max for a range, or choices",
    ),
    (
        "[gamma, lognormal]",
        "[gamma, gamma]",
        "10:28",
        "'gamma' is there twice",
        "each choice is given once (true and 1 ar",
    ),
    ("[gamma, lognormal]", "[]", "10:11", "choices is empty", "give at least one"),
    ("[gamma, lognormal]", "[gamma, [a]]", "10:28", "a list is given", "it must be a number, text, true or false"),
    ("population: 763", "population:", "11:3", "there is no value", "give {min: 0, max: 1}, {choices: [a, b]}"),
    ("population: 763", "population: [1, 2]", "11:3", "a list is given", "give {min: 0, max: 1}, {choices: [a, b]}"),
    ("population: 763", "7up: 763", "11:3", "'7up' cannot be a name", "begin with a letter or _; then letters, "),
    (
        "population: 763",
        "population: 2024-01-01",
        "11:15",
        "2024-01-01 (a date) is given",
        "put it in quotes to make it text",
    ),
    ("population: 763", "beta: 763", "11:3", "the key beta is there twice (first in line 8)", "keep one of them"),
    ("observed: data.csv", "observed: dat.csv", "14:15", "there is no file dat.csv", "did you mean data.csv?"),
    ("observed: data.csv", "observed: data.txt", "14:15", "there is no file data.txt", "did you mean data.csv?"),
    ("match: {exact: day}", "match: {exact: Day}", "15:20", "data.csv has no column 'Day'", "did you mean 'day'?"),
    (
        "match: {exact: day}",
        "match: {exact: day, by: [regoin]}",
        "15:30",
        "data.csv has no column 'regoin'",
        "did you mean 'region'?",
    ),
    (
        "match: {exact: day}",
        "match: {exact: day}\n    by: [regoin]",
        "16:10",
        "data.csv has no column 'regoin'",
        "did you mean 'region'?",
    ),
    ("match: {exact: day}", "match: {asof: day}", "15:5", "asof has no tolerance", "write {asof: day, tolerance: 0.5}"),
    (
        "match: {exact: day}",
        "match: {exact: day, sum: day}",
        "15:30",
        "exact and sum are both given",
        "write {exact: day}, {asof: t, tolerance:",
    ),
    (
        "match: {exact: day}",
        "match: {exact: day, tolerance: 1}",
        "15:36",
        "tolerance is for asof, and the match is exact",
        "leave it out, or match with asof",
    ),
    (
        "match: {exact: day}",
        "match: {exact: day, by: [day]}",
        "15:30",
        "'day' is matched already",
        "by names further columns, each once",
    ),
    ("match: {exact: day}", "match: day", "15:12", "match is 'day'", "a mapping is wanted: keys, each with a v"),
    (
        "match: {exact: day}",
        "match: {exact: day, by: [region]}\n    by: [region]",
        "16:5",
        "by is given here and inside match",
        "give it once",
    ),
    ("    value: in_bed\n", "", "13:3", "value is missing", "add value: the column that is compared, "),
    ("value: in_bed", "value: cases", "16:12", "data.csv has no column 'cases'", "its columns are day, in_bed, region"),
    ("value: in_bed", "value: region", "16:12", "'region' in data.csv holds 'N' (row 1)", "observations are numbers"),
    (
        "value: in_bed",
        "value: {observed: cases, simulated: in_bed}",
        "16:23",
        "data.csv has no column 'cases'",
        "its columns are day, in_bed, region",
    ),
    (
        "value: in_bed",
        "value: {observed: in_bed}",
        "16:5",
        "simulated is missing",
        "add simulated: column of the model's out",
    ),
    ("value: in_bed", "value: 3", "16:12", "3 is given", "name a column, or {observed: cases, simu"),
    ("dispersion: 10", "dispersion: -1", "17:49", "dispersion is -1", "it must be above 0"),
    (
        "kind: negative_binomial",
        "kind: negativ_binomial",
        "17:18",
        "'negativ_binomial' is not a loss",
        "a loss is one of mean_signal, absolute, annealed, ",
    ),
    ("search:\n", "search:\n  trails: 3\n", "19:3", "there is no key 'trails' here", "did you mean trials?"),
    ("trials: 300", "trials: many", "19:11", "trials is 'many'", "a whole number is wanted"),
    ("trials: 300", "trials: 0", "19:11", "trials is 0", "it must be at least 1"),
    ("trials: 300", "trials: 2.5", "19:11", "trials is 2.5", "a whole number is wanted"),
    ("trials: 300", "trials:", "19:3", "trials is empty", "a whole number is wanted"),
    ("trials: 300", "racing: 3", "19:11", "racing is 3", "write {after: 3}, true or false"),
    ("trials: 300", "racing: {after: 1}", "19:19", "after is 1", "it must be at least 2"),
    ("trials: 300", "racing: {befor: 1}", "19:12", "there is no key 'befor' here", "the only key is after"),
    ("trials: 300", "on_failure: wrst", "19:15", "on_failure is 'wrst'", "it must be one of worst, ignore; did you"),
    ("trials: 300", "max_failed: 2", "19:15", "max_failed is 2", "it must be at most 1"),
    ("trials: 300", "stop: {time: 2}", "19:16", "2 has no unit", "write 2s for seconds, or 500ms, 5m, 2h"),
    ("trials: 300", "lag: -1", "19:8", "lag is -1", "it must be at least 0"),
    ("trials: 300", "common_random_numbers: yes", "19:26", "common_random_numbers is 'yes'", "true or false is wanted"),
    ("{beta: 1.7,", "{bta: 1.7,", "22:8", "there is no parameter bta", "did you mean beta?"),
    ("{beta: 1.7,", "{population: 1,", "22:8", "population is fixed", "a guess names what is searched"),
    (
        "    - {beta: 1.7, delay: 2, shape: gamma}",
        "    beta: 1.7",
        "21:3",
        "guesses is a mapping",
        "a list is wanted, such as [a, b]",
    ),
    (
        "    top: 5",
        "    top: 5\n    top: 6",
        "25:5",
        "the key top is there twice (first in line 24)",
        "keep one of them",
    ),
    ("    top: 5", "    5: 5", "24:5", "the key 5 is a number", 'put it in quotes: "5"'),
    ("    top: 5", "    top: !big 5", "24:10", "the tag !big is not known", "leave it out"),
    (
        "    top: 5",
        "   top: 5\n  - a",
        "25:3",
        "this is not YAML: expected <block end>, but found '-'",
        "keys of one mapping begin in the same co",
    ),
    (
        "    top: 5",
        "    top: [5",
        "25:1",
        "this is not YAML: expected ',' or ']', but got '<stream end>'",
        "close the [ with a ]",
    ),
    ("    top: 5", "    top: 5\noutputs: {keep: some}", "25:17", "keep is 'some'", "it must be one of none, best, all"),
    (
        "    top: 5",
        "    top: 5\nworkers: {replicas: 3}",
        "25:21",
        "replicas is 3 and there is no central_store",
        "add central_store: {kind: postgres}, whi",
    ),
    (
        "    top: 5",
        "    top: 5\ncentral_store: {kind: postgres}\nworkers: {replicas: 10001}",
        "26:21",
        "replicas is 10001",
        "it must be at most 10000",
    ),
    (
        "    top: 5",
        "    top: 5\ncentral_store: {mode: managed}",
        "25:23",
        "mode managed has no existing_secret",
        "add existing_secret: NAME, a Secret with",
    ),
    (
        "    top: 5",
        "    top: 5\nworkers: {resources: {limits: {cpu: lots}}}",
        "25:37",
        "'lots' is not an amount",
        "write a Kubernetes quantity such as 500m",
    ),
    (
        "    top: 5",
        "\ttop: 5",
        "24:1",
        "this is not YAML: found character '\\t' that cannot start any token",
        "indent with spaces, and put text that be",
    ),
    ("    top: 5", "    top: 5\noutput: {}", "25:1", "there is no key 'output' here", "did you mean outputs?"),
    (
        "    top: 5",
        "    top: *nowhere",
        "24:10",
        "this is not YAML: found undefined alias 'nowhere'",
        "name it first, with &name",
    ),
    (
        "    top: 5",
        "    top: 'open",
        "25:1",
        "this is not YAML: found unexpected end of stream",
        "close the quote or bracket that is open",
    ),
]

DATA_MISTAKES = [
    ("", "14:15", "data.csv is empty"),
    ("day,in_bed\n", "14:15", "data.csv has no rows"),
    ("day;in_bed\n1;2\n", "14:15", "data.csv has semicolons between its columns"),
    ("day\tin_bed\n1\t2\n", "14:15", "data.csv has tabs between its columns"),
    ("day,in_bed\n1,2\n3,4,5\n", "14:15", "data.csv cannot be read: Row #3: Expected 2 columns, got 3: 3,4,5"),
    ("day,in_bed,day\n1,2,3\n", "14:15", "data.csv has the column 'day' twice"),
    ("day,in_bed,n\n1,2,\xe9\n".encode("latin-1"), "14:15", "data.csv is not UTF-8 (line 2)"),
    ("day,in_bed\n1,2\n2,3\n1,4\n", "14:15", "data.csv has day 1 twice (rows 1 and 3)"),
    ("day,in_bed\n1,2\n,3\n", "14:15", "data.csv has an observation without 'day' (row 2)"),
    ("day,in_bed\n1,2\n3,about 5\n", "16:12", "'in_bed' in data.csv holds 'about 5' (row 2)"),
    ("day,in_bed\n1,true\n", "16:12", "'in_bed' in data.csv holds true (row 1)"),
    ("day,in_bed\n1,2024-01-01\n", "16:12", "'in_bed' in data.csv holds 2024-01-01 (a date) (row 1)"),
    ("day,in_bed\n1,NA\n3,\n", "16:12", "all values of 'in_bed' in data.csv are missing"),
    ("day,in_bed\n1,inf\n", "16:12", "'in_bed' in data.csv is infinite in row 1"),
]


@pytest.mark.parametrize(("given", "instead", "where", "wrong", "right"), MISTAKES)
def test_a_mistake_is_one_line_with_its_place(
    tmp_path: Path, given: str, instead: str, where: str, wrong: str, right: str
) -> None:
    assert SPEC.count(given) >= 1
    (line,) = lines_of(tmp_path, SPEC.replace(given, instead, 1))
    assert line.startswith(f"adaptive.yaml:{where}: {wrong}; {right}")


@pytest.mark.parametrize(("data", "where", "wrong"), DATA_MISTAKES)
def test_a_mistake_in_the_data_is_shown_where_the_spec_names_it(
    tmp_path: Path, data: str | bytes, where: str, wrong: str
) -> None:
    (line,) = lines_of(tmp_path, SPEC, data)
    assert line.startswith(f"adaptive.yaml:{where}: {wrong}; ")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "adaptive.yaml:1:1: the file is empty; begin with version: 1"),
        ("# only a comment\n", "adaptive.yaml:1:1: the file is empty; begin with version: 1"),
        ("- a\n", "adaptive.yaml:1:1: the file holds a list; begin with version: 1"),
        ("hello\n", "adaptive.yaml:1:1: the file holds one value, 'hello'; begin with version: 1"),
        (b"version: 1\nname: b\xe9\n", "adaptive.yaml:2:8: the byte 0xe9 is not UTF-8; save the file as UTF-8"),
        ("version: 1\nname: b\x01\n", "adaptive.yaml:2:8: the character 0x1 is not allowed; remove it"),
        (
            "a: 1\n---\nb: 2\n",
            "adaptive.yaml:2:1: this is not YAML: but found another document; keep one document, without ---",
        ),
    ],
)
def test_a_file_that_is_no_spec_is_one_line(tmp_path: Path, content: str | bytes, line: str) -> None:
    assert lines_of(tmp_path, content) == [line]


def test_a_missing_file_a_folder_and_a_file_of_another_kind_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(SpecErrors, match=r"nowhere\.yaml: there is no such file; give the path of an adaptive\.yaml"):
        load_spec(tmp_path / "nowhere.yaml")
    with pytest.raises(SpecErrors, match=r"this is a folder; give the path of an adaptive\.yaml"):
        load_spec(tmp_path)
    (tmp_path / "adaptive.yaml").touch()
    with pytest.raises(SpecErrors, match=r"this is a folder; give the file in it: .*/adaptive\.yaml"):
        load_spec(tmp_path)


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    (line,) = lines_of(tmp_path, "# data\n" * 200_000)
    assert line == "adaptive.yaml: the file has 1.3 MiB, above 1 MiB; give the path of an adaptive.yaml"


def test_several_mistakes_are_shown_together_in_the_order_of_the_file(tmp_path: Path) -> None:
    spec = (
        SPEC.replace("min: 0.5, max: 5.0", "min: 5.0, max: 0.5")
        .replace("value: in_bed", "value: cases")
        .replace("trials: 300", "trails: 300")
        .replace("name: boarding-school", "name: Boarding")
        .replace("    top: 5", "    top: 5\n    top: 6")
        .replace("{beta: 1.7", "{bta: 1.7")
    )
    places = [line.split(": ")[0] for line in lines_of(tmp_path, spec)]
    assert places == [f"adaptive.yaml:{at}" for at in ("2:7", "8:15", "16:12", "19:3", "22:8", "25:5")]


def test_the_rest_of_a_part_is_checked_though_one_of_its_keys_is_wrong(tmp_path: Path) -> None:
    spec = SPEC.replace("{min: 0.5, max: 5.0, scale: log}", "{min: 5, max: 1, scal: log, type: 3}")
    assert [line.split(": ")[1].split("; ")[0] for line in lines_of(tmp_path, spec)] == [
        "min is 5, not below max 1",
        "there is no key 'scal' here",
        "type is 3",
    ]


def test_no_line_speaks_of_the_library_that_checks(tmp_path: Path) -> None:
    for number, (given, instead, *_) in enumerate(MISTAKES):
        folder = tmp_path / str(number)
        folder.mkdir()
        for line in lines_of(folder, SPEC.replace(given, instead, 1)):
            assert not any(word in line for word in ("Input should", "pydantic", "http", "type=", "_type"))


def test_a_file_that_expands_without_end_is_refused(tmp_path: Path) -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
    )
    (line,) = lines_of(tmp_path, bomb)
    assert "the file holds more than 100,000 values" in line


def test_a_file_that_holds_itself_or_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    assert any("a part holds itself" in line for line in lines_of(tmp_path, "version: &a [*a]\n"))
    assert "nested too deeply" in lines_of(tmp_path, "a: " + "[" * 600 + "]" * 600)[0]


def test_a_mistake_found_later_is_placed_at_the_deepest_part_that_the_file_has(tmp_path: Path) -> None:
    loaded = load(tmp_path, SPEC.replace("  population", "  infections.per.day: 3\n  population"))
    expected = {
        "targets.in_bed.match": "16:5",
        "targets.in_bed.output": "14:3",
        "targets.in_bed.value": "17:12",
        "model.entrypoint": "4:15",
        "model.command": "3:1",
        "search.guesses.0": "23:7",
        "search.guesses.7": "22:3",
        "search.options": "19:1",
        "parameters.infections.per.day": "11:23",
        "parameters": "7:1",
        "": "1:1",
    }
    for path, place in expected.items():
        assert str(loaded.error(path, "w", "r")) == f"{tmp_path}/adaptive.yaml:{place}: w; r"


def test_the_file_is_named_as_the_user_gave_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(tmp_path)
    monkeypatch.chdir(tmp_path)
    loaded = load_spec(Path("adaptive.yaml"))
    assert str(loaded.error("name", "w", "r")) == "adaptive.yaml:2:7: w; r"
    assert loaded.root == tmp_path.resolve()


def test_every_key_of_a_spec_is_accepted(tmp_path: Path) -> None:
    load(tmp_path, FULL, DATA)


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("name: boarding-school", 'name: "boarding\\ud800"'),
        ("entrypoint: model.py:simulate", 'entrypoint: "model.py:\\udfff"'),
        ("timeout: 30s", '"\\ud800": 30s'),
    ],
)
def test_half_a_letter_is_no_text(tmp_path: Path, written: str, instead: str) -> None:
    assert written in SPEC
    with pytest.raises(SpecErrors) as refused:
        load(tmp_path, SPEC.replace(written, instead))
    said = [line for line in str(refused.value).splitlines() if "is half of a letter" in line]
    assert len(said) == 1
    assert said[0].endswith("is half of a letter; write the letter itself, or its whole escape")
