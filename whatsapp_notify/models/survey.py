"""Feedback surveys and their answers."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.models.contact import Contact
from whatsapp_notify.models.inbound import InboundMessage


class Survey(models.Model):
    """A question that is answered with a keyword, a number from 1 to 10 and free words."""

    name = models.CharField(_("name"), max_length=80)
    keyword = models.CharField(
        _("keyword"),
        max_length=30,
        unique=True,
        help_text=_("The word customers put before the number, such as VERKKOKAUPPA."),
    )
    answer_days = models.PositiveSmallIntegerField(
        _("days to answer"),
        default=14,
        help_text=_("A bare number within these days after the question counts as an answer."),
    )
    low_score = models.PositiveSmallIntegerField(
        _("low score"),
        default=4,
        db_default=4,
        validators=[MaxValueValidator(10)],
        help_text=_(
            "A score up to this one calls a person and pauses promotions to the customer. "
            "0 for never."
        ),
    )
    is_active = models.BooleanField(_("on"), default=True)

    class Meta:
        verbose_name = _("survey")
        verbose_name_plural = _("surveys")

    def __str__(self) -> str:
        return self.name


class SurveyAnswer(models.Model):
    """The answer of one customer to one asking of a survey; a later one replaces it."""

    survey = models.ForeignKey(
        Survey, verbose_name=_("survey"), on_delete=models.PROTECT, related_name="answers"
    )
    contact = models.ForeignKey(Contact, verbose_name=_("contact"), on_delete=models.PROTECT)
    #: The message that asked; None for an answer that nobody asked for.
    question = models.ForeignKey(
        "whatsapp_notify.Message",
        verbose_name=_("question"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="survey_answers",
    )
    inbound = models.OneToOneField(
        InboundMessage, verbose_name=_("inbound message"), on_delete=models.CASCADE
    )
    order_ref = models.CharField(_("order"), max_length=64, blank=True)
    #: The product that the question was about, where the shop's event named one.
    product = models.CharField(_("product"), max_length=200, blank=True, default="", db_default="")
    score = models.PositiveSmallIntegerField(
        _("score"), validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    comment = models.TextField(_("in the customer's words"), blank=True)
    answered_at = models.DateTimeField(_("answered at"))
    #: False once the same customer has answered the same question again.
    is_current = models.BooleanField(_("counts"), default=True)

    class Meta:
        verbose_name = _("survey answer")
        verbose_name_plural = _("survey answers")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(score__gte=1, score__lte=10), name="wn_surveyanswer_score_range"
            ),
            models.UniqueConstraint(
                fields=["question"],
                condition=models.Q(is_current=True, question__isnull=False),
                name="wn_surveyanswer_current_uniq",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} survey #{self.survey_id}"
