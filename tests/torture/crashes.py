"""A process that dies at one executed line, for each of the lines, of each scene.

Each scene is played once to the end to count the lines that it executes, in all its threads.
Then it is played once for each line, in a process that is killed there. A small run takes
some of the lines by lot; a large one takes all lines of the product first, and then lines
that also lie in the database's and the network's drivers.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from tests.torture import forks, lines, recovery, scenes
from tests.torture.audit import audit
from tests.torture.campaign import Counts, Run
from tests.torture.lines import Lines
from tests.torture.scenes import Scene
from tests.torture.world import World

#: Plays of one scene until the shop is brought to rest and held against the ledger.
_BATCH = 25
#: Batches until the database is emptied.
_ERA = 12
#: A run that is too small for all scenes takes some of them, with so many lines of each.
_FEWEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    scene: Scene
    below: tuple[str, ...]
    #: Lines at which the process dies, one each play.
    lines: Sequence[int]


def run(world: World, run: Run) -> Counts:
    """This will kill at ``run.size`` lines. Counts the processes that really died."""
    chosen = scenes.all_of(world)
    if run.size < len(chosen) * _FEWEST:
        chosen = run.rng("scenes").sample(chosen, max(1, run.size // _FEWEST))
    return run_scenes(world, run, chosen)


def run_scenes(world: World, run: Run, chosen: Sequence[Scene]) -> Counts:
    """This will do the same with these scenes."""
    total, rows = Counts(), Counts()
    world.reset()
    known = len(world.calls())
    number = 0
    for lap in itertools.count():
        for batch in _batches(world, run, chosen, lap=lap, size=run.size - total.crash_points):
            number += 1
            where = f"crash points, seed {run.seed}, batch {number}, {batch.scene}"
            done = _play(world, batch, run.rng("batch", number), where, known)
            known = len(world.calls())
            total += done
            rows = audit(calls=world.calls(), where=where)
            run.say(f"{where}: {total.crash_points} of {run.size}")
            if done.problems or rows.problems or number % _ERA == 0:
                # What is broken would be found again with each batch to come.
                total, rows, known = total + rows, Counts(), 0
                world.reset()
        if total.crash_points >= run.size:
            break
    return total + rows


def _batches(
    world: World, run: Run, chosen: Sequence[Scene], *, lap: int, size: int
) -> Iterator[_Batch]:
    """This will share crash points out: each line of the product, then any, of drivers too."""
    rng = run.rng("lines", lap)
    below = lines.OWN if lap == 0 else lines.DRIVERS
    points = [
        (scene, line)
        for scene in chosen
        for line in _points(_executed(world, scene, below), rng, is_each_once=lap == 0)
    ]
    some = (
        points[index] for index in sorted(rng.sample(range(len(points)), min(size, len(points))))
    )
    for scene, of_scene in itertools.groupby(some, key=lambda point: point[0]):
        numbers = [line for _scene, line in of_scene]
        for start in range(0, len(numbers), _BATCH):
            yield _Batch(scene=scene, below=below, lines=numbers[start : start + _BATCH])


def _points(executed: Sequence[int], rng: random.Random, *, is_each_once: bool) -> list[int]:
    """This will return the numbers of executed lines; or for each line of source one of them."""
    numbers = list(range(1, len(executed) + 1))
    if not is_each_once:
        return numbers
    rng.shuffle(numbers)
    return sorted({executed[number - 1]: number for number in numbers}.values())


def _executed(world: World, scene: Scene, below: tuple[str, ...]) -> list[int]:
    """This will play the scene to its end, twice, and count the lines of the second time.

    The first time, in this process, fills what is kept in memory; forks find it there.
    """
    world.graph.follow(scene.script(0))
    scene.prepare()
    scene.play()
    scene.clear()
    scene.prepare()
    counter = Lines(below=below)
    forks.wait(forks.fork(lambda: counter.watch(scene.play)))
    scene.clear()
    return counter.executed()


def _play(world: World, batch: _Batch, rng: random.Random, where: str, known: int) -> Counts:
    """This will play a scene once for each line, and hold what came of it against the ledger.

    Returns:
        Only what was done and what broke; rows are counted when the database is emptied.
    """
    scene = batch.scene
    scene.begin()
    world.graph.follow(scene.script(rng.randrange(2**32)))
    places = []
    for line in batch.lines:
        scene.prepare()
        deadly = Lines(below=batch.below, last=line)
        if forks.wait(forks.fork(partial(deadly.watch, scene.play))):
            places.append(deadly.place)
        scene.clear()
    since = len(world.calls()) if scene.brings_webhooks else known
    counts = recovery.recover(world, since=since, rng=rng, unanswered=scene.unanswered())
    deaths = f"died at {', '.join(places)}"
    lost = tuple(f"{where}: {words} ({deaths})" for words in scene.missing())
    return counts + Counts(crash_points=len(places), silently_lost=len(lost), problems=lost)
