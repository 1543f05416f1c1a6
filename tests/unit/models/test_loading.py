import pickle
import sys
import textwrap

import pytest

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.models.errors import describe_error
from modelops_runtime.models.loading import ModelDescription, ModelSource, load_model


def write(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


def loaded(root, entrypoint, **changes):
    return load_model(ModelSource(entrypoint=entrypoint, root=str(root), **changes))


def value(model, params=None, seed=0):
    """The only value of a model that returns {"x": [value]}."""
    return model.simulate(params or {}, seed)["output"]["x"][0].as_py()


def refusal(root, entrypoint, **changes):
    with pytest.raises(BadOutput) as caught:
        loaded(root, entrypoint, **changes)
    assert "\n" not in str(caught.value)
    return str(caught.value), caught.value.path


SEED = 'def simulate(params, seed):\n    return {"x": [seed]}\n'


@pytest.mark.parametrize(
    "entrypoint",
    ["model.py:simulate", "sub/model.py:simulate", "b_one:simulate", "b_pkg.mod:simulate", "b_pkg.mod.simulate"],
)
def test_every_form_of_entry_point_finds_its_function(tmp_path, entrypoint):
    write(tmp_path, model_py=SEED, sub__model_py=SEED, b_one_py=SEED)
    (tmp_path / "b_pkg").mkdir()
    (tmp_path / "b_pkg" / "mod.py").write_text(SEED)
    assert value(loaded(tmp_path, entrypoint), seed=5) == 5


def test_a_helper_beside_the_file_can_be_imported_also_later_and_each_folder_has_its_own(tmp_path):
    models = []
    for name in ("a", "b"):
        root = tmp_path / name
        write(
            root,
            model_py='import helper\ndef simulate(p, s):\n    import late\n    return {"x": [helper.NAME + late.NAME]}\n',
        )
        write(root, helper_py=f"NAME = {name!r}\n", late_py=f"NAME = {name!r}\n")
        models.append(loaded(root, "model.py:simulate"))
    first, second = models
    assert [value(first), value(second), value(first), value(second)] == ["aa", "bb", "aa", "bb"]
    assert sys.path.count(str((tmp_path / "a").resolve())) + sys.path.count(str((tmp_path / "b").resolve())) == 1


def test_a_file_edited_within_the_same_second_is_read_anew(tmp_path):
    write(tmp_path, model_py='def simulate(p, s):\n    return {"x": [1]}\n')
    assert value(loaded(tmp_path, "model.py:simulate")) == 1
    write(tmp_path, model_py='def simulate(p, s):\n    return {"x": [2]}\n')
    assert value(loaded(tmp_path, "model.py:simulate")) == 2


@pytest.mark.parametrize(("bits", "seed"), [(64, 2**64 - 1), (32, 2**32 - 1), (31, 2**31 - 1)])
def test_the_model_gets_the_lowest_bits_of_the_seed_as_a_python_int(tmp_path, bits, seed):
    write(tmp_path, model_py='def simulate(p, s):\n    assert type(s) is int\n    return {"x": [str(s)]}\n')
    assert value(loaded(tmp_path, "model.py:simulate", seed_bits=bits), seed=2**64 - 1) == str(seed)


def test_a_model_that_changes_its_params_or_config_harms_nobody(tmp_path):
    write(
        tmp_path,
        model_py="""
        def simulate(params, seed, config):
            params["n"] += 1
            config["list"].append(1)
            return {"x": [params["n"] + len(config["list"])]}
        """,
    )
    params = {"n": 1}
    model = loaded(tmp_path, "model.py:simulate", config={"list": []})
    assert [value(model, params), value(model, params)] == [3, 3]
    assert params == {"n": 1}


def test_config_goes_to_a_function_that_names_it_and_is_an_error_otherwise(tmp_path):
    write(
        tmp_path,
        model_py='def simulate(p, s, config=None):\n    return {"x": [str(config)]}\n'
        + SEED.replace("simulate", "plain"),
    )
    assert value(loaded(tmp_path, "model.py:simulate")) == "None"
    assert value(loaded(tmp_path, "model.py:simulate", config={"dt": 0.5})) == "{'dt': 0.5}"
    text, path = refusal(tmp_path, "model.py:plain", config={"dt": 0.5})
    assert (text.split(";")[0], path) == ("model.py:plain takes no config", "model.config")


def test_derived_quantities_are_a_function_beside_the_entry_point(tmp_path):
    write(tmp_path, model_py=SEED + 'def derived(params):\n    return {"R0": params["beta"] / params["gamma"]}\n')
    model = loaded(tmp_path, "model.py:simulate")
    assert model.description == ModelDescription(has_derived=True)
    assert model.derived({"beta": 3, "gamma": 2}) == {"R0": 1.5}
    assert pickle.loads(pickle.dumps(model.description)) == model.description


def test_derived_that_returns_no_numbers_is_bad_output(tmp_path):
    write(tmp_path, model_py=SEED + "def derived(params):\n    return 3\n")
    with pytest.raises(BadOutput, match=r"derived\(params\) returned 3"):
        loaded(tmp_path, "model.py:simulate").derived({})


def test_the_environment_is_there_when_the_model_is_imported(tmp_path):
    write(tmp_path, model_py='import os\nX = os.environ["B_LOADING"]\ndef simulate(p, s):\n    return {"x": [X]}\n')
    assert value(loaded(tmp_path, "model.py:simulate", env={"B_LOADING": "on"})) == "on"


@pytest.mark.parametrize(
    ("entrypoint", "text"),
    [
        ("model.py", "'model.py' names no function; write model.py:simulate"),
        ("simulate", "'simulate' is not an entry point; write model.py:fn"),
        ("model.py:sim ulate", "is not an entry point"),
        ("model.py:simulate/", "is not an entry point"),
        ("modell.py:simulate", "there is no file modell.py in ROOT; did you mean model.py?"),
        ("gone/model.py:simulate", "there is no file gone/model.py in ROOT; there is no folder"),
        ("model.py:simulat", "model.py has no 'simulat'; did you mean 'simulate'?"),
        ("model.py:zzz", "model.py has no 'zzz'; it has simulate"),
        ("model.py:LIMIT", "model.py:LIMIT is of type int; it is to be a function or a class"),
        ("model.py:simulate/low", "model.py:simulate is a function, which has no scenarios; leave out /low"),
        ("b_modell:simulate", "there is no module 'b_modell' in ROOT or among the installed; did you mean 'b_model'?"),
        ("b_nowhere.mod:simulate", "there is no module 'b_nowhere' in ROOT"),
        (
            "few.py:simulate",
            "few.py:simulate(params) cannot be called as (params, seed): too many positional arguments",
        ),
        ("syntax.py:simulate", "syntax.py cannot be imported: SyntaxError: expected ':' (syntax.py:2)"),
        ("raises.py:simulate", "raises.py cannot be imported: ZeroDivisionError: division by zero (raises.py:2)"),
        (
            "needs.py:simulate",
            "needs.py cannot be imported: ModuleNotFoundError: No module named 'b_not_there' (needs.py:1)",
        ),
        (
            "b_needs:simulate",
            "b_needs cannot be imported: ModuleNotFoundError: No module named 'b_not_there' (b_needs.py:1)",
        ),
        ("exits.py:simulate", "exits.py ends the program when it is imported: SystemExit: 3 (exits.py:2)"),
    ],
)
def test_what_is_missing_is_named_with_what_would_be_right(tmp_path, entrypoint, text):
    write(tmp_path, model_py="import math\nLIMIT = 3\n" + SEED, b_model_py=SEED)
    write(tmp_path, few_py="def simulate(params):\n    pass\n", syntax_py="\ndef simulate(params, seed)\n    pass\n")
    write(tmp_path, raises_py="\n1 / 0\n", needs_py="import b_not_there\n", exits_py="import sys\nsys.exit(3)\n")
    (tmp_path / "b_needs.py").write_text("import b_not_there\n")
    (tmp_path / "b_model.py").write_text(SEED)
    message, path = refusal(tmp_path, entrypoint)
    assert text.replace("ROOT", str(tmp_path)) in message
    assert path == "model.entrypoint"


def test_a_source_names_an_entry_point_or_a_command_and_travels(tmp_path):
    source = ModelSource(entrypoint="model.py:simulate", root=str(tmp_path), config={"dt": 1})
    assert pickle.loads(pickle.dumps(source)) == source
    for wrong in ({}, {"entrypoint": "m:f", "command": ("sh",)}):
        with pytest.raises(ValueError, match="an entrypoint or a command"):
            ModelSource(root="/", **wrong)


def failure_of(root, text):
    write(root, model_py=text)
    model = loaded(root, "model.py:simulate")
    try:
        model.simulate({}, 0)
    except Exception as error:
        return describe_error(error, str(root))
    raise AssertionError("the model did not fail")


def test_an_error_of_the_model_names_its_own_last_line_and_shows_no_frame_of_ours(tmp_path):
    line, trace = failure_of(tmp_path, "import json\ndef simulate(p, s):\n    return json.loads('[')\n")
    assert line.startswith("JSONDecodeError: ")
    assert line.endswith(" (model.py:3)")
    assert trace.startswith("Traceback")
    assert "model.py" in trace
    assert "modelops_runtime" not in trace


def test_an_error_that_cannot_be_shown_is_still_described(tmp_path):
    text = """
    class Odd(Exception):
        def __str__(self):
            raise ValueError

    def simulate(p, s):
        raise Odd
    """
    assert failure_of(tmp_path, text)[0] == "Odd: (its text cannot be shown) (model.py:7)"


def test_numpys_complaint_about_seeds_names_the_setting(tmp_path):
    text = "import numpy as np\ndef simulate(p, s):\n    np.random.seed(2**40)\n"
    assert "model.seed_bits: 32" in failure_of(tmp_path, text)[0]
