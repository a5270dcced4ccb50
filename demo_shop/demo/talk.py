"""What customers write and what they are answered: chapters of the story, over HTTP as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from django.utils import timezone

from demo_shop.demo.closing import closed_shop
from demo_shop.models import Order
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models import (
    ConsentState,
    Contact,
    Enquiry,
    InboundMedia,
    InboundMessage,
    KeywordReply,
    Message,
    Participation,
)

Found = TypeVar("Found")

_ARRIVED = frozenset({State.DELIVERED, State.READ})
CURIOUS, UNHAPPY, LATE = "+358457390211", "+358457390212", "+358457390213"
#: One who ends it in each language, by a word and by a sentence.
_STOPS = {
    "+358457390221": ("Lopeta", "START"),
    "+358457390222": ("En halua enää viestejä, kiitos", "LIITY"),
    "+358457390223": ("Sluta", "START"),
    "+358457390224": ("Отпишите меня, пожалуйста", "СТАРТ"),
    "+358457390225": ("Stop. Thank you", "START"),
}


class Stage(Protocol):
    """What the story lends to its talks."""

    @property
    def tell(self) -> Callable[[str], None]: ...

    def control(self, action: str, **values: Any) -> dict[str, Any]: ...

    def wait_for(self, what: str, look: Callable[[], Found | None]) -> Found: ...


class NotSaid(Exception):
    """A customer was not answered as the shop would."""


@dataclass(kw_only=True)
class Talk:
    """Customers who write."""

    stage: Stage

    def a_stranger_asks(self) -> None:
        self.stage.tell("A stranger writes: a greeting, a keyword, a product, then a person.")
        KeywordReply.objects.create(
            phrases="gift card", language="en", body="Yes, from 20 to 200 euros.", buttons="Person"
        )
        self._say(CURIOUS, "Hello", expect="welcome")
        self._say(CURIOUS, "Gift card, please", expect="20 to 200")
        self._say(CURIOUS, "How much is the enamel mug?", expect="18")
        self._say(CURIOUS, "Can it be engraved for my sister?", expect="")
        self._enquiry(CURIOUS, Enquiry.Reason.BOT)

    def where_is_it(self, *, order: Order, phone: str) -> None:
        self.stage.tell("Where is my order? Told to its own customer, and to nobody else.")
        self._say(phone, f"Missä tilaukseni {order.number} on?", expect=order.number)
        answer = self._say(CURIOUS, f"Where is order {order.number}?", expect="")
        if order.number in answer or order.tracking_url in answer:
            raise NotSaid("An order was told to somebody else.")

    def a_receipt_and_a_cart(self, *, phone: str) -> None:
        self.stage.tell("A receipt as a picture is kept, a cart from the catalogue is a draft.")
        self.stage.control("send_photo", phone=phone, caption="Kuitti")
        media = self.stage.wait_for(
            "the receipt on the disk",
            lambda: InboundMedia.objects.filter(state=InboundMedia.State.KEPT).first(),
        )
        if not media.order_ref:
            raise NotSaid("The receipt was joined to no order.")
        self.stage.tell(f"  receipt: kept, joined to order {media.order_ref}")
        item = {
            "product_retailer_id": "usva-enamel-mug",
            "quantity": 2,
            "item_price": "18.90",
            "currency": "EUR",
        }
        self.stage.control("send_order", phone=phone, items=[item], text="Lahjaksi")
        draft = self.stage.wait_for(
            "the draft order", lambda: Order.objects.filter(status=Order.Status.DRAFT).first()
        )
        self.stage.tell(f"  cart: draft order {draft.number}")

    def a_photo_of_a_trip(self) -> None:
        self.stage.tell("One takes part in the campaign: a keyword, a photo, thanks for it.")
        self._say(CURIOUS, "Trip!", expect="Send us a photo")
        self.stage.control("send_photo", phone=CURIOUS, caption="")
        took_part = self.stage.wait_for(
            "an entry of the campaign",
            lambda: Participation.objects.filter(entry_count=1).first(),
        )
        entry = took_part.messages.get(is_entry=True).inbound
        thanks = self.stage.wait_for("thanks for the photo", lambda: _answer(entry))
        self.stage.tell(f"  photo → {' '.join(str(thanks.content['body']).split())}")
        if entry.handled_as != InboundMessage.HandledAs.CAMPAIGN:
            raise NotSaid(f"The photo was understood as {entry.handled_as}.")

    def a_low_score(self) -> None:
        self.stage.tell("One is unhappy: a person is called, and promotions rest.")
        self.stage.control("reply", phone=UNHAPPY, text="VERKKOKAUPPA 2 the lid does not close")
        self._enquiry(UNHAPPY, Enquiry.Reason.LOW_SCORE)
        if not _contact(UNHAPPY).promotions_paused_at:
            raise NotSaid("Promotions went on after a low score.")

    def nobody_is_there(self) -> None:
        self.stage.tell("The shop is closed: one who writes is told when it opens, and once.")
        with closed_shop(today=timezone.localdate()) as next_opening:
            self._say(LATE, "Can I call you about a gift?", expect=f"back {next_opening}.")
            self._enquiry(LATE, Enquiry.Reason.BOT)
            self._say_in_vain(LATE, "Is anybody there?")
        self.stage.tell(f"  told that we are back {next_opening}, and not again")

    def stop_in_every_language(self) -> None:
        self.stage.tell("Five say stop, by word and by sentence, and start again.")
        for phone, (stop, start) in _STOPS.items():
            self._consent_word(phone, start, InboundMessage.HandledAs.OPT_IN)
            # A stop that comes before the welcome has left would rightly keep it back.
            self.stage.wait_for(f"the welcome after {start!r}", partial(_welcome, phone))
            self._consent_word(phone, stop, InboundMessage.HandledAs.OPT_OUT)
            if ConsentState.objects.filter(contact=_contact(phone), is_granted=True).exists():
                raise NotSaid(f"{stop!r} left some consent.")
            self._consent_word(phone, start, InboundMessage.HandledAs.OPT_IN)
            self.stage.tell(f"  {stop}: understood, and {start} after it")

    def _consent_word(self, phone: str, text: str, handled_as: str) -> None:
        before = InboundMessage.objects.count()
        self.stage.control("reply", phone=phone, text=text)
        row = self.stage.wait_for(f"what became of {text!r}", lambda: _handled(text, before))
        if row.handled_as != handled_as:
            raise NotSaid(f"{text!r} was understood as {row.handled_as}.")

    def _say(self, phone: str, text: str, *, expect: str) -> str:
        """This will write, wait for the answer on the phone, and return its words."""
        before = InboundMessage.objects.count()
        self.stage.control("reply", phone=phone, text=text)
        row = self.stage.wait_for(f"the message {text!r}", lambda: _handled(text, before))
        answer = self.stage.wait_for(f"an answer to {text!r}", lambda: _answer(row))
        said = str(answer.content["body"])
        if expect.casefold() not in said.casefold():
            raise NotSaid(f"{text!r} was answered by {said!r}.")
        self.stage.tell(f"  {text} → {' '.join(said.split())[:80]}")
        return said

    def _say_in_vain(self, phone: str, text: str) -> None:
        """This will write, wait until all is done about it, and make sure that nothing is said."""
        before = InboundMessage.objects.count()
        self.stage.control("reply", phone=phone, text=text)
        row = self.stage.wait_for(f"the end of {text!r}", lambda: _settled(text, before))
        answer = Message.objects.filter(in_reply_to=row).first()
        if answer is not None:
            raise NotSaid(f"{text!r} was answered by {answer.content['body']!r}.")

    def _enquiry(self, phone: str, reason: str) -> None:
        self.stage.wait_for(
            f"a call for a person ({reason})",
            lambda: Enquiry.objects.filter(
                conversation__contact__identities__value=phone, reason=reason, ended_at=None
            ).first(),
        )
        self.stage.tell(f"  a person is called: {Enquiry.Reason(reason).label}")


def _contact(phone: str) -> Contact:
    return Contact.objects.get(identities__value=phone, identities__ended_at=None)


def _welcome(phone: str) -> Message | None:
    joined = Message.objects.filter(contact=_contact(phone), event_name="customer.joined")
    return joined.filter(state__in=_ARRIVED).first()


def _handled(text: str, count_before: int) -> InboundMessage | None:
    if InboundMessage.objects.count() <= count_before:
        return None
    return InboundMessage.objects.filter(text=text).order_by("-id").first()


def _settled(text: str, count_before: int) -> InboundMessage | None:
    """An answer, if there is one, is written together with the end of the errand."""
    row = _handled(text, count_before)
    return row if row is not None and not row.errand else None


def _answer(row: InboundMessage) -> Message | None:
    return Message.objects.filter(
        in_reply_to=row, state__in=_ARRIVED, key__startswith="answer:reply:"
    ).first()
