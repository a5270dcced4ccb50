"""One customer's life with the shop, played over HTTP: each chapter waits for what it expects."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from demo_shop.demo import parts
from demo_shop.demo.preparing import ADMIN_NAME
from demo_shop.demo.processes import Ensemble
from demo_shop.demo.talk import NotSaid, Talk
from demo_shop.demo.visitor import PageRefused, Visitor, control
from demo_shop.models import Order
from whatsapp_notify import forms, shop, tasks
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import (
    Automation,
    ConsentState,
    DeliveryEvent,
    Message,
    SurveyAnswer,
    Topic,
)
from whatsapp_notify.services import consent

Found = TypeVar("Found")

#: For one message from the act in the shop to the phone. On a quiet machine it takes two.
WAIT_SECONDS = 25.0
#: For the whole story.
LIMIT_SECONDS = 240.0
_POLL_SECONDS = 0.05

_ARRIVED = frozenset({State.DELIVERED, State.READ})
_FAITHFUL, _FLEETING, _DOUBTFUL = "+358457390201", "+358457390202", "+358457390203"
_CAREFUL = "+358457390204"
_PASSWORD = "a quiet morning"


class Missing(Exception):
    """What the story waited for did not come."""


@dataclass(kw_only=True)
class Story:
    """The acts and what came of them."""

    base_url: str
    admin_password: str
    ensemble: Ensemble
    #: Called with each line that tells what happens.
    tell: Callable[[str], None]
    missing: list[str] = field(default_factory=list)
    _deadline: float = field(default_factory=lambda: time.monotonic() + LIMIT_SECONDS)

    def play(self) -> list[str]:
        """This will play all chapters and return what is missing, in words.

        A chapter that fails does not stop the others.
        """
        self._without_delays()
        for chapter in (
            self._two_people_join,
            self._a_third_has_to_confirm,
            self._one_orders,
            self._staff_bring_the_parcel,
            self._the_customer_answers,
            self._customers_write,
            self._the_other_changes_her_mind,
            self._the_other_says_stop,
            self._it_is_their_birthday,
            self._a_call_without_an_answer,
            self._nobody_got_anything_twice,
        ):
            try:
                chapter()
            except (Missing, NotSaid, PageRefused) as err:
                self.missing.append(str(err))
                self.tell(f"  MISSING: {err}")
        return self.missing

    # Chapters

    def _two_people_join(self) -> None:
        self.tell("Two customers register and tick all boxes; it is their birthday.")
        self._faithful = self._register("Customer One", _FAITHFUL, language="fi")
        self._fleeting = self._register("Customer Two", _FLEETING, language="en")
        self._expect("customer.joined", _FAITHFUL)
        self._expect("customer.joined", _FLEETING)

    def _a_third_has_to_confirm(self) -> None:
        self.tell(
            "Offers are to be confirmed in the chat: a third customer is asked, and says yes."
        )
        offers = Topic.objects.filter(key="offers")
        offers.update(confirmation_days=14)
        try:
            self._register("Customer Four", _CAREFUL, language="sv")
            question = self._expect("consent.unconfirmed", _CAREFUL)
            if _messages(_CAREFUL, event_name="customer.joined").exists():
                raise Missing("The welcome that waits for the yes.")
            self.control("press_button", phone=_CAREFUL, wamid=question.provider_message_id)
            self._expect_answer("opt_in", _CAREFUL)
            self._expect("customer.joined", _CAREFUL)
        finally:
            # The others are asked nothing.
            offers.update(confirmation_days=0)

    def _one_orders(self) -> None:
        self.tell("The first one orders a mug.")
        self._order = self._buy(self._faithful)
        self._expect("order.confirmed", _FAITHFUL)

    def _staff_bring_the_parcel(self) -> None:
        self.tell("Staff ship the parcel, correct its date, and bring it.")
        self._staff = Visitor(base_url=self.base_url)
        login = reverse("admin:login")
        self._staff.submit(login, {"username": ADMIN_NAME, "password": self.admin_password})
        self._step(self._order, "ship")
        self._expect("order.shipped", _FAITHFUL)
        self._correct_arrival(self._order)
        self._expect("order.delivery_date_changed", _FAITHFUL)
        self._step(self._order, "out")
        self._expect("order.out_for_delivery", _FAITHFUL)
        self._step(self._order, "deliver")
        self._expect("order.delivered", _FAITHFUL, topic="orders")
        self._expect("order.delivered", _FAITHFUL, topic="feedback")

    def _the_customer_answers(self) -> None:
        self.tell("The customer answers the survey: VERKKOKAUPPA 9 kiitos")
        self.control("reply", phone=_FAITHFUL, text="VERKKOKAUPPA 9 kiitos")
        answer = self.wait_for("the survey answer", lambda: _current_answer(self._order))
        if (answer.score, answer.comment) != (9, "kiitos"):
            raise Missing(f"The answer was read as {answer.score}, not as 9 with its comment.")
        self._expect_answer("survey", _FAITHFUL)

    def _customers_write(self) -> None:
        talk = Talk(stage=self)
        talk.a_stranger_asks()
        talk.where_is_it(order=self._order, phone=_FAITHFUL)
        talk.a_receipt_and_a_cart(phone=_FAITHFUL)
        talk.a_photo_of_a_trip()
        talk.a_low_score()
        talk.nobody_is_there()
        talk.stop_in_every_language()

    def _the_other_changes_her_mind(self) -> None:
        self.tell("The second customer orders, changes the order, cancels, and is refunded.")
        order = self._buy(self._fleeting)
        self._expect("order.confirmed", _FLEETING)
        # What a shop's own code calls where no row tells it.
        shop.record_event("order.changed", subject=order)
        self._expect("order.changed", _FLEETING)
        self._step(order, "cancel")
        self._expect("order.cancelled", _FLEETING)
        self._step(order, "refund")
        self._expect("order.refunded", _FLEETING)

    def _the_other_says_stop(self) -> None:
        self.tell("The second customer writes STOP.")
        self.control("reply", phone=_FLEETING, text="STOP")
        self._expect_answer("opt_out", _FLEETING)
        kept = ConsentState.objects.filter(_whose(_FLEETING), is_granted=True)
        if kept:
            raise Missing("The withdrawal of all consent.")

    def _it_is_their_birthday(self) -> None:
        self.tell("The birthdays are due: one is greeted, who said STOP is not.")
        tasks.greet_birthdays.delay()
        self._expect("customer.birthday", _FAITHFUL)
        refused = self.wait_for(
            "the greeting that is refused",
            lambda: _messages(_FLEETING, event_name="customer.birthday").first(),
        )
        if (refused.state, refused.reason) != (State.BLOCKED, "consent"):
            raise Missing("The greeting that is refused for want of consent, and kept.")

    def _a_call_without_an_answer(self) -> None:
        self.tell("WhatsApp takes a message and answers with an error: its webhook settles it.")
        self.control("set_fate", phone=_DOUBTFUL, fate="server_error")
        # Until the doubt is seen, no news may come.
        self.ensemble.end("courier")
        guest = Visitor(base_url=self.base_url)
        self._buy(guest, first_name="Customer Three", phone=_DOUBTFUL)
        self.wait_for(
            "the message in doubt",
            lambda: _messages(_DOUBTFUL, state=State.IN_DOUBT).first(),
        )
        self.ensemble.start(parts.courier())
        self._expect("order.confirmed", _DOUBTFUL)

    def _nobody_got_anything_twice(self) -> None:
        ledger = self.control("ledger")["messages"]
        calls = [each["opaque_callback_data"] for each in ledger]
        sent = Message.objects.exclude(state=State.BLOCKED).count()
        if len(calls) != len(set(calls)) or len(calls) != sent:
            raise Missing(f"{sent} messages were to leave once each, and {len(calls)} calls came.")
        # The news of the last ones may still be on their way.
        astray = Message.objects.exclude(state__in=[*_ARRIVED, State.BLOCKED])
        self.wait_for("a good end for every message", lambda: not astray.exists() or None)

    # Acts

    def _without_delays(self) -> None:
        # A day would be long for those who watch.
        Automation.objects.filter(delay_minutes__gt=0).update(delay_minutes=0)

    def _register(self, first_name: str, phone: str, *, language: str) -> Visitor:
        today = timezone.localdate()
        # 1988 was a leap year, so that it has every day.
        birth_date = date(1988, today.month, today.day).isoformat()
        visitor = Visitor(base_url=self.base_url)
        visitor.submit(
            reverse("shop:register"),
            {
                "first_name": first_name,
                "email": f"{first_name.lower().replace(' ', '.')}@run.example.com",
                "password": _PASSWORD,
                "phone": phone,
                "birth_date": birth_date,
                "language": language,
                **_all_boxes(),
            },
        )
        return visitor

    def _buy(self, visitor: Visitor, **typed: str) -> Order:
        before = set(Order.objects.values_list("pk", flat=True))
        product = reverse("shop:product", args=["usva-enamel-mug"])
        add = reverse("shop:add_to_cart", args=["usva-enamel-mug"])
        visitor.submit(add, {"quantity": "1"}, form_on=product)
        if typed:
            typed = {"email": "guest@run.example.com", "language": "en", **typed, **_all_boxes()}
        visitor.submit(reverse("shop:checkout"), typed)
        return self.wait_for("the order", lambda: Order.objects.exclude(pk__in=before).first())

    def _step(self, order: Order, key: str) -> None:
        page = reverse("admin:demo_shop_order_change", args=[order.pk])
        step = reverse("admin:demo_shop_order_step", args=[order.pk, key])
        self._staff.submit(step, {}, form_on=page)

    def _correct_arrival(self, order: Order) -> None:
        order.refresh_from_db()
        later = (order.estimated_arrival or timezone.localdate()) + timedelta(days=1)
        page = reverse("admin:demo_shop_order_change", args=[order.pk])
        self._staff.submit(page, {"estimated_arrival": later.isoformat(), "_save": "Save"})

    def control(self, action: str, **values: Any) -> dict[str, Any]:
        """This will have the simulator play the customer, or Meta."""
        token = settings.WHATSAPP_SIMULATOR["ACCESS_TOKEN"]
        return control(base_url=self.base_url, token=token, action=action, **values)

    # Expectations

    def _expect(self, event: str, phone: str, *, topic: str = "") -> Message:
        """This will wait until the message of an event lies on the phone."""
        about = {"event_name": event} | ({"topic__key": topic} if topic else {})
        return self._expect_on_phone(f"{event} {topic}".strip(), phone, about)

    def _expect_answer(self, kind: str, phone: str) -> Message:
        about = {"key__startswith": f"answer:{kind}:"}
        return self._expect_on_phone(f"answer to {kind}", phone, about)

    def _expect_on_phone(self, what: str, phone: str, about: dict[str, str]) -> Message:
        message = self.wait_for(
            f"the message “{what}” on the phone",
            lambda: _messages(phone, state__in=_ARRIVED, **about).first(),
        )
        chat = self.control("chat", phone=phone)["messages"]
        if message.provider_message_id not in {each["wamid"] for each in chat}:
            raise Missing(f"The bubble of “{what}” on the phone page.")
        self.tell(f"  {what}: on the phone")
        return message

    def wait_for(self, what: str, look: Callable[[], Found | None]) -> Found:
        """This will look until there is something; too late is missing."""
        until = min(time.monotonic() + WAIT_SECONDS, self._deadline)
        while True:
            found = look()
            if found is not None:
                return found
            if time.monotonic() > until:
                raise Missing(f"In time: {what}.")
            self.ensemble.watch()
            time.sleep(_POLL_SECONDS)


def timelines() -> Iterator[tuple[Message, list[DeliveryEvent]]]:
    """This will yield each message with its timeline, both in the order in which we learnt it."""
    rows = Message.objects.select_related("topic").prefetch_related("timeline").order_by("id")
    for message in rows:
        yield message, sorted(message.timeline.all(), key=lambda line: line.pk)


def _messages(phone: str, **about: Any) -> Any:
    return Message.objects.filter(_whose(phone), **about).order_by("-id")


def _whose(phone: str) -> Any:
    return Q(contact__identities__value=phone, contact__identities__ended_at=None)


def _current_answer(order: Order) -> SurveyAnswer | None:
    return SurveyAnswer.objects.filter(order_ref=order.number, is_current=True).first()


def _all_boxes() -> dict[str, str]:
    return {f"{forms.PREFIX}{topic.key}": "on" for topic in consent.offered_topics()}
