"""Rules that turn an event into a message."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from whatsapp_notify.domain import confirmation
from whatsapp_notify.models.topic import Channel, Topic


class Event(models.TextChoices):
    """Events that the package itself knows; a shop may record others under its own names."""

    CUSTOMER_JOINED = "customer.joined", _("customer joined (phone and consent are known)")
    CUSTOMER_BIRTHDAY = "customer.birthday", _("customer's birthday")
    CONSENT_UNCONFIRMED = (
        confirmation.EVENT,
        _("consent was given that has to be confirmed in the chat"),
    )
    ORDER_CONFIRMED = "order.confirmed", _("order confirmed")
    ORDER_CHANGED = "order.changed", _("order changed")
    ORDER_CANCELLED = "order.cancelled", _("order cancelled")
    ORDER_REFUNDED = "order.refunded", _("order refunded")
    ORDER_SHIPPED = "order.shipped", _("order shipped")
    ORDER_OUT_FOR_DELIVERY = "order.out_for_delivery", _("order out for delivery")
    ORDER_DELIVERED = "order.delivered", _("order delivered")
    ORDER_DELIVERY_DATE_CHANGED = "order.delivery_date_changed", _("delivery date changed")


class Automation(models.Model):
    """When this happens in the shop, write that, so long after, to those who agreed."""

    name = models.CharField(_("name"), max_length=80)
    event = models.CharField(
        _("when"),
        max_length=60,
        help_text=_("The event in the shop, such as order.shipped, or one of the shop's own."),
    )
    topic = models.ForeignKey(
        Topic,
        verbose_name=_("topic"),
        on_delete=models.PROTECT,
        help_text=_("Only customers who agreed to this topic get the message."),
    )
    channel = models.CharField(
        _("channel"), max_length=12, choices=Channel.choices, default=Channel.WHATSAPP
    )
    template_name = models.CharField(
        _("template"),
        max_length=512,
        help_text=_("Name of the template. The customer's language is chosen by itself."),
    )
    #: {"body.1": "{first_name}", "button.0": "{tracking_code}"}: placeholder -> expression.
    parameters = models.JSONField(
        _("parameters"),
        default=dict,
        blank=True,
        help_text=_(
            "What stands in each placeholder, such as {“body.1”: “{first_name}”}. "
            "The preview shows the result."
        ),
    )
    delay_minutes = models.PositiveIntegerField(
        _("delay in minutes"), default=0, help_text=_("0 sends at once; 1440 is one day.")
    )
    expires_after_minutes = models.PositiveIntegerField(
        _("drop when late by minutes"),
        default=2880,
        help_text=_("A message that could not leave for so long after it was due is dropped."),
    )
    survey = models.ForeignKey(
        "whatsapp_notify.Survey",
        verbose_name=_("survey"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        help_text=_("Answers to the message are read as answers to this survey."),
    )
    is_active = models.BooleanField(
        _("on"), default=True, help_text=_("Switch off to send nothing for this event.")
    )

    class Meta:
        verbose_name = _("automation")
        verbose_name_plural = _("automations")
        indexes: ClassVar = [models.Index(fields=["event"], name="wn_automation_event_idx")]

    def __str__(self) -> str:
        return self.name
