"""What Meta asks for a message, as the shop has entered it from its rate card."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Rate(models.Model):
    """The price of one message of one category to one country, from a day on.

    Meta's rate cards are files behind links that expire, so that nothing can fetch them.
    """

    class Category(models.TextChoices):
        SERVICE = "service", _("service (free-form answers)")
        UTILITY = "utility", _("utility")
        MARKETING = "marketing", _("marketing")
        AUTHENTICATION = "authentication", _("authentication")

    country = models.CharField(
        _("country"),
        max_length=2,
        blank=True,
        help_text=_(
            "Two letters, such as FI. Empty for all countries without a rate of their own."
        ),
    )
    category = models.CharField(_("category"), max_length=15, choices=Category.choices)
    currency = models.CharField(_("currency"), max_length=3, help_text=_("Such as EUR."))
    amount = models.DecimalField(_("price of one message"), max_digits=10, decimal_places=6)
    effective_from = models.DateField(_("valid from"))

    class Meta:
        verbose_name = _("rate")
        verbose_name_plural = _("rates")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["country", "category", "effective_from"], name="wn_rate_uniq"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.country or '*'} {self.category} {self.effective_from}"
