"""The consent ledger, append-only, and its projection."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.models.append_only import AppendOnlyModel
from whatsapp_notify.models.contact import Contact
from whatsapp_notify.models.topic import Channel, Topic


class ConsentRecord(AppendOnlyModel):
    """One act of giving or withdrawing consent, with its proof.

    The database refuses changes too (triggers of the first migration).
    """

    class Action(models.TextChoices):
        GRANT = "grant", _("given")
        WITHDRAW = "withdraw", _("withdrawn")

    class Source(models.TextChoices):
        CHECKOUT = "checkout", _("checkout")
        REGISTRATION = "registration", _("registration")
        API = "api", _("API")
        KEYWORD = "keyword", _("keyword in the chat")
        BUTTON = "button", _("button in the chat")
        PROVIDER = "provider", _("WhatsApp's own control")
        STAFF = "staff", _("recorded by staff")
        IMPORT = "import", _("import")
        #: Gives nothing: what stands has to be confirmed from the new number.
        NEW_NUMBER = "new_number", _("new number in the shop")

    contact = models.ForeignKey(
        Contact,
        verbose_name=_("contact"),
        on_delete=models.PROTECT,
        related_name="consent_records",
    )
    topic = models.ForeignKey(
        Topic, verbose_name=_("topic"), on_delete=models.PROTECT, related_name="consent_records"
    )
    channel = models.CharField(
        _("channel"), max_length=12, choices=Channel.choices, default=Channel.WHATSAPP
    )
    action = models.CharField(_("action"), max_length=10, choices=Action.choices)
    lawful_basis = models.CharField(
        _("lawful basis"), max_length=20, choices=Topic.LawfulBasisChoices.choices
    )
    source = models.CharField(_("source"), max_length=15, choices=Source.choices)
    wording = models.TextField(
        _("wording"),
        blank=True,
        help_text=_("The words exactly as the customer saw or wrote them."),
    )
    #: First 16 hex digits of SHA-256 of the wording: the same words, the same version.
    wording_version = models.CharField(_("wording version"), max_length=16, blank=True)
    language = models.CharField(_("language"), max_length=15, blank=True)
    occurred_at = models.DateTimeField(
        _("given or withdrawn at"), help_text=_("When the customer did it.")
    )
    recorded_at = models.DateTimeField(_("recorded at"), auto_now_add=True)
    ip_address = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(_("browser"), max_length=300, blank=True)
    #: User name, not a reference: the proof must outlive the account.
    recorded_by = models.CharField(_("recorded by"), max_length=150, blank=True)
    #: What proves it beside the words, by reference: {"inbound_id": 7} or {"order_ref": "A1"}.
    evidence = models.JSONField(_("evidence"), default=dict, blank=True)
    #: The same act recorded twice (a repeated webhook, a double click) has the same key.
    dedupe_key = models.CharField(max_length=100, null=True, editable=False)

    class Meta:
        verbose_name = _("consent record")
        verbose_name_plural = _("consent records")
        permissions = [("export_consentrecord", _("Can export consent records"))]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["dedupe_key"],
                condition=models.Q(dedupe_key__isnull=False),
                name="wn_consentrecord_dedupe_uniq",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["contact", "topic", "channel", "occurred_at"],
                name="wn_consentrecord_history_idx",
            ),
            models.Index(fields=["-occurred_at", "-id"], name="wn_consentrecord_time_idx"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.action} topic {self.topic_id} contact #{self.contact_id}"


class ConsentState(models.Model):
    """Where a contact stands on one topic and channel now; follows from the ledger."""

    contact = models.ForeignKey(
        Contact,
        verbose_name=_("contact"),
        on_delete=models.CASCADE,
        related_name="consent_states",
    )
    topic = models.ForeignKey(Topic, verbose_name=_("topic"), on_delete=models.PROTECT)
    channel = models.CharField(
        _("channel"), max_length=12, choices=Channel.choices, default=Channel.WHATSAPP
    )
    is_granted = models.BooleanField(_("given"))
    record = models.ForeignKey(
        ConsentRecord, verbose_name=_("record"), on_delete=models.PROTECT, related_name="+"
    )
    changed_at = models.DateTimeField(_("since"))
    #: Given, but of no effect before the customer has confirmed it in the chat; after this
    #: moment it has ended without. Follows from the ledger too.
    confirm_by = models.DateTimeField(_("to be confirmed by"), null=True, editable=False)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["contact", "topic", "channel"], name="wn_consentstate_uniq"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} contact #{self.contact_id} topic {self.topic_id}"
