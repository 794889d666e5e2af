"""Work in several processes, each with a model of its own; results come in the order of the items."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from complaint_router.errors import ArgumentError

_CGROUPS = (
    ("/sys/fs/cgroup/cpu.max",),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_cores() -> int:
    """Cores that this process may use: by affinity, and by the quota of its container, rounded down; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for files in _CGROUPS:
        try:
            quota, period = " ".join(Path(file).read_text("ascii") for file in files).split()
            if int(quota) > 0:
                cores = min(cores, int(quota) // int(period))
        except (OSError, ValueError):  # no such container, or "max": no quota
            continue
    return max(cores, 1)


def check_workers(workers: int) -> None:
    """Make sure that there can be so many workers.

    Raises:
        ArgumentError: `workers` is below 1.
    """
    if workers < 1:
        raise ArgumentError(f"workers is {workers}; name a whole number from 1 up")


def in_order(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """Do the work on each item, in order; this process is one of the workers, the others are started.

    Raises:
        ArgumentError: a worker died.
    """
    if workers == 1:
        yield from map(work, items)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
    waiting: deque[Future[Result]] = deque()
    with ProcessPoolExecutor(workers - 1, context, _begin, (pickle.dumps(work),)) as pool:
        try:
            for item in items:
                # Two items for each other process keep it busy; what is beyond, this process does itself meanwhile.
                if sum(not each.done() for each in waiting) < 2 * (workers - 1):
                    waiting.append(pool.submit(_work, item))
                else:
                    here: Future[Result] = Future()
                    here.set_result(work(item))
                    waiting.append(here)
                while waiting and (waiting[0].done() or len(waiting) > 8 * workers):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise ArgumentError("a worker died, perhaps for want of memory; name fewer with --workers") from None
        finally:
            pool.shutdown(cancel_futures=True)


_chosen: Callable[[Any], Any] | None = None
"""In a worker: the work."""


def _begin(work: bytes) -> None:
    global _chosen
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that writes; it ends the others
    Thread(target=_end_with_parent, daemon=True).start()
    _chosen = pickle.loads(work)  # here, not among the arguments: it loads the model, and Ctrl-C may come meanwhile


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for its next item for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(item: Any) -> Any:
    assert _chosen is not None
    return _chosen(item)
