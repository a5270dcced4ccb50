"""Telephone numbers: read as people write them, kept as E.164, shown masked.

A number is either proven by the numbering plan of its country or refused with a reason;
nothing is guessed.
"""

import re
import unicodedata

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, ValidationResult

#: Longer input is no phone number, however it is punctuated.
MAX_INPUT_LENGTH = 64

_PUNCTUATION = frozenset("()[]-./·")
_PLUS_SIGNS = frozenset("+＋﹢₊")
_DIGITS_ONLY = re.compile(r"\+?[0-9]+", re.ASCII)
_WA_ID = re.compile(r"[1-9][0-9]{6,14}", re.ASCII)

_REASON_OF_LENGTH = {
    ValidationResult.TOO_SHORT: "too_short",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "too_short",
    ValidationResult.TOO_LONG: "too_long",
    ValidationResult.INVALID_COUNTRY_CODE: "unknown_country",
}
_REASON_OF_ERROR = {
    NumberParseException.INVALID_COUNTRY_CODE: "unknown_country",
    NumberParseException.NOT_A_NUMBER: "too_short",
    NumberParseException.TOO_SHORT_AFTER_IDD: "too_short",
    NumberParseException.TOO_SHORT_NSN: "too_short",
    NumberParseException.TOO_LONG: "too_long",
}


