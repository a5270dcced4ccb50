"""What a recorded event means: who is to be written to, and about which order."""

from django.conf import settings
from django.db.models import Model
from django.utils.translation import gettext as _

from whatsapp_notify.domain.occasions import Customer, Occasion, Order
from whatsapp_notify.exceptions import WhatsAppNotifyError
from whatsapp_notify.models import Contact, ShopEvent
from whatsapp_notify.services import adapters


class Gone(WhatsAppNotifyError):
    """What the event was about does not exist any more, so that nothing can be said about it."""


class NobodyToWriteTo(WhatsAppNotifyError):
    """The shop's adapter names no customer for the event."""


def read(*, event: ShopEvent) -> Occasion:
    """This will ask the shop's adapter what an event is about.

    Raises:
        Gone: Its order, customer or account has been deleted.
        NobodyToWriteTo: The adapter returned no customer.
        ConfigurationError: There is no adapter.
    """
    order: Order | None = None
    customer = _customer_of(event.contact) if event.contact else None
    if event.subject_label or customer is None:
        subject = _subject(event)
        order = adapters.load().get_order(subject)
        if customer is None:
            customer = order.customer if order else adapters.load().get_customer(subject)
    if customer is None:
        raise NobodyToWriteTo(_("The shop's adapter names nobody to write to."))
    return Occasion(
        event=event.name,
        occurred_at=event.occurred_at,
        customer=customer,
        order=order,
        extra={"order_ref": event.order_ref, **event.data} if event.order_ref else event.data,
    )


def _subject(event: ShopEvent) -> Model:
    label, pk = event.subject_label, event.subject_pk
    if not label:
        if event.user_id is None:
            raise Gone(_("The account or contact does not exist any more."))
        label, pk = settings.AUTH_USER_MODEL, str(event.user_id)
    subject = adapters.load().get_subject_for(label, pk)
    if subject is None:
        raise Gone(_("%(label)s #%(pk)s does not exist any more.") % {"label": label, "pk": pk})
    return subject


def _customer_of(contact: Contact) -> Customer:
    return Customer(
        first_name=contact.first_name,
        language=contact.language,
        birth_date=contact.birth_date,
        time_zone=contact.time_zone,
        user_id=contact.user_id,
    )
