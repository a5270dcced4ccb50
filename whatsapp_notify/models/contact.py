"""A person whom the shop may write to, and the ids by which WhatsApp knows them."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.domain import phone as phones


class Contact(models.Model):
    """One person; the phone may be missing, as WhatsApp may hide it."""

    class PauseReason(models.TextChoices):
        OPT_OUT_UNCLEAR = "opt_out_unclear", _("words that may ask for an end")
        LOW_SCORE = "low_score", _("a low score")
        STAFF = "staff", _("a decision of the staff")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("shop user"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="whatsapp_contacts",
        help_text=_("The account in the shop. Empty for guests."),
    )
    first_name = models.CharField(
        _("first name"), max_length=80, blank=True, help_text=_("Used in greetings.")
    )
    language = models.CharField(
        _("language"),
        max_length=15,
        blank=True,
        help_text=_("Language of messages, such as fi. Empty for the shop's default."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        help_text=_("Decides quiet hours and birthdays. Empty for the shop's own."),
    )
    birth_date = models.DateField(
        _("birth date"), null=True, blank=True, help_text=_("For birthday greetings only.")
    )
    #: month * 100 + day, so that birthdays of one day are found by an index.
    birth_month_day = models.PositiveSmallIntegerField(null=True, editable=False)
    marketing_stopped_at = models.DateTimeField(
        _("stopped marketing at WhatsApp"),
        null=True,
        blank=True,
        help_text=_("Set by WhatsApp's own “stop” control. No promotion is sent while it is set."),
    )
    #: When the customer last used that control, either way: older news must not win.
    marketing_changed_at = models.DateTimeField(null=True, editable=False)
    #: While the customer's last word about all that the shop sends is a stop: when it was said.
    #: It counts for topics that were added since. Follows from the ledger.
    everything_stopped_at = models.DateTimeField(null=True, editable=False)
    promotions_paused_at = models.DateTimeField(
        _("promotions paused"),
        null=True,
        blank=True,
        help_text=_("No promotion leaves while it is set. A person, or the customer, lifts it."),
    )
    promotions_paused_reason = models.CharField(
        _("promotions paused because of"),
        max_length=20,
        choices=PauseReason.choices,
        blank=True,
        default="",
        db_default="",
    )
    unreachable_since = models.DateTimeField(
        _("not reachable since"),
        null=True,
        blank=True,
        help_text=_("WhatsApp could not deliver to this number. Cleared when the person writes."),
    )
    #: Pair rate: when the person's allowance would be used up by no call (see policy).
    paced_until = models.DateTimeField(null=True, editable=False)
    #: Counts consents, withdrawals and changes of number: a call that was planned before one
    #: of them does not start after it.
    consent_revision = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        permissions = [
            ("view_full_phone", _("Can see whole phone numbers")),
            ("export_contact", _("Can export contacts")),
        ]
        indexes = [
            models.Index(
                fields=["birth_month_day"],
                name="wn_contact_birthday_idx",
                condition=models.Q(birth_month_day__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    def save(self, *args: object, **kwargs: object) -> None:
        born = self.birth_date
        self.birth_month_day = born.month * 100 + born.day if born else None
        super().save(*args, **kwargs)  # type: ignore[arg-type]  # passed through as given

    @property
    def is_erased(self) -> bool:
        return self.erased_at is not None


class Identity(models.Model):
    """One id of a contact: a phone, WhatsApp's spelling of it, or a business-scoped user id.

    A number may move to another person: the old row is ended, never handed over.
    """

    class Kind(models.TextChoices):
        PHONE = "phone", _("phone")
        WA_ID = "wa_id", _("WhatsApp number")
        USER_ID = "user_id", _("WhatsApp user id")
        PARENT_USER_ID = "parent_user_id", _("WhatsApp parent user id")

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="identities"
    )
    kind = models.CharField(_("kind"), max_length=15, choices=Kind.choices)
    #: Phones in E.164 with plus sign; wa_id in digits; user ids as WhatsApp writes them.
    value = models.CharField(_("value"), max_length=150)
    created_at = models.DateTimeField(_("known since"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["value", "kind"],
                condition=models.Q(ended_at__isnull=True),
                name="wn_identity_current_uniq",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.masked_value}"

    def __repr__(self) -> str:
        return f"<Identity #{self.pk} {self.kind}>"

    @property
    def masked_value(self) -> str:
        """The value with its middle hidden."""
        if self.kind == self.Kind.PHONE:
            return phones.mask(self.value)
        return f"{self.value[:3]}…{self.value[-2:]}"
