"""From a loaded spec to the parts of a run, with every mistake found before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelops_runtime.algorithms.registry import load_algorithm
from modelops_runtime.bundles.archive import code_digest
from modelops_runtime.contracts.algorithm import AdaptiveAlgorithm
from modelops_runtime.contracts.errors import SpecError, SpecErrors, UserError
from modelops_runtime.contracts.space import ParameterSpace
from modelops_runtime.evaluation.plan import EvaluationPlan, TargetProblems, plan_targets
from modelops_runtime.models.loading import ModelDescription, ModelSource
from modelops_runtime.runner.mistakes import mistake
from modelops_runtime.runner.model_files import code_of
from modelops_runtime.runner.settings import SearchSettings, StopRules
from modelops_runtime.runner.space_check import complaint
from modelops_runtime.specs.identity import identity_of, identity_parts
from modelops_runtime.specs.loading import LoadedSpec
from modelops_runtime.specs.space import fixed_of, space_of

if TYPE_CHECKING:
    from modelops_runtime.contracts.parameters import Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run that can start."""

    settings: SearchSettings
    algorithm_name: str
    algorithm_options: Mapping[str, object]
    plan: EvaluationPlan
    identity: str
    identity_parts: Mapping[str, str]
    code_digest: str

    def algorithm(self) -> AdaptiveAlgorithm:
        """A fresh one, which knows nothing yet."""
        return load_algorithm(self.algorithm_name, self.settings.space, self.settings.seed, self.algorithm_options)


def model_source(loaded: LoadedSpec) -> ModelSource:
    """Where the model is, and how it is called."""
    model = loaded.spec.model
    return ModelSource(
        entrypoint=model.entrypoint,
        command=tuple(model.command) if model.command else None,
        root=str(loaded.root),
        config=dict(model.config),
        seed_bits=model.seed_bits,
        env=dict(model.env),
    )


def plan_of(loaded: LoadedSpec) -> EvaluationPlan:
    """How outputs are matched with the observations, and scored. Raises SpecErrors."""
    try:
        return plan_targets(loaded.spec.targets, loaded.observed, root=loaded.root)
    except TargetProblems as problems:
        raise SpecErrors(*(loaded.error(p.path, p.wrong, p.right) for p in problems.problems)) from problems


def prepare(loaded: LoadedSpec, description: ModelDescription, plan: EvaluationPlan) -> Prepared:
    """Check what needs the model's description and the installed algorithms. Raises SpecErrors, all mistakes at once."""
    spec = loaded.spec
    space = _space(loaded, description)
    mistakes = [*_algorithm_mistakes(loaded, space), *_guess_mistakes(loaded, space)]
    if mistakes:
        raise SpecErrors(*mistakes)
    code = code_of(loaded)
    parts = identity_parts(loaded, code=code)
    return Prepared(
        settings=_settings(loaded, space),
        algorithm_name=spec.search.algorithm,
        algorithm_options=dict(spec.search.options),
        plan=plan,
        identity=identity_of(parts),
        identity_parts=parts,
        code_digest=code_digest(code),
    )


def _space(loaded: LoadedSpec, description: ModelDescription) -> ParameterSpace:
    try:
        return space_of(loaded.spec, description.bounds)
    except ValueError as error:
        raise SpecErrors(loaded.error("parameters", str(error), "give min and max, or choices")) from error


def _algorithm_mistakes(loaded: LoadedSpec, space: ParameterSpace) -> list[SpecError]:
    search = loaded.spec.search
    try:
        load_algorithm(search.algorithm, space, search.seed, dict(search.options))
    except UserError as error:
        return [mistake(loaded, "search.algorithm", str(error), "name an installed algorithm")]
    except ValueError as error:
        named = next((f".{name}" for name in search.options if repr(name) in str(error)), "")
        return [mistake(loaded, f"search.options{named}", str(error), "options are the algorithm's own")]
    return []


def _guess_mistakes(loaded: LoadedSpec, space: ParameterSpace) -> list[SpecError]:
    return [
        loaded.error(f"search.guesses.{number}", text, "a guess names every searched parameter, within its bounds")
        for number, guess in enumerate(loaded.spec.search.guesses)
        if (text := complaint(space, dict(guess)))
    ]


def _settings(loaded: LoadedSpec, space: ParameterSpace) -> SearchSettings:
    search = loaded.spec.search
    fixed: Mapping[str, Scalar] = fixed_of(loaded.spec)
    return SearchSettings(
        space=space,
        fixed=fixed,
        guesses=tuple(dict(guess) for guess in search.guesses),
        replicates=search.replicates,
        seed=search.seed,
        common_random_numbers=search.common_random_numbers,
        racing_after=search.racing_after,
        confirm_top=search.confirm.top,
        confirm_replicates=search.confirm_replicates,
        max_failed=search.max_failed,
        on_failure=search.on_failure,
        stop=StopRules(time_s=search.stop.time_s, plateau=search.stop.plateau, loss=search.stop.loss),
        lag=search.lag,
    )
