"""Route in several processes, each with a model of its own; texts go out in the order in which they came in."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from complaint_router.errors import ArgumentError
from complaint_router.router import Router
from complaint_router.schema import Route

CHUNK = 512
"""Texts that a worker takes at a time."""

_CGROUPS = (
    ("/sys/fs/cgroup/cpu.max",),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)

Item = TypeVar("Item")


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


def routed(router: Router, items: Iterable[tuple[Item, Any]], workers: int) -> Iterator[tuple[Item, Route]]:
    """Route the second of each pair, in order; with one worker in this process, with more in so many others."""
    remaining = iter(items)
    chunks = iter(lambda: list(islice(remaining, CHUNK)), [])
    if workers == 1:
        for chunk in chunks:
            yield from _joined(chunk, router.route_batch(text for _, text in chunk))
        return
    if workers < 1:
        raise ArgumentError(f"workers is {workers}; name a whole number from 1 up")
    context = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
    waiting: deque[tuple[list[tuple[Item, Any]], Future[list[Route]]]] = deque()
    with ProcessPoolExecutor(workers, context, _begin, (router,)) as pool:
        try:
            for chunk in chunks:
                waiting.append((chunk, pool.submit(_route, [text for _, text in chunk])))
                if len(waiting) > 2 * workers:  # enough to keep all busy, and no more of the file in memory
                    done, future = waiting.popleft()
                    yield from _joined(done, future.result())
            while waiting:
                done, future = waiting.popleft()
                yield from _joined(done, future.result())
        except BrokenProcessPool:
            raise ArgumentError("a worker died, perhaps for want of memory; name fewer with --workers") from None
        finally:
            pool.shutdown(cancel_futures=True)


def _joined(chunk: Sequence[tuple[Item, Any]], routes: Sequence[Route]) -> Iterator[tuple[Item, Route]]:
    return ((item, route) for (item, _), route in zip(chunk, routes, strict=True))


_router: Router | None = None
"""In a worker: its model."""


def _begin(router: Router) -> None:
    global _router
    Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that writes; it ends the others
    _router = router


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for its next texts for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _route(texts: list[Any]) -> list[Route]:
    assert _router is not None
    return _router.route_batch(texts)
