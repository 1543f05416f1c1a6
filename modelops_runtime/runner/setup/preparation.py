"""Builds the parts of a run from a loaded spec, and finds every mistake before anything starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelops_runtime.algorithms.randomness import generator
from modelops_runtime.algorithms.registry import load_algorithm
from modelops_runtime.bundles.archive import code_digest
from modelops_runtime.contracts.algorithm import AdaptiveAlgorithm, OptionError, UsesPriors
from modelops_runtime.contracts.errors import AlgorithmUnavailable, RunDifference, SpecError, SpecErrors, UserError
from modelops_runtime.contracts.space import ParameterSpace
from modelops_runtime.evaluation.plan import EvaluationPlan, TargetProblems, plan_targets
from modelops_runtime.ledger.base import Run
from modelops_runtime.models.loading import ModelDescription, ModelSource
from modelops_runtime.runner.setup.model_files import ModelCode
from modelops_runtime.runner.setup.settings import SearchSettings, StopRules
from modelops_runtime.specs.adaptive import SearchSpec
from modelops_runtime.specs.identity import differences_since, identity_of, identity_parts, written_parts
from modelops_runtime.specs.loading import LoadedSpec, in_order
from modelops_runtime.specs.nuisance import nuisance_of
from modelops_runtime.specs.space import ParameterMistake, fixed_of, space_of
from modelops_runtime.statistics.priors import draw

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
    written_parts: Mapping[str, str]
    """The same with every default written out."""
    code_digest: str

    def algorithm(self) -> AdaptiveAlgorithm:
        """A new algorithm, without results."""
        return load_algorithm(self.algorithm_name, self.settings.space, self.settings.seed, self.algorithm_options)

    def differences_from(self, run: Run) -> list[RunDifference]:
        """What tells this run from one in a ledger, in words, whichever version made that one."""
        return differences_since(run.spec, run.identity_parts, self.written_parts)


def model_source(loaded: LoadedSpec, code: ModelCode) -> ModelSource:
    """Where the model's copy is, and how the model is called."""
    model = loaded.spec.model

    def there(text: str) -> str:
        """The copy, where a file is named by its whole path."""
        return text.replace(f"{loaded.root}{os.sep}", f"{code.folder}{os.sep}")

    return ModelSource(
        entrypoint=there(model.entrypoint) if model.entrypoint else None,
        command=tuple(map(there, model.command)) if model.command else None,
        root=str(code.folder),
        config=dict(model.config),
        seed_bits=model.seed_bits,
        env={name: there(value) for name, value in model.env.items()},
    )


def planned(loaded: LoadedSpec, code: ModelCode) -> tuple[EvaluationPlan | None, list[SpecError]]:
    """How outputs are matched with the observations, and scored; or what is wrong with the targets."""
    try:
        likelihood, nuisance = loaded.spec.search.likelihood, nuisance_of(loaded.spec.nuisance)
        particles = likelihood.particles if likelihood is not None else None
        targets, observed = loaded.spec.targets, loaded.observed
        return plan_targets(targets, observed, root=code.folder, particles=particles, nuisance=nuisance), []
    except TargetProblems as problems:
        return None, [loaded.error(p.path, code.as_named(p.wrong), p.right) for p in problems.problems]


def prepare(
    loaded: LoadedSpec,
    code: ModelCode,
    description: ModelDescription | None,
    plan: EvaluationPlan | None,
    found: Sequence[SpecError],
) -> Prepared:
    """Check what needs the model's description and the installed algorithms.

    `found` are the mistakes that left no plan or no description. Raises SpecErrors, all mistakes at once.
    """
    spec = loaded.spec
    space, about_space = _space(loaded, description)
    mistakes = [*found, *about_space, *_filter_mistakes(loaded, description)]
    if space is not None:
        mistakes += [*_algorithm_mistakes(loaded, space), *_guess_mistakes(loaded, space)]
        mistakes += [
            loaded.error(f"nuisance.{p.name}", f"{p.name} is a parameter of the model too", "give it another name")
            for p in space.parameters
            if p.name in spec.nuisance and p.name not in spec.parameters
        ]
    if spec.search.replicate_failures.tolerate and plan is not None and not plan.scorer.is_likelihood:
        wrong = "failed replicates cannot be left out of a distance: a mean over those that ran is biased"
        right = "leave it out, or take likelihoods for the targets"
        mistakes.append(loaded.error("search.replicate_failures.tolerate", wrong, right))
    if spec.search.least_replicates == 1 and plan is not None and not plan.scorer.is_likelihood:
        wrong = "a distance of one replicate has no error, which decides how many more the sets near the best get"
        mistakes.append(loaded.error("search.replicates.min", wrong, "write 2 or more"))
    if mistakes or space is None or plan is None:
        raise SpecErrors(*in_order(mistakes))
    uses_priors = _uses_priors(spec.search, space)
    parts = identity_parts(loaded, code=code.digests, uses_priors=uses_priors)
    return Prepared(
        settings=_settings(loaded, space),
        algorithm_name=spec.search.algorithm,
        algorithm_options=dict(spec.search.options),
        plan=plan,
        identity=identity_of(parts),
        identity_parts=parts,
        written_parts=written_parts(loaded, code=code.digests, uses_priors=uses_priors),
        code_digest=code_digest(code.digests),
    )


