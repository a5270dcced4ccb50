"""The shop's own words for answers: to keywords, by itself and by its staff."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

_LANGUAGE_HELP = _("Such as fi. Empty for customers of any language.")
_VARIABLES_HELP = _("May hold {first_name}, {business_name}, {opening_hours} and {next_opening}.")


class KeywordReply(models.Model):
    """An answer to a message that consists of one of some words."""

    phrases = models.TextField(
        _("when a customer writes"),
        help_text=_(
            "One word or phrase a line. It counts where it is the whole message; capitals, "
            "accents, punctuation and words such as “please” do not matter."
        ),
    )
    language = models.CharField(_("language"), max_length=15, blank=True, help_text=_LANGUAGE_HELP)
    body = models.TextField(_("answer"), max_length=4096, help_text=_VARIABLES_HELP)
    buttons = models.CharField(
        _("buttons"),
        max_length=80,
        blank=True,
        help_text=_(
            "Up to three, separated by “|”, each of at most 20 characters. A tap counts as if "
            "the customer had written it, so that each may be a keyword of its own."
        ),
    )
    calls_person = models.BooleanField(
        _("calls a person"),
        default=False,
        help_text=_("The customer gets the answer and waits for a member of the staff."),
    )
    is_active = models.BooleanField(_("on"), default=True)
    used_count = models.PositiveIntegerField(_("used"), default=0, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("keyword reply")
        verbose_name_plural = _("keyword replies")

    def __str__(self) -> str:
        return self.phrases.partition("\n")[0].strip() or f"#{self.pk}"


class AutomaticReply(models.Model):
    """What the shop says by itself on one occasion, in one language."""

    class Kind(models.TextChoices):
        GREETING = "greeting", _("greeting on first contact")
        AWAY = "away", _("the shop is closed")
        HANDED_OVER = "handed_over", _("a person will answer")
        ORDER_STATUS = "order_status", _("where the order is")
        ORDER_UNKNOWN = "order_unknown", _("no such order of this customer")
        ORDER_LIMIT = "order_limit", _("too many order numbers")
        CART_TAKEN = "cart_taken", _("order from the chat taken")
        FLOOD = "flood", _("too many messages at once")

    kind = models.CharField(_("occasion"), max_length=15, choices=Kind.choices)
    language = models.CharField(_("language"), max_length=15, blank=True, help_text=_LANGUAGE_HELP)
    body = models.TextField(
        _("words"),
        max_length=2000,
        help_text=_(
            "May hold {first_name}, {business_name}, {opening_hours} and {next_opening}; where "
            "it is about an order also {order_ref}, {order_status}, {estimated_arrival}, "
            "{tracking_url} and {order_url}."
        ),
    )
    is_active = models.BooleanField(
        _("on"), default=True, help_text=_("Each answer costs money. Off: nothing is said.")
    )

    class Meta:
        verbose_name = _("automatic reply")
        verbose_name_plural = _("automatic replies")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "language"], name="wn_automaticreply_kind_uniq"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.language or '*'})"


class CannedReply(models.Model):
    """An answer that the staff has ready."""

    title = models.CharField(_("title"), max_length=80)
    shortcut = models.SlugField(
        _("shortcut"),
        max_length=30,
        blank=True,
        help_text=_("Typed after “/” at the desk, such as returns."),
    )
    language = models.CharField(_("language"), max_length=15, blank=True, help_text=_LANGUAGE_HELP)
    body = models.TextField(
        _("words"),
        max_length=4096,
        help_text=_(
            "May hold {first_name}, {business_name}, {agent_name}, {order_ref}, {order_status}, "
            "{tracking_url}, {opening_hours} and {next_opening}."
        ),
    )
    is_active = models.BooleanField(_("on"), default=True)

    class Meta:
        verbose_name = _("canned reply")
        verbose_name_plural = _("canned replies")

    def __str__(self) -> str:
        return self.title
