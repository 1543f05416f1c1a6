"""`python -m tests.bench.peers.ray_script WORKLOAD`: one measurement, as JSON on the last line. Needs ray[tune] and optuna."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import asdict
from typing import Any

from tests.bench.workload import REPLICATES, SLOTS, Measured, Workload, simulate_trial


def measure(workload: Workload, folder: str) -> Measured:
    """Time runs from the start of the first trial's simulations to the end of the last one's."""
    import ray  # pyright: ignore[reportMissingImports]
    from ray import tune  # pyright: ignore[reportMissingImports]
    from ray.tune.search.optuna import OptunaSearch  # pyright: ignore[reportMissingImports]

    def trial(config: dict[str, float]) -> None:
        started = time.monotonic()
        loss, seconds = simulate_trial(workload.params(config["x"], config["y"]), workload.model)
        tune.report({"loss": loss, "seconds": seconds, "started": started, "ended": time.monotonic()})

    ray.init(num_cpus=SLOTS, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    space = {"x": tune.uniform(-1, 1), "y": tune.uniform(-1, 1)}
    search = OptunaSearch(metric="loss", mode="min", seed=1)
    config = tune.TuneConfig(
        search_alg=search, num_samples=workload.trials, max_concurrent_trials=SLOTS, reuse_actors=True
    )
    quiet = tune.RunConfig(storage_path=folder, verbose=0)
    results = tune.Tuner(trial, param_space=space, tune_config=config, run_config=quiet).fit()
    if results.errors:
        raise results.errors[0]
    rows: list[Any] = [result.metrics for result in results]
    ray.shutdown()
    return Measured(
        simulations=REPLICATES * len(rows),
        simulated_s=sum(row["seconds"] for row in rows),
        wall_s=max(row["ended"] for row in rows) - min(row["started"] for row in rows),
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="modelops-bench-") as folder:
        print("\n" + json.dumps(asdict(measure(Workload(**json.loads(sys.argv[1])), folder))))
