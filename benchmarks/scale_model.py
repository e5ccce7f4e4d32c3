"""The pipeline as a discrete-event simulation: what waits where, and which quota says no.

Its parts are those of docs/architecture.md: queue, starter, slots, executions, tasks, the jobs'
stream and its follower, the recovery. One seed gives one outcome. What is left out makes it kinder
than AWS; docs/scale.md lists it.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterable
from math import ceil, log
from typing import Any

from benchmarks.scale_batch import Batch, Child
from benchmarks.scale_counts import Job, Outcome, buckets_of
from benchmarks.scale_quotas import Assumed, Code, Settings


class Pipeline:
    """Run once by `run`."""

    def __init__(
        self,
        settings: Settings,
        assumed: Assumed | None = None,
        code: Code | None = None,
        seed: int = 6,
    ) -> None:
        self._set, self._assumed, self._code = settings, assumed or Assumed(), code or Code()
        self._random = random.Random(seed)  # noqa: S311 - a simulation's, which has to repeat
        self._now, self._turn = 0.0, 0
        self._due: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._queue: deque[Job] = deque()
        self._starters = 0
        self._waiting: deque[Job] = deque()
        self._holders = self._open = 0
        self._running = {"spot": 0, "on demand": 0}
        shards = self._assumed.shards
        self._stream: list[deque[tuple[bool, Job]]] = [deque() for _ in range(shards)]
        self._is_read = [False] * shards
        self._left = 0
        self._make_buckets()

    def _make_buckets(self) -> None:
        self.buckets = buckets_of(self._set.region)
        self._run_task, on_spot, on_demand, self._start, *others = self.buckets.values()
        self._launches = {"spot": on_spot, "on demand": on_demand}
        self._transitions, self._events, self._slots, self._created = others
        self._outcome = Outcome([], self.buckets)

    def run_batch(self, files: int) -> Outcome:
        """Of files that `sluice batch` feeds, as fast as it may."""
        set, assumed, code = self._set, self._assumed, self._code
        Batch(files, set.slots, assumed, code, self._random, self._at, self._fed).begin()
        self._left = files
        return self.run(())

    def run(self, arrivals: Iterable[float]) -> Outcome:
        """Until every job is over."""
        self._arrivals = iter(arrivals)
        self._next()
        self._at(self._code.sweep_seconds, self._sweep)
        while self._left:
            self._now, _, what, told = heapq.heappop(self._due)
            what(*told)
        self._outcome.drained = self._now
        return self._outcome

    def _job(self, landed: float) -> Job:
        assumed = self._assumed
        audio = self._random.lognormvariate(log(assumed.audio_median), assumed.audio_sigma)
        return Job(landed, audio)

    def _at(self, when: float, what: Callable[..., None], *told: Any) -> None:
        self._turn += 1
        heapq.heappush(self._due, (when, self._turn, what, told))

    # The queue and the starter.

    def _next(self) -> None:
        when = next(self._arrivals, None)
        if when is not None:
            self._outcome.jobs.append(self._job(when))
            self._left += 1
            self._at(when, self._land, self._outcome.jobs[-1])

    def _fed(self, child: Child) -> None:
        job = self._job(self._now)
        job.child = child
        self._outcome.jobs.append(job)
        self._queued(job)

    def _land(self, job: Job) -> None:
        self._next()
        self._queued(job)

    def _queued(self, job: Job) -> None:
        self._queue.append(job)
        if self._starters < self._code.at_once:
            self._starters += 1
            self._receive()

    def _receive(self) -> None:
        """A batch, one message after the other; then the next."""
        if not self._queue:
            self._starters -= 1
            return
        when = self._now
        for _ in range(min(self._code.batch, len(self._queue))):
            when += self._assumed.record
            self._at(when, self._create, self._queue.popleft())
        self._at(when, self._receive)

    def _create(self, job: Job) -> None:
        """The record is written first, so that from here on nothing is lost."""
        if not self._created.take(self._now, self._assumed.item_units):
            self._at(self._now + self._assumed.again, self._create, job)
            return
        self._changed(False, job)
        if not self._take() or not self._begin(job):
            self._waiting.append(job)
            waiting = len(self._waiting)
            self._outcome.peak_waiting = max(self._outcome.peak_waiting, waiting)

    # The slots: one item, of which every write is charged for all of it.

    def _write_slots(self) -> bool:
        units = ceil(max(1, self._holders * self._code.slot_bytes) / 1024)
        if not self._slots.take(self._now, units):
            return False
        self._outcome.slot_units += units
        return True

    def _take(self) -> bool:
        if not self._write_slots():
            return False
        if self._holders >= self._set.slots:
            return False
        self._holders += 1
        return True

    def _begin(self, job: Job) -> bool:
        """The slot goes back where StartExecution is throttled."""
        if not self._start.take(self._now):
            if self._write_slots():
                self._holders -= 1
            return False
        job.started = self._now
        self._open += 1
        self._outcome.peak_open = max(self._outcome.peak_open, self._open)
        self._transit(2, self._convert, job)
        return True

    def _transit(self, number: int, then: Callable[..., None], *told: Any) -> None:
        """An execution that is throttled stands still for a while."""
        if self._transitions.take(self._now, number):
            then(*told)
        else:
            again = self._now + self._assumed.again
            self._at(again, self._transit, number, then, *told)

    def _start_waiting(self) -> float:
        """As many as there are slots for; the seconds that it takes."""
        took = 0.0
        if self._holders >= self._set.slots:
            return took
        for _ in range(self._code.most_started):
            if not self._waiting or not self._take():
                break
            took += self._assumed.start
            if not self._begin(self._waiting[0]):
                break
            self._waiting.popleft()
        return took

    def _sweep(self) -> None:
        self._start_waiting()
        self._at(self._now + self._code.sweep_seconds, self._sweep)

    # The execution and its tasks.

    def _convert(self, job: Job) -> None:
        fresh = job.not_started + job.interrupted == 0
        on_spot = fresh and 100 * self._random.random() < self._set.spot_percent
        where = "spot" if on_spot else "on demand"
        if reason := self._refused(where):
            self._outcome.refused_by[reason] += 1
            self._not_started(job)
            return
        self._running[where] += 1
        tasks = sum(self._running.values())
        self._outcome.peak_tasks = max(self._outcome.peak_tasks, tasks)
        starts = self._random.uniform(*self._assumed.task_start)
        seconds, what = starts + self._assumed.fixed + job.audio / self._assumed.speed, self._end
        if on_spot and self._random.random() < self._assumed.interrupted:
            seconds, what = self._random.uniform(starts, seconds), self._interrupt
        job.worked += seconds - starts
        self._at(self._now + starts, self._claim)
        self._at(self._now + seconds, what, job, where)

    def _claim(self) -> None:
        if not self._created.take(self._now, self._assumed.item_units):
            self._at(self._now + self._assumed.again, self._claim)

    def _refused(self, where: str) -> str | None:
        quota = self._set.spot_vcpus if where == "spot" else self._set.on_demand_vcpus
        if not self._run_task.take(self._now):
            return "RunTask"
        if self._running[where] >= quota:
            return f"vCPUs {where}"
        return None if self._launches[where].take(self._now) else f"launches {where}"

    def _not_started(self, job: Job) -> None:
        job.not_started += 1
        if job.not_started > self._code.tries_not_started:
            job.failed = True
            self._finish(job)
            return
        self._again(job, self._code.pause_not_started, job.not_started - 1)

    def _interrupt(self, job: Job, where: str) -> None:
        self._running[where] -= 1
        job.interrupted += 1
        job.tries += 1
        self._again(job, self._code.pause_interrupted, job.interrupted - 1)

    def _again(self, job: Job, pause: tuple[float, float], number: int) -> None:
        first, growth = pause
        length = min(self._code.longest_pause, first * growth ** min(number, 20))
        wait = ceil((0.5 + self._random.random() / 2) * length)
        # All but the last, which is the next try's own, lead to the pause.
        self._transit(self._code.transitions_again - 1, self._wait, wait, job)

    def _wait(self, seconds: float, job: Job) -> None:
        self._at(self._now + seconds, self._transit, 1, self._convert, job)

    def _end(self, job: Job, where: str) -> None:
        self._running[where] -= 1
        self._finish(job)

    def _finish(self, job: Job) -> None:
        job.over = self._now
        self._left -= 1
        if job.child:
            job.child.left -= 1
        self._transit(self._code.transitions - 2, self._closed)
        self._changed(True, job)

    def _closed(self) -> None:
        self._open -= 1

    # The jobs' stream and its follower.

    def _changed(self, is_over: bool, job: Job) -> None:
        shard = self._random.randrange(self._assumed.shards)
        self._stream[shard].append((is_over, job))
        if not self._is_read[shard]:
            self._is_read[shard] = True
            self._at(self._now + self._assumed.stream, self._follow, shard)

    def _follow(self, shard: int) -> None:
        """A batch in its order; a slot that cannot be given back holds up what is behind it."""
        changes, took, gave_back = self._stream[shard], 0.0, False
        for _ in range(min(self._code.stream_batch, len(changes))):
            is_over, _ = changes[0]
            if not self._events.take(self._now):
                took += self._assumed.again
                break
            took += self._assumed.change
            if is_over:
                if not self._write_slots():
                    took += self._assumed.again
                    break
                self._holders -= 1
                took, gave_back = took + self._assumed.end, True
            changes.popleft()
        if gave_back:
            took += self._start_waiting()
        if changes:
            self._at(self._now + took, self._follow, shard)
        else:
            self._at(self._now + took, self._rest, shard)

    def _rest(self, shard: int) -> None:
        if self._stream[shard]:
            self._at(self._now + self._assumed.stream, self._follow, shard)
        else:
            self._is_read[shard] = False
