"""`python -m tests.bench.scale_workers ADDRESS COUNT`: so many Dask workers in this one process, until stdin is closed."""

from __future__ import annotations

import asyncio
import logging
import sys
from tempfile import TemporaryDirectory

AT_ONCE = 25


async def work(address: str, count: int) -> None:
    from distributed import Worker

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # after the import, which sets levels of its own
    with TemporaryDirectory(prefix="modelops-scale-") as folder:
        workers = [
            Worker(address, nthreads=1, memory_limit=0, dashboard=False, local_directory=folder, name=str(number))
            for number in range(count)
        ]
        for first in range(0, count, AT_ONCE):
            await asyncio.gather(*workers[first : first + AT_ONCE])
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await asyncio.gather(*(worker.close(executor_wait=False) for worker in workers), return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], int(sys.argv[2])))
