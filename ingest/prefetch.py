"""Files read side by side, ahead of what is done with them: several workers read while the index embeds and writes.

What is yielded, and in which order, does not depend on how many workers there are; nor does a file that cannot be read.

    for reading in read_ahead(paths, read, workers=2): ...
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from ingest.sandbox import Worker
from ingest.sources import Reading

MOST = 4  # workers, unless more are asked for: each is a process of 100 MB or more
Read = Callable[[Path, Worker], Reading]


def usual_workers() -> int:
    """Return how many workers read where nobody says: one a processor, of those that this process may use."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(processors, MOST)


def read_ahead(paths: Iterable[Path], read: Read, *, workers: int) -> Generator[Reading]:
    """Yield what `read` makes of each path, in order. At most `workers` files are being read, and as many lie read."""
    idle: SimpleQueue[Worker] = SimpleQueue()
    waiting: deque[Future[Reading]] = deque()

    def task(path: Path) -> Reading:
        worker = idle.get()
        try:
            return read(path, worker)
        finally:
            idle.put(worker)

    with ExitStack() as stack:
        pool = ThreadPoolExecutor(workers, thread_name_prefix="reader")
        own = [stack.enter_context(Worker()) for _ in range(workers)]  # the process of each is started by its first file
        stack.callback(pool.shutdown, cancel_futures=True)
        for worker in own:
            idle.put(worker)
            stack.callback(worker.stop)  # first of all: whoever interrupts an ingest need not wait for a file
        for path in paths:
            waiting.append(pool.submit(task, path))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
