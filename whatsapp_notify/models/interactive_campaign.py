"""Campaigns that customers take part in with a keyword and a photo, a file or words."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.models.contact import Contact
from whatsapp_notify.models.inbound import InboundMessage

_MAX_TEXT = 2000


class InteractiveCampaign(models.Model):
    """Customers write a keyword, are asked for something, send it and are thanked."""

    class AsksFor(models.TextChoices):
        PHOTO = "photo", _("a photo")
        FILE = "file", _("any file")
        WORDS = "words", _("words")

    name = models.CharField(_("name"), max_length=80, help_text=_("Customers do not see it."))
    keywords = models.TextField(
        _("keywords"),
        help_text=_(
            "One word or phrase a line: who writes it takes part. Capitals, accents, punctuation "
            "and courtesies do not matter. Choose words that customers do not write otherwise. "
            "Taking part is no consent: nobody gets offers because of it."
        ),
    )
    asks_for = models.CharField(
        _("asks for"),
        max_length=5,
        choices=AsksFor.choices,
        default=AsksFor.PHOTO,
        help_text=_(
            "It comes with the keyword, or within six hours after it. Photos also as a document."
        ),
    )
    invitation = models.TextField(
        _("invitation"),
        max_length=_MAX_TEXT,
        help_text=_("Said to the keyword alone: tell what to send, and until when."),
    )
    thanks = models.TextField(
        _("thanks"),
        max_length=_MAX_TEXT,
        help_text=_("Said to an entry, once a sitting: ten photos in a row are thanked for once."),
    )
    not_begun = models.TextField(
        _("before it begins"),
        max_length=_MAX_TEXT,
        help_text=_("Said once to each customer who is too early."),
    )
    over = models.TextField(
        _("when it is over"),
        max_length=_MAX_TEXT,
        help_text=_("Said once to each customer who is too late."),
    )
    starts_at = models.DateTimeField(_("begins at"))
    ends_at = models.DateTimeField(
        _("ends at"), null=True, blank=True, help_text=_("Empty for no end.")
    )
    is_active = models.BooleanField(
        _("on"),
        default=True,
        help_text=_(
            "Off: its keywords mean nothing. Leave it on for a while after its end, so that who "
            "is late is told."
        ),
    )

    class Meta:
        verbose_name = _("interactive campaign")
        verbose_name_plural = _("interactive campaigns")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="wn_interactivecampaign_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Participation(models.Model):
    """One customer in one campaign; also one who came at the wrong time and was told so."""

    campaign = models.ForeignKey(
        InteractiveCampaign,
        verbose_name=_("interactive campaign"),
        on_delete=models.PROTECT,
        related_name="participations",
    )
    contact = models.ForeignKey(
        Contact,
        verbose_name=_("contact"),
        on_delete=models.CASCADE,
        related_name="participations",
    )
    #: The first and the last message within the campaign; None for who came at the wrong time.
    first_at = models.DateTimeField(_("first message"), null=True, blank=True)
    last_at = models.DateTimeField(_("last message"), null=True, blank=True)
    #: The last message with the keyword: what comes soon after it may be an entry.
    keyword_at = models.DateTimeField(null=True, editable=False)
    #: Where the latest sitting began, and when an entry was thanked for.
    sitting_began_at = models.DateTimeField(null=True, editable=False)
    thanked_at = models.DateTimeField(null=True, editable=False)
    #: When the customer was told that it has not begun, or is over.
    told_at = models.DateTimeField(null=True, editable=False)
    entry_count = models.PositiveIntegerField(_("entries"), default=0)
    spent_seconds = models.PositiveIntegerField(_("seconds"), default=0)

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        permissions = [("export_participation", _("Can export participants"))]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["campaign", "contact"], name="wn_participation_contact_uniq"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} campaign #{self.campaign_id}"


class ParticipationMessage(models.Model):
    """One message of a participant within the campaign: the keyword, or an entry."""

    participation = models.ForeignKey(
        Participation, on_delete=models.CASCADE, related_name="messages"
    )
    inbound = models.OneToOneField(
        InboundMessage, on_delete=models.CASCADE, related_name="participation_message"
    )
    is_entry = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("message of a participant")
        verbose_name_plural = _("messages of participants")
        default_permissions = ()

    def __str__(self) -> str:
        return f"#{self.pk}"
