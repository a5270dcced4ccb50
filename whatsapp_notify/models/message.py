"""The outbox row, which is also the delivery log; and its timeline."""

import secrets
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.domain import opaque
from whatsapp_notify.domain.content import Preview, preview_from_json
from whatsapp_notify.domain.policy import CheckMade, checks_from_json
from whatsapp_notify.domain.statuses import State
from whatsapp_notify.models.append_only import AppendOnlyModel
from whatsapp_notify.models.automation import Automation
from whatsapp_notify.models.contact import Contact
from whatsapp_notify.models.sender import Sender
from whatsapp_notify.models.shop_event import ShopEvent
from whatsapp_notify.models.topic import Channel, Topic


def _new_token() -> str:
    return secrets.token_hex(16)


class Message(models.Model):
    """One message to one person, from its plan to the last news of it.

    # Note [Statuses stay out of indexes]
    ``state`` and the times of statuses change with every webhook and stand in no index, not
    even in a partial index's predicate, so that PostgreSQL can update the row in place (HOT).
    ``is_pending`` and ``needs_attention`` change rarely and carry the indexes that claims and
    the admin need.
    """

    class StateChoices(models.TextChoices):
        QUEUED = State.QUEUED, _("queued")
        CALLING = State.CALLING, _("being sent")
        IN_DOUBT = State.IN_DOUBT, _("in doubt")
        ACCEPTED = State.ACCEPTED, _("accepted")
        HELD = State.HELD, _("held by WhatsApp")
        SENT = State.SENT, _("sent")
        DELIVERED = State.DELIVERED, _("delivered")
        READ = State.READ, _("read")
        FAILED = State.FAILED, _("failed")
        UNKNOWN = State.UNKNOWN, _("outcome unknown")
        BLOCKED = State.BLOCKED, _("not sent")
        EXPIRED = State.EXPIRED, _("expired")
        CANCELLED = State.CANCELLED, _("cancelled")

    #: Business key: one message per event, automation, contact and channel.
    key = models.CharField(max_length=120, editable=False)
    contact = models.ForeignKey(
        Contact,
        verbose_name=_("contact"),
        on_delete=models.PROTECT,
        related_name="messages",
        # wn_message_contact_idx begins with it.
        db_index=False,
    )
    # Note [References without an index]
    # Few values, shared by many rows, are never looked up alone, and each index is written
    # with each claim and each answer.
    topic = models.ForeignKey(
        Topic, verbose_name=_("topic"), on_delete=models.PROTECT, db_index=False
    )
    automation = models.ForeignKey(
        Automation,
        verbose_name=_("automation"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,
    )
    event = models.ForeignKey(
        ShopEvent,
        verbose_name=_("shop event"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="messages",
        db_index=False,
    )
    survey = models.ForeignKey(
        "whatsapp_notify.Survey",
        verbose_name=_("survey"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,
    )
    #: The inbound message that this one answers.
    in_reply_to = models.ForeignKey(
        "whatsapp_notify.InboundMessage",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="replies",
        verbose_name=_("answers"),
        db_index=False,
    )
    #: The member of the staff who wrote it; None for all that is sent by itself.
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("written by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )
    sender = models.ForeignKey(
        Sender,
        verbose_name=_("sender"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
    )
    channel = models.CharField(
        _("channel"), max_length=12, choices=Channel.choices, default=Channel.WHATSAPP
    )
    #: Name of the shop event, kept beside the reference: the event may be pruned.
    event_name = models.CharField(_("event"), max_length=60, blank=True)
    order_ref = models.CharField(_("order"), max_length=64, blank=True)
    #: Smaller leaves first; follows from the topic's purpose.
    priority = models.PositiveSmallIntegerField(_("priority"), default=20)

    #: What ``domain.content.to_json`` gave when the message was planned.
    content = models.JSONField(editable=False)
    template_name = models.CharField(_("template"), max_length=512, blank=True)
    template_language = models.CharField(_("language"), max_length=15, blank=True)
    preview = models.JSONField(editable=False, default=dict)

    state = models.CharField(
        _("state"), max_length=10, choices=StateChoices.choices, default=StateChoices.QUEUED
    )
    #: Why it is in this state: a check of the decision, or what the provider said.
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    is_pending = models.BooleanField(default=True, editable=False)
    needs_attention = models.BooleanField(_("needs attention"), default=False)
    due_at = models.DateTimeField(_("due at"))
    expires_at = models.DateTimeField(_("expires at"))
    #: The last decision, check by check, as ``domain.policy.Decision.to_json`` gave it.
    #: Read ``checks_made``.
    checks = models.JSONField(default=list, editable=False)

    token = models.CharField(max_length=32, default=_new_token, editable=False)
    #: Number of the current or last call to the provider.
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    #: Calls that failed for good reasons to try again; throttles do not count.
    failures = models.PositiveSmallIntegerField(_("failures"), default=0)
    #: While calling: after this moment nobody waits for the answer any more.
    call_expires_at = models.DateTimeField(null=True, editable=False)
    provider_message_id = models.CharField(
        _("id at WhatsApp"), max_length=200, null=True, blank=True
    )
    error_code = models.IntegerField(_("error code"), null=True, blank=True)
    error_detail = models.CharField(_("error detail"), max_length=300, blank=True)
    trace_id = models.CharField(_("trace id at Meta"), max_length=60, blank=True)
    #: The provider's pricing object, as it came.
    pricing = models.JSONField(_("pricing"), null=True, blank=True)

    created_at = models.DateTimeField(_("planned at"))
    called_at = models.DateTimeField(_("last call at"), null=True, blank=True)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)
    failed_at = models.DateTimeField(_("failed at"), null=True, blank=True)
    replied_at = models.DateTimeField(_("answered at"), null=True, blank=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("delivery log")
        permissions = [
            ("view_message_text", _("Can see what messages say")),
            ("resend_message", _("Can send messages again and settle doubtful ones")),
            ("export_message", _("Can export the delivery log")),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key"], name="wn_message_key_uniq"),
            models.UniqueConstraint(
                fields=["provider_message_id"],
                condition=models.Q(provider_message_id__isnull=False),
                name="wn_message_provider_id_uniq",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["priority", "due_at", "id"],
                name="wn_message_pending_idx",
                condition=models.Q(is_pending=True),
            ),
            models.Index(
                fields=["-id"],
                name="wn_message_attention_idx",
                condition=models.Q(needs_attention=True),
            ),
            models.Index(
                fields=["call_expires_at"],
                name="wn_message_calling_idx",
                condition=models.Q(call_expires_at__isnull=False),
            ),
            models.Index(fields=["contact", "-id"], name="wn_message_contact_idx"),
            models.Index(
                fields=["event"],
                name="wn_message_event_idx",
                condition=models.Q(event__isnull=False),
            ),
            models.Index(
                fields=["in_reply_to"],
                name="wn_message_reply_idx",
                condition=models.Q(in_reply_to__isnull=False),
            ),
            models.Index(fields=["created_at"], name="wn_message_created_idx"),
            models.Index(
                fields=["order_ref"],
                name="wn_message_order_idx",
                condition=~models.Q(order_ref=""),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.state}"

    def __repr__(self) -> str:
        return f"<Message #{self.pk} {self.state}>"

    # Properties

    @property
    def chat_preview(self) -> Preview:
        """The message as the customer sees it."""
        return preview_from_json(self.preview)

    @property
    def checks_made(self) -> list[CheckMade]:
        """Each check of the last decision, in their order."""
        return checks_from_json(self.checks)

    def opaque_id(self, *, instance: str) -> str:
        """This will return the id that the provider echoes for the current attempt."""
        return opaque.encode(
            instance=instance, message_id=self.pk, token=self.token, attempt=self.attempt
        )


class DeliveryEvent(AppendOnlyModel):
    """One line of a message's timeline."""

    class Kind(models.TextChoices):
        PLANNED = "planned", _("planned")
        HELD_BACK = "held_back", _("held back")
        BLOCKED = "blocked", _("not sent")
        CALLING = "calling", _("call to WhatsApp")
        ACCEPTED = "accepted", _("accepted by WhatsApp")
        HELD = "held", _("held by WhatsApp")
        REFUSED = "refused", _("refused by WhatsApp")
        IN_DOUBT = "in_doubt", _("outcome in doubt")
        SETTLED = "settled", _("doubt settled")
        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("delivered")
        READ = "read", _("read")
        FAILED = "failed", _("failed")
        REPLIED = "replied", _("customer answered")
        EXPIRED = "expired", _("expired")
        CANCELLED = "cancelled", _("cancelled")
        UNKNOWN = "unknown", _("outcome stays unknown")
        RESENT = "resent", _("sent again by staff")

    message = models.ForeignKey(
        Message,
        verbose_name=_("message"),
        on_delete=models.CASCADE,
        related_name="timeline",
        # wn_deliveryevent_msg_idx begins with it.
        db_index=False,
    )
    kind = models.CharField(_("what"), max_length=10, choices=Kind.choices)
    #: When it happened, by the clock of who told it.
    at = models.DateTimeField(_("at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    error_code = models.IntegerField(_("error code"), null=True, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    #: User name of the staff member who did it; empty for machines.
    actor = models.CharField(_("by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("timeline entry")
        verbose_name_plural = _("timeline")
        constraints: ClassVar = [
            # Meta repeats and reorders: one line per status and call.
            models.UniqueConstraint(
                fields=["message", "kind", "attempt"],
                condition=models.Q(kind__in=["sent", "delivered", "read", "failed", "accepted"]),
                name="wn_deliveryevent_status_uniq",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["message", "id"], name="wn_deliveryevent_msg_idx"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.kind}"

    def as_dict(self) -> dict[str, Any]:
        """This will return the line without personal data, for the command line and JSON."""
        return {
            "at": self.at.isoformat(),
            "what": self.kind,
            "attempt": self.attempt,
            "reason": self.reason,
            "code": self.error_code,
        }
