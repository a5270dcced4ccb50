"""Numbers as people write them, in the formats of many countries."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from whatsapp_notify.domain import phone
from whatsapp_notify.domain.phone import InvalidPhone

# Number -> spellings that must all lead to it, each as (text, region of the shop).
SPELLINGS: dict[str, list[tuple[str, str]]] = {
    "+358401234567": [
        ("040 1234567", "FI"),
        ("040 123 4567", "FI"),
        ("040-1234567", "FI"),
        ("040-123 45 67", "FI"),
        ("(040) 123 4567", "FI"),
        ("040/1234567", "FI"),
        ("040.123.4567", "FI"),
        ("0401234567", "FI"),
        ("  0401234567  ", "FI"),
        ("0401234567\n", "FI"),
        ("0401234567\t", "FI"),
        ("0401234567", "fi"),
        ("358401234567", "FI"),
        ("+358401234567", "FI"),
        ("+358 40 1234567", "FI"),
        ("+358-40-1234567", "FI"),
        ("+358 (0)40 1234567", "FI"),
        ("+358 (0) 40 1234567", "FI"),
        ("(+358) 40 1234567", "FI"),
        ("[+358] 40 1234567", "FI"),
        ("00358401234567", "FI"),
        ("00 358 40 1234567", "FI"),
        ("00358-40-1234567", "FI"),
        ("990358401234567", "FI"),
        ("+358401234567", "SE"),
        ("00358401234567", "SE"),
        ("00 358 40 1234567", "AU"),
        ("0011 358 40 1234567", "AU"),
        ("00358401234567", "RU"),
        ("810358401234567", "RU"),
        ("00358401234567", "US"),
        ("011358401234567", "US"),
        ("00358401234567", "JP"),
        ("00358401234567", "BR"),
        ("+358401234567", "XX"),
        ("+358401234567", ""),
        ("＋３５８４０１２３４５６７", "FI"),
        ("０４０ １２３ ４５６７", "FI"),
        ("０４０－１２３４５６７", "FI"),
        ("（０４０）１２３４５６７", "FI"),
        ("٠٤٠١٢٣٤٥٦٧", "FI"),
        ("०४०१२३४५६७", "FI"),
        ("۰۴۰۱۲۳۴۵۶۷", "FI"),
        ("\u200e+358 40 1234567", "FI"),
        ("\u202a+358 40 1234567\u202c", "FI"),
        ("\u200f040 1234567", "FI"),
        ("\u2066040 1234567\u2069", "FI"),
        ("040\u00a0123\u00a04567", "FI"),
        ("040\u202f123\u202f4567", "FI"),
        ("040\u2009123\u20094567", "FI"),
        ("040\u3000123\u30004567", "FI"),
        ("040\u200b1234567", "FI"),
        ("\ufeff0401234567", "FI"),
        ("040\u00ad1234567", "FI"),
        ("040–123–4567", "FI"),
        ("040—1234567", "FI"),
        ("040‑1234567", "FI"),
        ("040·123·4567", "FI"),
    ],
    "+358981900000": [
        ("09 8190 0000", "FI"),
        ("(09) 8190 0000", "FI"),
        ("+358 9 8190 0000", "SE"),
        ("+358 (0)9 8190 0000", "FI"),
    ],
    "+46701234567": [
        ("070-123 45 67", "SE"),
        ("0701234567", "SE"),
        ("+46 70 123 45 67", "FI"),
        ("+46 (0)70 123 45 67", "FI"),
        ("0046701234567", "FI"),
        ("46701234567", "SE"),
        ("00 46 70 123 45 67", "SE"),
    ],
    "+79161234567": [
        ("8 916 123-45-67", "RU"),
        ("8 (916) 123-45-67", "RU"),
        ("89161234567", "RU"),
        ("9161234567", "RU"),
        ("79161234567", "RU"),
        ("+7 (916) 123-45-67", "RU"),
        ("+7 916 123 45 67", "FI"),
        ("0079161234567", "FI"),
    ],
    "+4917612345678": [
        ("0176 12345678", "DE"),
        ("0176/12345678", "DE"),
        ("+49 176 12345678", "DE"),
        ("+49 (0)176 12345678", "FI"),
        ("004917612345678", "AT"),
    ],
    "+493012345678": [("030 12345678", "DE"), ("030/12345678", "DE"), ("+49 30 12345678", "FI")],
    "+447911123456": [
        ("07911 123456", "GB"),
        ("+44 7911 123456", "FI"),
        ("+44 (0)7911 123456", "GB"),
        ("00447911123456", "FI"),
    ],
    "+442079460958": [
        ("020 7946 0958", "GB"),
        ("(020) 7946 0958", "GB"),
        ("+44 (0)20 7946 0958", "FI"),
    ],
    "+12125550123": [
        ("(212) 555-0123", "US"),
        ("212-555-0123", "US"),
        ("212.555.0123", "US"),
        ("1 212 555 0123", "US"),
        ("+1 (212) 555-0123", "FI"),
        ("0012125550123", "FI"),
        ("+1-212-555-0123", "CA"),
    ],
    "+33612345678": [("06 12 34 56 78", "FR"), ("+33 6 12 34 56 78", "FI")],
    "+34612345678": [("612 34 56 78", "ES"), ("+34 612 345 678", "FI")],
    "+3906698123": [("06 698 123", "IT"), ("+39 06 698 123", "FI"), ("003906698123", "FI")],
    "+393123456789": [("312 345 6789", "IT"), ("+39 312 345 6789", "FI")],
    "+4712345678": [],
    "+4791234567": [("91 23 45 67", "NO"), ("+47 912 34 567", "FI"), ("004791234567", "SE")],
    "+4520123456": [("20 12 34 56", "DK"), ("+45 20 12 34 56", "FI")],
    "+37255512345": [("5551 2345", "EE"), ("+372 5551 2345", "FI"), ("0037255512345", "FI")],
    "+37121234567": [("21 234 567", "LV"), ("+371 21234567", "FI")],
    "+37061234567": [("8 612 34567", "LT"), ("0 612 34567", "LT"), ("+370 612 34567", "FI")],
    "+48512345678": [("512 345 678", "PL"), ("+48 512 345 678", "FI")],
    "+31612345678": [("06-12345678", "NL"), ("+31 6 12345678", "FI"), ("+31 (0)6 12345678", "NL")],
    "+61412345678": [("0412 345 678", "AU"), ("+61 412 345 678", "FI")],
    "+81312345678": [("03-1234-5678", "JP"), ("+81 3-1234-5678", "FI")],
    "+819012345678": [("090-1234-5678", "JP"), ("+81 90 1234 5678", "FI")],
    "+919876543210": [("098765 43210", "IN"), ("98765 43210", "IN"), ("+91 98765 43210", "FI")],
    "+8613812345678": [("138 1234 5678", "CN"), ("+86 138 1234 5678", "FI")],
    "+5511987654321": [
        ("(11) 98765-4321", "BR"),
        ("011 98765-4321", "BR"),
        ("+55 11 98765-4321", "FI"),
        ("005511987654321", "FI"),
    ],
    "+525512345678": [
        ("55 1234 5678", "MX"),
        ("+52 55 1234 5678", "FI"),
        ("+52 1 55 1234 5678", "FI"),
        ("1 55 1234 5678", "MX"),
        ("005215512345678", "FI"),
    ],
    "+5491123456789": [("011 15 2345-6789", "AR"), ("+54 9 11 2345-6789", "FI")],
    "+541123456789": [("011 2345-6789", "AR"), ("+54 11 2345-6789", "FI")],
    "+9647912345678": [("0791 234 5678", "IQ"), ("٠٧٩١٢٣٤٥٦٧٨", "IQ"), ("009647912345678", "FI")],
    "+905301234567": [("0530 123 45 67", "TR"), ("+90 530 123 45 67", "FI")],
    "+972502345678": [("050-234-5678", "IL"), ("+972 50-234-5678", "FI")],
    "+27821234567": [("082 123 4567", "ZA"), ("+27 82 123 4567", "FI")],
    "+80012345678": [("+800 1234 5678", "FI")],
}

REFUSED: list[tuple[str, str, str]] = [
    ("", "FI", "empty"),
    ("   ", "FI", "empty"),
    ("\n\t", "FI", "empty"),
    ("-", "FI", "empty"),
    ("()", "FI", "empty"),
    ("\u200e", "FI", "empty"),
    ("+", "FI", "too_short"),
    ("＋", "FI", "too_short"),
    ("0", "FI", "too_short"),
    ("00", "FI", "too_short"),
    ("1", "FI", "too_short"),
    ("12", "FI", "too_short"),
    ("112", "FI", "too_short"),
    ("911", "US", "too_short"),
    ("0401", "FI", "too_short"),
    ("555 0123", "US", "too_short"),
    ("+358", "FI", "too_short"),
    ("+35840", "FI", "too_short"),
    ("+35840123456789012", "FI", "too_long"),
    ("0401234567890123", "FI", "too_long"),
    ("040 1234567 050 7654321", "FI", "too_long"),
    ("040 1234567 / 050 7654321", "FI", "too_long"),
    ("1" * 64, "FI", "too_long"),
    ("1" * 65, "FI", "too_long"),
    (" " * 65, "FI", "too_long"),
    ("0401234567" * 100_000, "FI", "too_long"),
    ("abc", "FI", "not_a_number"),
    ("puhelin", "FI", "not_a_number"),
    ("040 KUKKA", "FI", "not_a_number"),
    ("1-800-FLOWERS", "US", "not_a_number"),
    ("040 1234567 x5", "FI", "not_a_number"),
    ("040 1234567 ext. 5", "FI", "not_a_number"),
    ("040 1234567;ext=5", "FI", "not_a_number"),
    ("tel:+358401234567", "FI", "not_a_number"),
    ("040 1234567, 050 7654321", "FI", "not_a_number"),
    ("040 1234567#", "FI", "not_a_number"),
    ("*0401234567", "FI", "not_a_number"),
    ("040_1234567", "FI", "not_a_number"),
    ("040+1234567", "FI", "not_a_number"),
    ("++358401234567", "FI", "not_a_number"),
    ("+358+401234567", "FI", "not_a_number"),
    ("0401234567+", "FI", "not_a_number"),
    ("O4O1234567", "FI", "not_a_number"),
    ("О401234567", "FI", "not_a_number"),
    ("04o1234567", "FI", "not_a_number"),
    ("040123456⑦", "FI", "not_a_number"),
    ("040123456⁷", "FI", "not_a_number"),
    ("040123456½", "FI", "not_a_number"),
    ("040 1234567 📱", "FI", "not_a_number"),
    ("040\x001234567", "FI", "not_a_number"),
    ("040\ud8001234567", "FI", "not_a_number"),
    ("a@example.com", "FI", "not_a_number"),
    ("US.13491208655302741918", "FI", "not_a_number"),
    ("'; DROP TABLE", "FI", "not_a_number"),
    ("4.0e11", "FI", "not_a_number"),
    ("０４０abc", "FI", "not_a_number"),
    ("+999 123 4567", "FI", "unknown_country"),
    ("+210 123 4567", "FI", "unknown_country"),
    ("+0 40 1234567", "FI", "unknown_country"),
    ("+999 1 212 555 0123", "FI", "unknown_country"),
    ("+00358401234567", "FI", "unknown_country"),
    ("0401234567", "XX", "unknown_country"),
    ("0401234567", "", "unknown_country"),
    ("46701234567", "FI", "not_possible"),
    ("+551187654321", "FI", "not_possible"),
    ("+1 555 000 1234", "FI", "not_possible"),
    ("+1 212 155 0123", "FI", "not_possible"),
    ("0000000000", "FI", "unknown_country"),
    ("+7 016 123 45 67", "RU", "not_possible"),
    # In Brazil 0055 dials abroad, here to Norway; elsewhere 00 55 is Brazil itself.
    ("0055 47 3222 3333", "BR", "ambiguous"),
]

ACCEPTED = [(raw, region, e164) for e164, rows in SPELLINGS.items() for raw, region in rows]


class TestParse:
    def test_has_a_table_of_two_hundred_rows(self) -> None:
        assert len(ACCEPTED) + len(REFUSED) >= 200

    @pytest.mark.parametrize(("raw", "region", "e164"), ACCEPTED)
    def test_reads(self, raw: str, region: str, e164: str) -> None:
        assert phone.parse(raw, region=region) == e164

    @pytest.mark.parametrize(
        ("raw", "region", "reason"), REFUSED, ids=[f"{row[0][:20]!r}-{row[1]}" for row in REFUSED]
    )
    def test_refuses(self, raw: str, region: str, reason: str) -> None:
        with pytest.raises(InvalidPhone) as raised:
            phone.parse(raw, region=region)

        assert raised.value.reason == reason

    @pytest.mark.parametrize("raw", ["+35840123456789012", "46701234567", "+999 123 4567"])
    def test_never_quotes_the_number(self, raw: str) -> None:
        with pytest.raises(InvalidPhone) as raised:
            phone.parse(raw, region="FI")

        assert not any(character.isdigit() for character in str(raised.value))
        assert raised.value.__cause__ is None

    @pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
    def test_reads_every_way_to_write_the_example_of_a_region(self, region: str) -> None:
        number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
        number = number or phonenumbers.example_number(region)
        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)

        spellings = [
            e164,
            "00" + e164[1:],
            phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
            phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL),
        ]

        assert {phone.parse(spelling, region=region) for spelling in spellings} == {e164}

    @given(raw=st.text(max_size=80), region=st.sampled_from(["FI", "RU", "US", "BR", "XX"]))
    def test_gives_a_valid_number_or_refuses_any_text(self, raw: str, region: str) -> None:
        try:
            e164 = phone.parse(raw, region=region)
        except InvalidPhone:
            return

        assert phonenumbers.is_valid_number(phonenumbers.parse(e164))

    @given(
        national=st.integers(min_value=0, max_value=10**12),
        code=st.sampled_from([1, 7, 46, 49, 52, 54, 55, 358, 800]),
        separator=st.sampled_from(["", " ", "-", "\u00a0", "\u200e"]),
    )
    def test_is_idempotent_and_deaf_to_separators(
        self, national: int, code: int, separator: str
    ) -> None:
        plain = f"+{code}{national}"
        try:
            e164 = phone.parse(plain, region="FI")
        except InvalidPhone:
            with pytest.raises(InvalidPhone):
                phone.parse(separator.join(plain), region="FI")
            return

        assert phone.parse(separator.join(plain), region="FI") == e164
        assert phone.parse(e164, region="US") == e164


class TestMask:
    @pytest.mark.parametrize(
        ("e164", "masked"),
        [
            ("+358401234567", "+358 40 *** **67"),
            ("+12125550123", "+1 21 *** **23"),
            ("+79161234567", "+7 91 *** **67"),
            ("+46701234567", "+46 70 *** **67"),
            ("+80012345678", "+800 12 *** **78"),
            ("+6834002", "+683 *** **02"),
            ("+290123456", "+290 *** **56"),
            ("", "***"),
            ("+", "***"),
            ("+358", "***"),
            ("+358123", "***"),
            ("0401234567", "***"),
            ("US.13491208655302741918", "***"),
            ("+999123456789", "***"),
            ("+358 40 1234567", "***"),
            ("+٣٥٨٤٠١٢٣٤٥٦٧", "***"),
        ],
    )
    def test_shows_country_and_edges_only(self, e164: str, masked: str) -> None:
        assert phone.mask(e164) == masked

    @given(st.text(max_size=40))
    def test_never_fails(self, text: str) -> None:
        assert phone.mask(text)


class TestCountry:
    @pytest.mark.parametrize(
        ("e164", "region"),
        [
            ("+358401234567", "FI"),
            ("+46701234567", "SE"),
            ("+79161234567", "RU"),
            ("+77011234567", "KZ"),
            ("+12125550123", "US"),
            ("+14165550123", "CA"),
            ("+447400123456", "GB"),
            ("+447911123456", "GG"),
            ("+80012345678", ""),
            ("+999123", ""),
            ("0401234567", ""),
            ("", ""),
            ("US.1349", ""),
        ],
    )
    def test_names_the_region(self, e164: str, region: str) -> None:
        assert phone.country(e164) == region


class TestFromWaId:
    @pytest.mark.parametrize(
        ("digits", "e164"),
        [
            ("358401234567", "+358401234567"),
            ("551187654321", "+551187654321"),
            ("15550001234", "+15550001234"),
            ("1234567", "+1234567"),
            ("123456789012345", "+123456789012345"),
            ("123456", None),
            ("1234567890123456", None),
            ("0358401234567", None),
            ("+358401234567", None),
            ("US.13491208655302741918", None),
            ("358 401234567", None),
            ("358401234567\n", None),
            ("٣٥٨٤٠١٢٣٤٥٦٧", None),
            ("", None),
        ],
    )
    def test_checks_the_form_only(self, digits: str, e164: str | None) -> None:
        assert phone.from_wa_id(digits) == e164


class TestCandidates:
    @pytest.mark.parametrize(
        ("e164", "wa_ids"),
        [
            ("+358401234567", ("358401234567",)),
            # Brazil, with and without the ninth digit.
            ("+5511987654321", ("5511987654321", "551187654321")),
            ("+551187654321", ("551187654321", "5511987654321")),
            ("+556181234567", ("556181234567", "5561981234567")),
            # A landline of Brazil gets no ninth digit, and no number loses another digit.
            ("+551132654321", ("551132654321",)),
            ("+5511887654321", ("5511887654321",)),
            # Mexico.
            ("+525512345678", ("525512345678", "5215512345678")),
            ("+5215512345678", ("5215512345678", "525512345678")),
            # Twelve digits that start with 521: the 1 belongs to the number.
            ("+521123456789", ("521123456789", "5211123456789")),
            # Argentina, one way only.
            ("+5491123456789", ("5491123456789", "541123456789")),
            ("+541123456789", ("541123456789",)),
            ("", ()),
            ("+US.1349", ()),
        ],
    )
    def test_lists_spellings_with_its_own_first(self, e164: str, wa_ids: tuple[str, ...]) -> None:
        assert phone.candidates(e164) == wa_ids

    @given(st.from_regex(r"\+(55|52|54|358)[0-9]{8,11}", fullmatch=True))
    def test_that_may_be_meant_are_listed_both_ways(self, e164: str) -> None:
        found = phone.possible(e164)

        assert found[: len(phone.candidates(e164))] == phone.candidates(e164)
        assert all(e164[1:] in phone.possible(f"+{other}") for other in found)

    def test_that_is_none_has_no_spelling(self) -> None:
        assert phone.possible("54") == ()

    @given(st.from_regex(r"\+(55|52|54|358)[0-9]{8,11}", fullmatch=True))
    def test_lists_different_numbers_that_start_with_its_own(self, e164: str) -> None:
        found = phone.candidates(e164)

        assert found[0] == e164[1:]
        assert len(set(found)) == len(found) <= 2
