"""Threads that take turns: the same ways for the same seed, and locks are respected."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from tests import factories
from tests.concurrency import on_postgresql
from tests.torture import turns
from tests.torture.turns import Order, Turns
from whatsapp_notify.models import Contact

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def taken() -> Iterator[Turns]:
    with turns.taken() as taken:
        yield taken


class Ranked(Order):
    """Whoever stands first, as long as they can; others at the steps named."""

    def __init__(self, *names: str, changes: frozenset[int] = frozenset()) -> None:
        super().__init__(rng=random.Random(1), names=names, length=1)
        self._ranks, self._share, self._changes = list(names), 0.0, set(changes)


def play(taken: Turns, seed: int) -> list[str]:
    """Two who each write to their own row three times; returns who was at work at each step."""
    people = [factories.contact(consents=()) for _each in range(2)]
    seen: list[str] = []

    def write(person: Contact, name: str) -> None:
        for number in range(3):
            with transaction.atomic():
                Contact.objects.filter(pk=person.pk).update(first_name=f"{name} {number}")
                seen.append(name)
                Contact.objects.get(pk=person.pk)
                seen.append(name)

    order = Order(rng=random.Random(seed), names=["left", "right"], length=30)
    broken = taken.play(
        {
            "left": lambda: write(people[0], "left"),
            "right": lambda: write(people[1], "right"),
        },
        order=order,
    )
    assert broken == {}
    return seen


class TestTurns:
    def test_are_the_same_for_the_same_seed(self, taken: Turns) -> None:
        ways = [tuple(play(taken, seed)) for seed in range(12)]

        assert [tuple(play(taken, seed)) for seed in range(12)] == ways
        assert len(set(ways)) > 4
        assert taken.conflicts == []

    def test_tell_what_a_work_has_raised(self, taken: Turns) -> None:
        def fail() -> None:
            raise ValueError("no")

        broken = taken.play({"bad": fail, "good": lambda: None}, order=Ranked("bad", "good"))

        assert list(broken) == ["bad"]

    def test_go_to_another_at_the_step_that_was_drawn(self, taken: Turns) -> None:
        seen: list[str] = []

        def work(name: str) -> None:
            for _each in range(3):
                taken.pause()
                seen.append(name)

        taken.play(
            {"left": lambda: work("left"), "right": lambda: work("right")},
            order=Ranked("left", "right", changes=frozenset({3})),
        )

        assert seen == ["left", "right", "right", "right", "left", "left"]

    def test_who_needs_a_lock_waits_for_whoever_has_it(self, taken: Turns) -> None:
        person = factories.contact(consents=())
        seen: list[str] = []

        def hold(name: str) -> None:
            with transaction.atomic():
                Contact.objects.select_for_update().get(pk=person.pk)
                seen.append(f"{name} holds")
                taken.pause()
                taken.pause()
                seen.append(f"{name} lets go")

        broken = taken.play(
            {"first": lambda: hold("first"), "second": lambda: hold("second")},
            # The first takes the lock, then the second is preferred at each step.
            order=Ranked("first", "second", changes=frozenset({4})),
        )

        assert broken == {}
        assert seen == ["first holds", "first lets go", "second holds", "second lets go"]

    @on_postgresql
    def test_a_ring_of_locks_is_told(self, taken: Turns) -> None:
        people = [factories.contact(consents=()).pk for _each in range(2)]

        def hold(*ids: int) -> None:
            with transaction.atomic():
                for pk in ids:
                    Contact.objects.select_for_update().get(pk=pk)
                    taken.pause()

        works: dict[str, Any] = {
            "up": lambda: hold(people[0], people[1]),
            "down": lambda: hold(people[1], people[0]),
        }
        # "up" stops with its first row, "down" takes the other.
        broken = taken.play(works, order=Ranked("up", "down", changes=frozenset({3})))

        assert len(broken) == 1
        assert any("deadlock" in words for words in taken.conflicts)

    def test_muted_is_one_step(self, taken: Turns) -> None:
        def work() -> None:
            with taken.muted():
                Contact.objects.count()
                Contact.objects.count()

        before = taken.now
        taken.play({"quiet": work}, order=Ranked("quiet"))

        assert taken.now == before
