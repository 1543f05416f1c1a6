"""Benchmarks: what ModelOps costs, and how good its answers are, beside what people would use instead.

    python -m tests.bench --size small                       every benchmark, in under 90 s on two cores
    python -m tests.bench --size full --json figures.json    the figures that are quoted
    python -m tests.bench --size full --only answer          one of them
    python -m tests.bench --size full --ray-python PATH      with Ray Tune, by a Python that has `ray[tune]` and `optuna`

How to read it. Every figure has its peer measured in the same run, on the same machine, with the same model, so look at
the ratios: seconds alone say more of the machine. Figures are medians of the repeats. Below a table stands each target
with the figure beside it; "short" is a figure that misses its target, and it is not an error: the command ends with 1
only when something broke. The small size shows that everything works; its figures mean little. Leave the machine alone
meanwhile: with two cores, another process is in every figure.

throughput   share of two slots' time that simulations of 100, 10 and 1 ms really use (10 replicates a trial, racing and
             confirmation off, SQLite ledger, isolated processes), over the same share of a bare ProcessPoolExecutor
heavy_tail   the same with one simulation in 20 taking ten times as long
answer       the boarding school by mean-signal loss: how good the answer is, after how many simulations, how soon
ledger       what a trial costs in the ledger with 100,000 trials before it, over 100 before it
asking       ask + tell with 10,000 trials before it, and whether the answers suffer from what is left out
startup      `mops --help`, and the first simulation of `mops run`

What a simulation is. `burner.simulate` computes until its own thread has used so many seconds of processor time (a busy
loop on `time.thread_time`, not a sleep and not the wall clock): a real model's work does not shrink when the two cores
are shared with whoever asks, writes ledgers and schedules, so everybody pays for those.

What is timed. From the moment a warm system starts on the first trial to the last trial's finish: imports, process pools,
clusters and the look at the model before a run are left out, for us and for the peers (`startup` is about those).
"""
