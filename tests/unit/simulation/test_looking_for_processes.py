"""Who carries a mark, while the processes of the machine change."""

from __future__ import annotations

import subprocess

from modelops_runtime.simulation.pool.processes import processes_marked


def test_a_process_that_changes_its_program_is_not_missed():
    script = "exec sh -c 'exec sh -c \"exec sleep 1000\"'"
    for number in range(40):
        process = subprocess.Popen(["sh", "-c", script], env={"PATH": "/usr/bin:/bin", "A_MARK": f"{number}"})
        try:
            assert all(process.pid in processes_marked("A_MARK", f"{number}") for _ in range(4))
        finally:
            process.kill()
            process.wait()
