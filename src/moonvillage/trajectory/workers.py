"""Work side by side in other processes, that ends when it should.

Workers are spawned, not forked (the parent holds compiled code and threads). They leave Ctrl-C to the parent, and end
by themselves when the parent is gone, so that a killed run leaves nothing behind.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from moonvillage.errors import Interrupted

T = TypeVar("T")
R = TypeVar("R")


def processes(wanted: int | None, jobs: int) -> int:
    """How many processes to use: one a core, at most 8, and no more than there are jobs."""
    return min(wanted or os.cpu_count() or 1, 8, max(1, jobs))


@contextlib.contextmanager
def crew(count: int) -> Iterator[concurrent.futures.Executor | None]:
    """Workers that stay for several rounds of :func:`side_by_side`; none where one process is enough."""
    if count <= 1:
        yield None
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        count, mp_context=context, initializer=_begin, initargs=(os.getpid(),)
    ) as pool:
        yield pool


def side_by_side(
    work: Callable[[T], R],
    jobs: Sequence[T],
    *,
    workers: int | None,
    cancelled: Callable[[], bool] | None,
    stage: str,
) -> Iterator[tuple[int, R]]:
    """Do all jobs, in this process where one worker is enough; yields (index of the job, result) as they finish.

    Raises
    ------
    Interrupted
        If ``cancelled`` said so; jobs that have begun end first.
    """
    with crew(processes(workers, len(jobs))) as pool:
        yield from by_crew(pool, work, jobs, cancelled=cancelled, stage=stage)


def by_crew(
    pool: concurrent.futures.Executor | None,
    work: Callable[[T], R],
    jobs: Sequence[T],
    *,
    cancelled: Callable[[], bool] | None,
    stage: str,
) -> Iterator[tuple[int, R]]:
    """Do all jobs by a :func:`crew`, in this process without one; yields (index of the job, result) as they finish.

    Raises
    ------
    Interrupted
        If ``cancelled`` said so; jobs that have begun end first.
    """
    if pool is None:
        for index, job in enumerate(jobs):
            if cancelled is not None and cancelled():
                raise Interrupted(stage)
            yield index, work(job)
        return
    waiting = {pool.submit(work, job): index for index, job in enumerate(jobs)}
    try:
        while waiting:
            finished, _ = concurrent.futures.wait(
                waiting, timeout=0.2, return_when=concurrent.futures.FIRST_COMPLETED
            )
            if cancelled is not None and cancelled():
                raise Interrupted(stage)
            for future in sorted(finished, key=lambda f: waiting[f]):
                yield waiting.pop(future), future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _begin(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
