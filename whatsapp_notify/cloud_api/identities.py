"""Phone digits and business-scoped user ids: telling one from the other.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/
business-scoped-user-ids, read 2026-11. The phone number may be missing altogether, and
production has shown the user id in ``from`` and ``wa_id`` themselves.
"""

import re

_DIGITS = re.compile(r"\+?([0-9]{5,20})")
#: ``US.13491208655302741918``, or ``US.ENT.11815799212886844830`` for a parent id.
_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[0-9A-Za-z]{1,128}")


def to_wa_id(value: object) -> str:
    """This will give the digits of a phone number; empty for anything else."""
    if not isinstance(value, str) or not value:
        return ""
    found = _DIGITS.fullmatch(value)
    return found[1] if found else ""


def to_user_id(value: object) -> str:
    """This will give a business-scoped user id; empty for anything else."""
    # A phone is asked as well, each time: most of what comes here has no dot in its place.
    return value if isinstance(value, str) and value[2:3] == "." and is_user_id(value) else ""


def is_user_id(value: str) -> bool:
    """This will tell whether this is a business-scoped user id, parent ids included."""
    return _USER_ID.fullmatch(value) is not None


def split(wa_id: object, user_id: object) -> tuple[str, str]:
    """This will give phone digits and user id, also where the id stands in the phone's place."""
    return to_wa_id(wa_id), to_user_id(user_id) or to_user_id(wa_id)
