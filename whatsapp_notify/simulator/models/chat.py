"""The phone's side: customers and their chats with the business."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.simulator.fates import Fate

#: Hours from the customer's last message in which free-form messages arrive.
SERVICE_WINDOW = timedelta(hours=24)


class SimulatedCustomer(models.Model):
    """A person with a phone, as WhatsApp knows them."""

    #: Digits that were dialled first; ``wa_id`` may differ in Brazil and Mexico.
    phone = models.CharField(max_length=15)
    wa_id = models.CharField(max_length=15, unique=True)
    #: Business-scoped user id, for example ``FI.48211903857761204``.
    user_id = models.CharField(max_length=140, unique=True)
    name = models.CharField(_("name"), max_length=100)
    fate = models.CharField(_("fate"), max_length=20, choices=Fate.choices, default=Fate.NORMAL)
    stopped_marketing = models.BooleanField(default=False)
    last_wrote_at = models.DateTimeField(null=True)
    #: Calls refused so far by a fate that refuses, and when the first of them was.
    refused_calls = models.PositiveSmallIntegerField(default=0)
    refused_since = models.DateTimeField(null=True)
    #: Until when the business is shown as typing.
    typing_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("simulated customer")
        verbose_name_plural = _("simulated customers")

    def __str__(self) -> str:
        return f"#{self.pk} …{self.wa_id[-4:]}"

    # Properties

    @property
    def hides_number(self) -> bool:
        """Webhooks about this customer carry no phone number."""
        return self.fate == Fate.HIDDEN_NUMBER

    @property
    def known_as(self) -> str:
        """What the shop knows the customer by: the number, or the user id when it is hidden."""
        return self.user_id if self.hides_number else self.wa_id

    def is_window_open(self, *, now: datetime) -> bool:
        """This will tell whether free-form messages still reach the customer."""
        return self.last_wrote_at is not None and now < self.last_wrote_at + SERVICE_WINDOW


#: Kinds that change other bubbles and have none of their own.
BUBBLELESS_KINDS = ("reaction", "edit", "revoke")


class ChatMessageQuerySet(models.QuerySet["ChatMessage"]):
    """Messages as the phone shows them."""

    def drawn(self) -> "ChatMessageQuerySet":
        """Messages with a bubble of their own."""
        return self.exclude(kind__in=BUBBLELESS_KINDS)

    def shown(self, *, now: datetime) -> "ChatMessageQuerySet":
        """Messages that have reached the phone or failed, and those the customer wrote."""
        arrived = Q(delivered_at__lte=now) | Q(failed_at__lte=now)
        written = Q(direction=ChatMessage.Direction.TO_BUSINESS)
        return self.filter(arrived | written).drawn()

    def unseen(self, *, now: datetime) -> "ChatMessageQuerySet":
        """Messages that lie on the phone and have not been looked at."""
        return self.filter(
            Q(read_at=None) | Q(read_at__gt=now),
            direction=ChatMessage.Direction.TO_CUSTOMER,
            delivered_at__lte=now,
            seen_at=None,
        ).drawn()


class ChatMessage(models.Model):
    """One message of a chat. Its statuses are moments, and may lie ahead."""

    class Direction(models.TextChoices):
        """Who wrote the message."""

        TO_CUSTOMER = "to_customer", _("from the shop")
        TO_BUSINESS = "to_business", _("from the customer")

    class Status(models.TextChoices):
        """How far a message has come."""

        ACCEPTED = "accepted", _("accepted")
        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("delivered")
        READ = "read", _("read")
        FAILED = "failed", _("failed")

    customer = models.ForeignKey(
        SimulatedCustomer, on_delete=models.CASCADE, related_name="messages"
    )
    direction = models.CharField(max_length=12, choices=Direction.choices)
    wamid = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=20)
    #: The message as it travelled: ``{"type": ..., <type>: {...}}``.
    content = models.JSONField()
    #: What the bubble shows, see ``pieces.py``.
    pieces = models.JSONField()
    context_wamid = models.CharField(max_length=200, blank=True)
    #: Price class of a message of the business.
    category = models.CharField(max_length=20, blank=True)
    opaque_callback_data = models.CharField(max_length=512, blank=True)
    #: Emoji that the other side put on this message.
    reaction = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    #: The customer has looked at it, whether or not a receipt tells so.
    seen_at = models.DateTimeField(null=True)
    error_code = models.PositiveIntegerField(null=True)

    objects = ChatMessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("chat message")
        verbose_name_plural = _("chat messages")
        indexes = [
            models.Index(fields=["customer", "created_at", "id"], name="ws_message_thread_idx")
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.kind}"

    # Properties

    @property
    def is_from_customer(self) -> bool:
        """The customer wrote it."""
        return self.direction == self.Direction.TO_BUSINESS

    def status_at(self, now: datetime) -> "ChatMessage.Status":
        """This will return how far the message has come at a moment."""
        moments = (
            (self.failed_at, self.Status.FAILED),
            (self.read_at, self.Status.READ),
            (self.delivered_at, self.Status.DELIVERED),
            (self.sent_at, self.Status.SENT),
        )
        for moment, status in moments:
            if moment is not None and moment <= now:
                return status
        return self.Status.ACCEPTED
