"""When somebody is there to answer."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class OpeningHours(models.Model):
    """One stretch of one day of each week, in the shop's time zone.

    Without any row the shop counts as always open, save on holidays.
    """

    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("Monday")
        TUESDAY = 1, _("Tuesday")
        WEDNESDAY = 2, _("Wednesday")
        THURSDAY = 3, _("Thursday")
        FRIDAY = 4, _("Friday")
        SATURDAY = 5, _("Saturday")
        SUNDAY = 6, _("Sunday")

    weekday = models.PositiveSmallIntegerField(_("day"), choices=Weekday.choices)
    opens = models.TimeField(_("from"))
    closes = models.TimeField(_("until"), help_text=_("00:00 for midnight."))

    class Meta:
        verbose_name = _("opening hours")
        verbose_name_plural = _("opening hours")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["weekday", "opens"], name="wn_openinghours_start_uniq"),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M}–{self.closes:%H:%M}"


class Holiday(models.Model):
    """A day with hours of its own, or none."""

    date = models.DateField(_("date"), unique=True)
    name = models.CharField(_("name"), max_length=80)
    opens = models.TimeField(_("from"), null=True, blank=True)
    closes = models.TimeField(
        _("until"), null=True, blank=True, help_text=_("Both empty: closed all day.")
    )

    class Meta:
        verbose_name = _("holiday")
        verbose_name_plural = _("holidays")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(opens__isnull=True, closes__isnull=True)
                | models.Q(opens__isnull=False, closes__isnull=False),
                name="wn_holiday_both_or_none",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.name}"