def _space(loaded: LoadedSpec, description: ModelDescription | None) -> tuple[ParameterSpace | None, list[SpecError]]:
    """The searched parameters; without the model's description, as far as they are known."""
    try:
        return space_of(loaded.spec, description.bounds if description else {}), []
    except ParameterMistake as mistake:
        name, wrong, right = mistake.args
        return None, [loaded.error(f"parameters.{name}", wrong, right)] if description else []


def _algorithm_mistakes(loaded: LoadedSpec, space: ParameterSpace) -> list[SpecError]:
    search = loaded.spec.search
    try:
        load_algorithm(search.algorithm, space, search.seed, dict(search.options))
    except AlgorithmUnavailable as error:
        wrong, right = error.args
        return [loaded.error("search.algorithm", wrong, right or "name an installed algorithm")]
    except UserError as error:
        return [loaded.error("search.algorithm", str(error), "name an installed algorithm")]
    except OptionError as error:
        name, wrong, right = error.args
        path = f"search.options.{name}" if name in search.options else "search.algorithm"
        return [loaded.error(path, wrong, right, at_key=error.unknown)]
    except ValueError as error:
        return [loaded.error("search.options", str(error), "options are the algorithm's own")]
    return []


def _uses_priors(search: SearchSpec, space: ParameterSpace) -> bool:
    """Whether the priors decide which sets are tried."""
    if search.guesses_from_prior:
        return True
    algorithm = load_algorithm(search.algorithm, space, search.seed, dict(search.options))
    return isinstance(algorithm, UsesPriors) and algorithm.uses_priors


def _guesses(search: SearchSpec, space: ParameterSpace) -> tuple[Mapping[str, Scalar], ...]:
    """The given guesses, then those that are drawn from the priors: each depends on the seed and its number alone."""
    drawn = (draw(space, generator(search.seed, "guess", number)).params for number in range(search.guesses_from_prior))
    return (*(dict(guess) for guess in search.guesses), *map(dict, drawn))


def _filter_mistakes(loaded: LoadedSpec, description: ModelDescription | None) -> list[SpecError]:
    if loaded.spec.search.likelihood is None or description is None or description.is_restartable:
        return []
    path = "model.entrypoint" if loaded.spec.model.entrypoint else "model.command"
    wrong = "the model cannot be restarted, which search.likelihood: a particle filter needs"
    return [loaded.error(path, wrong, "name a class with start(params, rng) and advance(state, params, rng, until)")]


def _guess_mistakes(loaded: LoadedSpec, space: ParameterSpace) -> list[SpecError]:
    right = "a guess names every searched parameter, within its bounds"
    return [
        loaded.error(f"search.guesses.{number}.{name}", text, right)
        for number, guess in enumerate(loaded.spec.search.guesses)
        for name, text in space.problems_with(guess)
    ]


def _settings(loaded: LoadedSpec, space: ParameterSpace) -> SearchSettings:
    search = loaded.spec.search
    fixed: Mapping[str, Scalar] = fixed_of(loaded.spec)
    return SearchSettings(
        space=space,
        fixed=fixed,
        guesses=_guesses(search, space),
        replicates=search.most_replicates,
        least_replicates=search.least_replicates,
        seed=search.seed,
        common_random_numbers=search.common_random_numbers,
        racing_after=search.racing_after,
        confirm_top=search.confirm.top,
        confirm_replicates=search.confirm_replicates,
        max_failed=search.max_failed,
        tolerated_failures=search.replicate_failures.tolerate,
        on_failure=search.on_failure,
        stop=StopRules(time_s=search.stop.time_s, plateau=search.stop.plateau, loss=search.stop.loss),
        lag=search.lag,
    )
