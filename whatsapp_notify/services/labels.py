"""Labels that customers carry."""

from datetime import datetime

from whatsapp_notify.models import Contact, ContactLabel, Label


def add(*, contact: Contact, label: Label, actor: str, order_ref: str = "", now: datetime) -> bool:
    """This will put a label on a contact; who carries it already keeps the first.

    ``actor`` is the name of the event, or of the member of the staff.

    Returns:
        Whether the contact carries it since now.
    """
    _row, is_new = ContactLabel.objects.get_or_create(
        contact=contact,
        label=label,
        defaults={"actor": actor[:150], "order_ref": order_ref[:64], "set_at": now},
    )
    return is_new


def remove(*, contact: Contact, label: Label) -> bool:
    """This will take a label off a contact.

    Returns:
        Whether the contact carried it.
    """
    deleted, _by_model = ContactLabel.objects.filter(contact=contact, label=label).delete()
    return deleted > 0