class InvalidPhone(ValueError):
    """This is not a telephone number. Ask for it with its country code, such as +358.

    ``reason`` is "empty", "not_a_number" (letters or signs), "too_short", "too_long",
    "unknown_country", "not_possible" (no such number in its country) or "ambiguous" (two
    valid readings). The number itself is personal and stands in no message.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"This is not a telephone number: {reason}.")
        self.reason = reason


def parse(raw: str, *, region: str) -> str:
    """This will read a number as a person wrote it and return it as E.164.

    ``region`` is the ISO country whose national formats apply ("FI" reads "040 1234567");
    numbers with ``+`` or ``00`` carry their own country.

    Raises:
        InvalidPhone: The text is no valid number; its ``reason`` says why.
    """
    digits = _plain(raw)
    readings = {digits}
    if digits.startswith("00"):
        # Where the shop's country dials abroad with other digits than 00, customers who
        # copy a number from elsewhere still mean "+".
        readings.add("+" + digits[2:])

    numbers, reasons = set(), []
    for reading in sorted(readings, reverse=True):
        try:
            numbers.add(_valid_number(reading, region=region.upper()))
        except InvalidPhone as err:
            reasons.append(err.reason)
    if len(numbers) > 1:
        raise InvalidPhone("ambiguous")
    if not numbers:
        raise InvalidPhone(reasons[-1])
    return numbers.pop()


def example(*, region: str) -> str:
    """This will return a mobile number of the region as its people write it, for help texts."""
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if number is None:
        return "+358 40 123 4567"
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def mask(e164: str) -> str:
    """This will hide the middle of a number: "+358401234567" becomes "+358 40 *** **67".

    The number of stars is always the same. What is no number becomes "***".
    """
    code = _country_code(e164)
    national = e164[1 + len(code) :]
    if not code or len(national) < 4 or not national.isascii() or not national.isdigit():
        return "***"
    if len(national) < 7:
        return f"+{code} *** **{national[-2:]}"
    return f"+{code} {national[:2]} *** **{national[-2:]}"


def country(e164: str) -> str:
    """This will name the ISO country of a number, or "" where it has none or is no number."""
    number = _number(e164)
    region = phonenumbers.region_code_for_number(number) if number else None
    # "001" stands for numbers of no country, such as +800.
    return region if region and region.isalpha() else ""


def from_wa_id(digits: str) -> str | None:
    """This will turn WhatsApp's id of a person into E.164, or None where it is no number.

    Webhooks have been seen with a business-scoped user id ("US.1349...") in the same field.
    A wa_id need not be dialable: old accounts in Brazil lack a digit. So only its form is
    checked, not the numbering plan.
    """
    return f"+{digits}" if _WA_ID.fullmatch(digits) else None


def possible(e164: str) -> tuple[str, ...]:
    """This will list all wa_ids of which this number may be a spelling, its own digits first.

    As ``candidates``, and both ways: of numbers without the 9 of Argentina or Brazil, which may
    be landlines, also the one with it. So it may name somebody else: for withdrawals only.
    """
    digits = e164.removeprefix("+")
    found = candidates(e164)
    match digits[:2], len(digits):
        case "54", 12:
            found = (*found, f"549{digits[2:]}")
        case "55", 12:
            found = (*found, f"{digits[:4]}9{digits[4:]}")
    return tuple(dict.fromkeys(found))


def candidates(e164: str) -> tuple[str, ...]:
    """This will list the wa_ids under which WhatsApp may know a number, its own digits first.

    For matching, never for sending: only the first is a number somebody gave.

    * Brazil: mobile numbers with and without the ninth digit, 55 DD 9XXXXXXXX.
    * Mexico: 52 and the former 521. A number of twelve digits that starts with 521 is kept,
      for there the 1 belongs to the number.
    * Argentina: 549 also as 54. Not the other way: without the 9 it may be a landline.

    Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/
    phone-numbers and chatwoot's normalisers of phone numbers, read 2026-11.
    """
    digits = e164.removeprefix("+")
    if not _WA_ID.fullmatch(digits):
        return ()
    match digits[:2], len(digits):
        case "55", 13 if digits[4] == "9":
            return digits, digits[:4] + digits[5:]
        case "55", 12 if digits[4] in "6789":
            return digits, f"{digits[:4]}9{digits[4:]}"
        case "52", 13 if digits[2] == "1":
            return digits, "52" + digits[3:]
        case "52", 12:
            return digits, "521" + digits[2:]
        case "54", 13 if digits[2] == "9":
            return digits, "54" + digits[3:]
        case _:
            return (digits,)


def _plain(raw: str) -> str:
    """This will reduce the text to ASCII digits and at most one leading plus sign."""
    if len(raw) > MAX_INPUT_LENGTH:
        raise InvalidPhone("too_long")
    plain = "".join(_plain_character(character) for character in raw)
    if not plain:
        raise InvalidPhone("empty")
    if not _DIGITS_ONLY.fullmatch(plain):
        raise InvalidPhone("too_short" if plain == "+" else "not_a_number")
    return plain


def _plain_character(character: str) -> str:
    if character in _PLUS_SIGNS:
        return "+"
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    # Cf holds the marks of writing direction that phones add when a number is copied; the
    # width variants of brackets, full stop and slash are folded before they are looked up.
    if category in {"Cf", "Pd", "Zs"} or character.isspace():
        return ""
    if unicodedata.normalize("NFKC", character) in _PUNCTUATION:
        return ""
    raise InvalidPhone("not_a_number")


def _valid_number(text: str, *, region: str) -> str:
    try:
        # With a region, digits after a plus that are no country code would be read as a
        # prefix for calling abroad: "+999 1..." is no number of the United States.
        number = phonenumbers.parse(text, None if text.startswith("+") else region)
    except NumberParseException as err:
        reason = _REASON_OF_ERROR.get(err.error_type, "not_possible")
        raise InvalidPhone(reason) from None  # the original error may quote the number
    number = _without_former_mobile_digit(number)
    if not phonenumbers.is_valid_number(number):
        length = phonenumbers.is_possible_number_with_reason(number)
        raise InvalidPhone(_REASON_OF_LENGTH.get(length, "not_possible"))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _without_former_mobile_digit(number: PhoneNumber) -> PhoneNumber:
    """This will read the +52 1 of Mexican mobile numbers, abolished in 2019, as +52."""
    national = str(number.national_number)
    if number.country_code == 52 and len(national) == 11 and national.startswith("1"):
        return PhoneNumber(country_code=52, national_number=int(national[1:]))
    return number


def _number(e164: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(e164, None)
    except NumberParseException:
        return None


def _country_code(e164: str) -> str:
    # Country codes are free of prefixes, so that the first hit is the only one.
    if not e164.startswith("+"):
        return ""
    for length in (1, 2, 3):
        code = e164[1 : 1 + length]
        if not (code.isascii() and code.isdigit()):
            return ""
        if int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return code
    return ""
