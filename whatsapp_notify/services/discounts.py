"""A discount code of one's own for each birthday, without a table of codes.

The code follows from the person, the year and the shop's SECRET_KEY: nobody can guess another
one, and the shop can check it at the checkout.
"""

import base64
from datetime import datetime
from typing import Any

from django.utils.crypto import constant_time_compare, salted_hmac

from whatsapp_notify.models import Contact, Identity

#: Letters and digits only, and at most 15: what a copy-code button takes everywhere.
_PREFIX = "BDAY"
_LENGTH = 8


def birthday_code(*, contact_id: int, year: int) -> str:
    """This will return the code of one person's birthday in one year, ``BDAYK7Q2M4XA``."""
    digest = salted_hmac(
        "whatsapp_notify.birthday", f"{contact_id}:{year}", algorithm="sha256"
    ).digest()
    return _PREFIX + base64.b32encode(digest).decode()[:_LENGTH]


def is_birthday_code(*, code: str, user_id: Any, phone: str, now: datetime) -> bool:
    """This will tell whether the code was made for this customer's latest birthday.

    The year before counts as well, for those who shop in January with a code of December.
    Whether a code was used before is for the shop to keep.
    """
    ids: set[int] = set()
    if user_id is not None:
        ids.update(Contact.objects.filter(user_id=user_id).values_list("pk", flat=True))
    if phone:
        numbers = Identity.objects.filter(kind=Identity.Kind.PHONE, ended_at__isnull=True)
        ids.update(numbers.filter(value=phone).values_list("contact_id", flat=True))
    typed = code.strip().upper()
    codes = [
        birthday_code(contact_id=pk, year=year) for pk in ids for year in (now.year, now.year - 1)
    ]
    return any(constant_time_compare(typed, each) for each in codes)
