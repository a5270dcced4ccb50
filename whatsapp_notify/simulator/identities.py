"""Who is who: phone numbers as Graph reads them, user ids, message ids."""

import base64
import hashlib
import secrets

import phonenumbers

from .errors import invalid

_SEPARATORS = str.maketrans("", "", " -().\u00a0")


def read_number(text: str, *, business_digits: str) -> str:
    """This will return the digits with country code of a number as Graph understands it.

    Graph takes ``+ - ( )`` and blanks. Without ``+`` it may put the country code of the
    business number in front; digits that already form a valid number are left as they are.
    Raises: GraphError 131009 when it cannot be a phone number.
    Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/phone-numbers,
    read 2026-11
    """
    compact = text.translate(_SEPARATORS)
    digits = compact.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and 6 <= len(digits) <= 15):
        raise invalid("to", "Phone number is not valid.")
    if not compact.startswith("+") and not _is_international(digits):
        digits = (_country_code(business_digits) + digits.lstrip("0"))[:15]
    return digits


def _is_international(digits: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return False


def _country_code(digits: str) -> str:
    try:
        return str(phonenumbers.parse(f"+{digits}").country_code)
    except phonenumbers.NumberParseException:
        return ""


def wa_id_of(digits: str) -> str:
    """This will return the WhatsApp id of a number, which is not always the number dialled.

    Old Brazilian accounts lack the ninth digit and Mexican ones the 1 after the country code.
    """
    if digits.startswith("55") and len(digits) == 13 and digits[4] == "9":
        return digits[:4] + digits[5:]
    if digits.startswith("521") and len(digits) == 13:
        return "52" + digits[3:]
    return digits


def region_of(wa_id: str) -> str:
    """This will return the country of a number ("FI"), or "ZZ" when nobody knows."""
    try:
        number = phonenumbers.parse(f"+{wa_id}")
    except phonenumbers.NumberParseException:
        return "ZZ"
    return phonenumbers.region_code_for_number(number) or "ZZ"


def user_id_of(wa_id: str) -> str:
    """This will return the business-scoped user id of a number: always the same, never the number.

    Shape: country, dot, digits, for example ``FI.48211903857761204``.
    """
    fingerprint = hashlib.sha256(f"whatsapp-simulator:{wa_id}".encode()).digest()
    return f"{region_of(wa_id)}.{int.from_bytes(fingerprint[:7]):017d}"


def new_number(*, like: str) -> str:
    """This will return digits that could be a mobile number of the same country.

    Digits that nobody has where the country is unknown.
    """
    code = _country_code(like)
    region = phonenumbers.region_code_for_country_code(int(code or 0))
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        return f"999{secrets.randbelow(10**10):010d}"
    beginning = f"{code}{phonenumbers.national_significant_number(example)}"[:-6]
    while True:
        digits = f"{beginning}{secrets.randbelow(10**6):06d}"
        if phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}")):
            return digits


def new_wamid(known_as: str, *, from_business: bool) -> str:
    """This will return a new message id; like Meta's it holds the number: personal data.

    The ids of whoever hides the number hold the user id in its place.
    """
    digits = known_as.encode()
    kind = b"\x15\x02\x00\x11\x18" if from_business else b"\x15\x02\x00\x12\x18"
    unique = secrets.token_hex(10).upper().encode()
    raw = b"\x1c\x18" + bytes([len(digits)]) + digits + kind + bytes([len(unique)]) + unique
    return "wamid." + base64.b64encode(raw + b"\x00").decode()


def new_graph_id() -> str:
    """This will return a new id of a Graph object: sixteen digits."""
    return str(1_000_000_000_000_000 + secrets.randbelow(9_000_000_000_000_000))
