"""What a message is about; consent is given by topic and channel."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.domain.policy import LawfulBasis, Purpose


class Channel(models.TextChoices):
    WHATSAPP = "whatsapp", _("WhatsApp")


class Topic(models.Model):
    """One thing that customers can say yes or no to."""

    class PurposeChoices(models.TextChoices):
        SERVICE = Purpose.SERVICE, _("answers to the customer")
        DELIVERY = Purpose.DELIVERY, _("order and delivery news")
        SURVEY = Purpose.SURVEY, _("feedback surveys")
        PROMOTION = Purpose.PROMOTION, _("promotions")

    class LawfulBasisChoices(models.TextChoices):
        CONSENT = LawfulBasis.CONSENT, _("consent")
        CONTRACT = LawfulBasis.CONTRACT, _("contract")
        LEGITIMATE_INTEREST = LawfulBasis.LEGITIMATE_INTEREST, _("legitimate interest")

    key = models.SlugField(
        _("key"), max_length=40, unique=True, help_text=_("Short name used in code and exports.")
    )
    name = models.CharField(
        _("name"), max_length=80, help_text=_("As customers read it beside the consent box.")
    )
    description = models.CharField(
        _("description"),
        max_length=200,
        blank=True,
        help_text=_("One sentence for customers: what they will get, and how often."),
    )
    purpose = models.CharField(
        _("purpose"),
        max_length=12,
        choices=PurposeChoices.choices,
        help_text=_(
            "Decides the order when limits bind, quiet hours, and which of Meta's template "
            "categories are allowed: promotions need a marketing template, all else must not."
        ),
    )
    lawful_basis = models.CharField(
        _("lawful basis"),
        max_length=20,
        choices=LawfulBasisChoices.choices,
        default=LawfulBasisChoices.CONSENT,
        help_text=_("WhatsApp itself asks for an opt-in to every kind of message."),
    )
    is_offered = models.BooleanField(
        _("offered to customers"),
        default=True,
        help_text=_("Shown as a box at checkout and registration."),
    )
    confirmation_days = models.PositiveSmallIntegerField(
        _("days to confirm in the chat"),
        default=0,
        db_default=0,
        help_text=_(
            "0: consent given in the shop counts at once. Otherwise the customer is asked once "
            "in the chat, and nothing on this topic is sent before a yes; without one in so many "
            "days the consent ends. Consent that stands already is not asked about."
        ),
    )

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")

    def __str__(self) -> str:
        return self.name
