"""Work in other processes: in order, few items at a time, and gone when the one that asked is gone."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import TracebackType
from typing import TypeVar

import threadpoolctl

from kb.errors import KbError

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST = 8  # a reading process takes some 200 MB
_SELDOM = (100_000, 20, 50)  # objects made before Python looks for cycles of them: we make many, and no cycles
_AHEAD = 3  # items in flight for each process


def batches_of(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield `items` in order, `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def default_workers() -> int:
    """Return the number of processors this process may use, 8 at most."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST)


class Workers:
    """Processes that start when they are first needed; a context manager, which ends them.

    `count` of 1 means none: the work is done where it is asked for. New
    processes are started afresh (`forkserver`, `spawn`), not forked off: they
    inherit neither the lock on the database nor its connection.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = default_workers() if count is None else max(1, count)
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def each(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, here: bool = False
    ) -> Iterator[Result]:
        """Yield `function(item)` of every item, in order.

        Args:
            function: importable by name, as its argument and result must be picklable.
            items: taken only as fast as results are.
            here: do it in this process, for work too small to send away.

        Raises:
            KbError: a process was killed, mostly for want of memory.
        """
        if here or self.count == 1:
            yield from map(function, items)
            return
        waiting: deque[Future[Result]] = deque()
        try:
            executor = self._start()
            for item in items:
                waiting.append(executor.submit(function, item))
                if len(waiting) >= self.count * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise KbError(
                "a reading process died, perhaps for want of memory: try --workers 1 "
                "(in a script, call build under `if __name__ == '__main__':`)"
            ) from None
        finally:
            for future in waiting:
                future.cancel()

    def _start(self) -> ProcessPoolExecutor:
        if self._executor is None:
            methods = multiprocessing.get_all_start_methods()
            context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
            self._executor = ProcessPoolExecutor(self.count, mp_context=context, initializer=_begin)
        return self._executor


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for cycles of objects less often: among as many rows as a build makes that takes a tenth of the time."""
    before = gc.get_threshold()
    if gc.isenabled():
        gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _begin() -> None:
    """Set a new process up: Ctrl-C is for its parent to handle, and it does not outlive that parent.

    There is a process for each processor: threads of matrix products would only stand in each other's way.
    """
    threadpoolctl.threadpool_limits(1)
    gc.set_threshold(*_SELDOM)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the parent's end, which a killed one cannot announce, and end too."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
