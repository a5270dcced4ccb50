"""A search for a phone leaves no phone in the address."""

import pytest
from django.test import Client

from tests import factories

pytestmark = pytest.mark.django_db

PHONE = "+358457390001"
URL = "/admin/whatsapp_notify/contact/"


def search(client: Client, typed: str, url: str = URL) -> str:
    answer = client.post(url, {"q": typed, "_search": "Search"})
    assert answer.status_code == 302
    return str(answer.headers["Location"])


class TestPrivateSearch:
    def test_finds_by_phone_without_the_phone_in_the_address(self, admin_client: Client) -> None:
        wanted = factories.contact(phone=PHONE, first_name="Wanted")
        factories.contact(first_name="Other")

        address = search(admin_client, "045 7390001")
        page = admin_client.get(address)

        assert "7390001" not in address
        assert [row.pk for row in page.context["cl"].result_list] == [wanted.pk]

    def test_shows_what_was_typed(self, admin_client: Client) -> None:
        page = admin_client.get(search(admin_client, "045 7390001"))

        assert 'value="045 7390001"' in page.text

    def test_keeps_the_filters_and_forgets_the_page(self, admin_client: Client) -> None:
        url = "/admin/whatsapp_notify/message/?state=read&p=3"

        address = search(admin_client, "A1001", url=url)

        assert "state=read" in address
        assert "p=3" not in address

    def test_an_empty_search_shows_all(self, admin_client: Client) -> None:
        assert search(admin_client, "  ") == f"{URL}?"

    def test_a_link_with_plain_words_works(self, admin_client: Client) -> None:
        wanted = factories.contact(phone=PHONE)
        factories.contact()

        page = admin_client.get(URL, {"q": PHONE})

        assert [row.pk for row in page.context["cl"].result_list] == [wanted.pk]

    def test_another_sessions_search_means_nothing_here(
        self, admin_client: Client, admin_user
    ) -> None:
        factories.contact(phone=PHONE)
        address = search(admin_client, PHONE)
        other = Client()
        other.force_login(admin_user)

        page = other.get(address)

        assert list(page.context["cl"].result_list) == []
