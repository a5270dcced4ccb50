"""Processes that die at a chosen line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.torture import crashes, forks, lines, scenes
from tests.torture.campaign import Run
from tests.torture.lines import Lines
from tests.torture.scenes import Scene
from tests.torture.world import World
from whatsapp_notify.models import Message
from whatsapp_notify.services import delivery

SCENES: dict[str, Callable[[World], list[Scene]]] = {
    "f14_f15_f16_sending": lambda world: [scenes.Sending(world, size=3)],
    "f02_saving": lambda world: [
        scenes.Saving(world, size=2, is_atomic=True),
        scenes.Saving(world, size=1, is_atomic=False),
    ],
    "planning": lambda world: [scenes.Planning(world, size=2)],
    "f07_scanning": lambda world: [scenes.Scanning(world, size=3)],
    "f67_listening": lambda world: [scenes.Listening(world, size=2)],
    "answering": lambda world: [scenes.Answering(world, size=5)],
}


class TestRunScenes:
    @pytest.mark.parametrize("name", SCENES)
    def test_f67_nothing_is_sent_twice_or_lost_at_whichever_line(
        self, world: World, name: str
    ) -> None:
        chosen = SCENES[name](world)

        counts = crashes.run_scenes(world, Run(seed=14, size=25), chosen)

        assert counts.problems == ()
        assert counts.crash_points >= 25


class TestRun:
    def test_takes_some_scenes_where_it_is_too_small_for_all(self, world: World) -> None:
        counts = crashes.run(world, Run(seed=3, size=10))

        assert counts.problems == ()
        assert counts.crash_points >= 10


class TestLines:
    def test_counts_each_line_under_one_number(self, world: World) -> None:
        world.queue(2)
        counter = Lines(below=lines.OWN)

        forks.wait(forks.fork(lambda: counter.watch(self.deliver(world))))

        executed = counter.executed()
        assert 100 < len(set(executed)) < len(executed)

    def test_f16_dies_in_the_thread_that_calls(self, world: World) -> None:
        (pk,) = world.queue(1)
        # Read in the thread that has called, and nowhere else.
        deadly = Lines(below=(f"{lines.OWN[0]}/cloud_api/answers.py",), last=1)

        is_killed = forks.wait(forks.fork(lambda: deadly.watch(self.deliver(world))))

        assert is_killed
        assert [call.accepted for call in world.calls()] == [True]
        assert Message.objects.get(pk=pk).state == "calling"

    def test_tells_where_it_died(self, world: World) -> None:
        deadly = Lines(below=lines.OWN, last=1)

        forks.wait(forks.fork(lambda: deadly.watch(self.deliver(world))))

        assert deadly.place.startswith("services/delivery.py:")

    def test_ends_where_there_are_fewer_lines(self, world: World) -> None:
        work = Lines(below=lines.OWN, last=10**9)

        assert not forks.wait(forks.fork(lambda: work.watch(self.deliver(world))))

    @staticmethod
    def deliver(world: World) -> Callable[[], object]:
        return lambda: delivery.deliver(clock=world.clock)
