"""What customers write."""

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.models.contact import Contact
from whatsapp_notify.models.sender import Sender

if TYPE_CHECKING:
    from whatsapp_notify.cloud_api.webhooks import Person
    from whatsapp_notify.models.conversation import Conversation
    from whatsapp_notify.models.message import Message


class InboundMessage(models.Model):
    """One message of a customer, and how it was understood."""

    class HandledAs(models.TextChoices):
        OPT_OUT = "opt_out", _("stop")
        OPT_IN = "opt_in", _("start")
        SURVEY_ANSWER = "survey", _("survey answer")
        CAMPAIGN = "campaign", _("taking part in a campaign")
        KEYWORD = "keyword", _("keyword")
        ORDER_STATUS = "order", _("question about an order")
        CART = "cart", _("order from the chat")
        BOT = "bot", _("for the bot")
        PERSON = "person", _("for a person")
        FLOOD = "flood", _("too many at once")
        KEPT = "kept", _("kept for staff")
        NOTICE = "notice", _("notice by WhatsApp")

    class Errand(models.TextChoices):
        ORDER_STATUS = "order", _("ask the shop where the order is")
        CART = "cart", _("make a draft order")
        BOT = "bot", _("ask the bot")

    contact = models.ForeignKey(
        Contact,
        verbose_name=_("contact"),
        on_delete=models.PROTECT,
        related_name="inbound_messages",
    )
    sender = models.ForeignKey(
        Sender, verbose_name=_("our number"), null=True, on_delete=models.SET_NULL
    )
    provider_message_id = models.CharField(_("id at WhatsApp"), max_length=200)
    #: Meta's type: "text", "button", "image" ...
    kind = models.CharField(_("kind"), max_length=30)
    text = models.TextField(_("text"), blank=True)
    #: The typed content as JSON: button payload, media id, location, order lines.
    content = models.JSONField(default=dict, blank=True)
    #: The message that the customer answered, as far as WhatsApp told it.
    answers = models.ForeignKey(
        "whatsapp_notify.Message",
        verbose_name=_("answers"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="answered_by",
    )
    sent_at = models.DateTimeField(_("written at"), help_text=_("By WhatsApp's clock."))
    received_at = models.DateTimeField(_("received at"))
    handled_as = models.CharField(
        _("understood as"), max_length=10, choices=HandledAs.choices, default=HandledAs.KEPT
    )
    #: Which handlers have looked at it, and why each did or did not act:
    #: ``[[handler, outcome, evidence], ...]``.
    route = models.JSONField(default=list, db_default=[], blank=True, editable=False)
    #: What a worker still has to ask of the shop or the bot before it is answered.
    errand = models.CharField(
        max_length=10, choices=Errand.choices, blank=True, default="", db_default="", editable=False
    )
    errand_due_at = models.DateTimeField(null=True, editable=False)
    errand_tries = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    #: The order that it is about, where that is known.
    order_ref = models.CharField(_("order"), max_length=64, blank=True, default="", db_default="")
    is_read = models.BooleanField(_("seen by staff"), default=False)

    class Meta:
        verbose_name = _("inbound message")
        verbose_name_plural = _("inbound messages")
        permissions = [("view_inboundmessage_text", _("Can see what customers write"))]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["provider_message_id"], name="wn_inboundmessage_provider_id_uniq"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["contact", "-id"], name="wn_inboundmessage_contact_idx"),
            models.Index(fields=["-sent_at", "-id"], name="wn_inboundmessage_sent_idx"),
            models.Index(
                fields=["errand_due_at"],
                name="wn_inboundmessage_errand_idx",
                condition=models.Q(errand_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.kind}"

    def keep_conversation(self, conversation: "Conversation") -> None:
        """This will remember the conversation, so that it is not read again for each answer."""
        self._conversation = conversation

    @property
    def kept_conversation(self) -> "Conversation | None":
        """The conversation as it was when it was remembered, if it was."""
        return getattr(self, "_conversation", None)

    def keep_told(self, *, person: "Person", quoted: "Message | None") -> None:
        """This will remember what the webhook told: who wrote, and which message was quoted."""
        self._person, self._quoted = person, quoted

    @property
    def kept_person(self) -> "Person | None":
        """Who wrote, by all ids that the webhook told; None where it is not being read."""
        return getattr(self, "_person", None)

    @property
    def quoted(self) -> "Message | None":
        """The message that was quoted, also where we sent it to another contact of the person.

        For consent alone: an order, say, must not pass to another contact. So ``answers`` names
        only messages of the contact, and this is forgotten once the webhook has been read.
        """
        return getattr(self, "_quoted", None) or self.answers

    def __repr__(self) -> str:
        return f"<InboundMessage #{self.pk} {self.kind}>"
