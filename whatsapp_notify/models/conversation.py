"""The chat with one customer: its window, who answers, and who is waited for."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.models.contact import Contact
from whatsapp_notify.models.inbound import InboundMessage
from whatsapp_notify.models.sender import Sender


class Conversation(models.Model):
    """The chat of one contact with one of our numbers."""

    class Mode(models.TextChoices):
        AUTOMATIC = "automatic", _("answered automatically")
        PERSON = "person", _("answered by a person")

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="conversations"
    )
    sender = models.ForeignKey(Sender, verbose_name=_("sender"), on_delete=models.CASCADE)
    last_inbound_at = models.DateTimeField(_("customer last wrote"), null=True, blank=True)
    window_expires_at = models.DateTimeField(
        _("service window open until"),
        null=True,
        blank=True,
        help_text=_("Free text is allowed until then: 24 hours after the customer's last message."),
    )
    entry_point_expires_at = models.DateTimeField(
        _("free entry point until"),
        null=True,
        blank=True,
        help_text=_("72 hours after our answer to a customer who came by an ad."),
    )
    #: What the customer or a member of the staff wrote last; the list of the desk goes by it.
    #: What is sent by itself does not move a customer up in the list.
    last_message_at = models.DateTimeField(_("last message"), null=True, blank=True)
    mode = models.CharField(
        _("who answers"),
        max_length=10,
        choices=Mode.choices,
        default=Mode.AUTOMATIC,
        db_default=Mode.AUTOMATIC,
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("assigned to"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="whatsapp_conversations",
    )
    #: Since when the customer waits for a person; None while nobody is waited for.
    waiting_since = models.DateTimeField(_("waiting since"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    greeted_at = models.DateTimeField(_("greeted at"), null=True, blank=True)
    away_told_at = models.DateTimeField(_("told that the shop is closed"), null=True, blank=True)
    flood_told_at = models.DateTimeField(_("told to write less"), null=True, blank=True)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        permissions = [("reply_conversation", _("Can answer customers"))]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contact", "sender"], name="wn_conversation_uniq"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["waiting_since", "id"],
                name="wn_conversation_waiting_idx",
                condition=models.Q(waiting_since__isnull=False),
            ),
            models.Index(fields=["-last_message_at", "-id"], name="wn_conversation_last_idx"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} contact #{self.contact_id}"


class Enquiry(models.Model):
    """A customer who waits, or has waited, for a person; the source of answer times."""

    class Reason(models.TextChoices):
        NOT_UNDERSTOOD = "not_understood", _("no automatic answer fits")
        ASKED_FOR = "asked_for", _("asked for a person")
        OPT_OUT_UNCLEAR = "opt_out_unclear", _("may want to end messages")
        LOW_SCORE = "low_score", _("low score")
        ORDER = "order", _("question about an order")
        CART = "cart", _("order from the chat")
        FILE = "file", _("sent a file")
        BOT = "bot", _("handed over by the bot")
        FLOOD = "flood", _("wrote too much at once")
        WITH_PERSON = "with_person", _("in a talk with a person")

    class Outcome(models.TextChoices):
        ANSWERED = "answered", _("answered")
        CLOSED = "closed", _("closed without an answer")

    conversation = models.ForeignKey(
        Conversation,
        verbose_name=_("conversation"),
        on_delete=models.CASCADE,
        related_name="enquiries",
    )
    #: The first message that nobody had answered.
    inbound = models.ForeignKey(
        InboundMessage,
        verbose_name=_("inbound message"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="enquiries",
    )
    reason = models.CharField(_("reason"), max_length=20, choices=Reason.choices)
    began_at = models.DateTimeField(_("waited from"))
    ended_at = models.DateTimeField(_("waited until"), null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("ended by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="whatsapp_enquiries",
    )
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, blank=True)

    class Meta:
        verbose_name = _("enquiry")
        verbose_name_plural = _("enquiries")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation"],
                condition=models.Q(ended_at__isnull=True),
                name="wn_enquiry_open_uniq",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["-began_at"], name="wn_enquiry_began_idx")]

    def __str__(self) -> str:
        return f"#{self.pk} {self.reason}"


class DeskPresence(models.Model):
    """Which member of the staff looks at a conversation, and whether they write an answer."""

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="presences"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    seen_at = models.DateTimeField()
    is_writing = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("presence at the desk")
        verbose_name_plural = _("presences at the desk")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["conversation", "user"], name="wn_deskpresence_uniq"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} conversation #{self.conversation_id}"
