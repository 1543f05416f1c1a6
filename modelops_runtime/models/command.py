"""A command in any language as a model.

    command: [Rscript, sir.R, "{params}", "{outputs}", "{seed}"]

runs in the model's folder, once a simulation, with these put in its arguments:
- `{params}`: a JSON file of the parameters, flat: `{"beta": 1.7, "population": 763}`;
- `{outputs}`: an empty folder. Each `*.parquet`, `*.csv`, `*.arrow`, `*.feather` written there is a table named by its stem;
- `{seed}`: the seed, a whole number (at most `model.seed_bits` bits: 31 for R's `set.seed`).
They are also in its environment as MODELOPS_PARAMS, MODELOPS_OUTPUTS and MODELOPS_SEED. A command without `{outputs}` that writes
no file there prints its only table as CSV on its standard output. All other output is the simulation's log.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.models.callables import Program
from modelops_runtime.models.importing import nearest, problem
from modelops_runtime.models.scratch import remove_abandoned, scratch_folder
from modelops_runtime.models.source import COMMAND_PATH, ModelDescription
from modelops_runtime.models.subprocesses import run_process
from modelops_runtime.models.table_files import read_csv, read_folder

_PLACEHOLDERS = ("params", "outputs", "seed")
_LIKE_A_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_ALONE = re.compile(r"(?:-{0,2}\w[\w-]*=)?\{([a-z_]+)\}")


def command_program(command: Sequence[str], root: str, env: Mapping[str, str]) -> Program:
    """Raises BadOutput if the program is not found or a placeholder is misspelt."""
    for argument in command[1:]:
        _check_placeholders(argument)
    program = _find(command[0], root, env)
    remove_abandoned()
    model = _Command(shown=" ".join(command), program=program, arguments=tuple(command[1:]), root=root, env=dict(env))
    return Program(run=model.run, description=ModelDescription())


def _check_placeholders(argument: str) -> None:
    """Check only arguments that are a whole placeholder; inside a script braces have other meanings."""
    alone = _ALONE.fullmatch(argument)
    close = nearest(alone[1], _PLACEHOLDERS) if alone and alone[1] not in _PLACEHOLDERS else None
    if alone and close:
        raise problem(f"{{{alone[1]}}} is no placeholder", COMMAND_PATH, right=f"did you mean {{{close}}}?")


def _find(name: str, root: str, env: Mapping[str, str]) -> str:
    if os.sep in name:
        path = os.path.join(root, name)
        if not os.path.isfile(path):
            raise problem(f"there is no program {name} in {root}", COMMAND_PATH)
        if not os.access(path, os.X_OK):
            raise problem(
                f"{name} is not executable", COMMAND_PATH, right=f"chmod +x {name}, or name its interpreter first"
            )
        return os.path.abspath(path)
    found = shutil.which(name, path=env.get("PATH"))
    if found is None:
        here = os.path.isfile(os.path.join(root, name))
        hint = f"write ./{name} for the one in the model's folder" if here else "install it, or give its path"
        raise problem(f"there is no program {name!r} on the PATH", COMMAND_PATH, right=hint)
    return os.path.abspath(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    shown: str
    program: str
    arguments: tuple[str, ...]
    root: str
    env: dict[str, str] = field(hash=False)

    def run(self, params: Mapping[str, Scalar], seed: int) -> dict[str, pa.Table]:
        """One simulation. Raises CommandFailed if it does not exit with 0, BadOutput if it leaves no table."""
        with scratch_folder() as scratch:
            names = {
                "params": os.path.join(scratch, "params.json"),
                "outputs": os.path.join(scratch, "outputs"),
                "seed": str(seed),
            }
            os.mkdir(names["outputs"])
            with open(names["params"], "w", encoding="utf-8") as file:
                json.dump(params, file, ensure_ascii=False, allow_nan=False)
            printed = run_process(
                [self.program, *(_filled(argument, names) for argument in self.arguments)],
                shown=self.shown,
                cwd=self.root,
                env={**os.environ, **self.env, **{f"MODELOPS_{name.upper()}": text for name, text in names.items()}},
                keep_output=not self._names_outputs,
            )
            tables = read_folder(names["outputs"])
            if tables:
                return tables
            if self._names_outputs:
                raise BadOutput(f"{self.shown}: no *.parquet, *.csv, *.arrow or *.feather in {{outputs}}")
            return {"output": read_csv(printed, "what the command printed")}

    @property
    def _names_outputs(self) -> bool:
        return any("{outputs}" in argument for argument in self.arguments)


def _filled(argument: str, names: Mapping[str, str]) -> str:
    """Fill all placeholders at once, so that inserted text is not filled again; other braces stay as they are."""
    return _LIKE_A_PLACEHOLDER.sub(lambda match: names.get(match[1], match[0]), argument)
