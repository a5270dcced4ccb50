"""Which of a template's languages a customer gets."""

from collections.abc import Iterator, Sequence

from whatsapp_notify import conf
from whatsapp_notify.models import Template


def choose(*, name: str, language: str) -> Template | None:
    """This will return the template in the customer's language, or the nearest to it.

    First the language itself ("fi_FI"), then the same without its country or with another
    one, then the shop's default language in the same way, then any. Templates that cannot be
    sent now come after all those that can: the decision then blocks or holds the message and
    says why. None when there is no template of that name.
    """
    there = list(Template.objects.filter(name=name).order_by("language"))
    for group in (
        [each for each in there if each.is_sendable],
        [each for each in there if each.status == Template.Status.APPROVED],
        there,
    ):
        if group:
            return min(group, key=lambda each: _distance(each.language, language))
    return None


def django_language(language: str) -> str:
    """This will turn Meta's "pt_BR" into Django's "pt-br"."""
    return language.replace("_", "-").lower()


def base_of(language: str) -> str:
    """This will return the language without its country: "fi" of "fi_FI"."""
    return django_language(language).partition("-")[0]


def _distance(offered: str, wanted: str) -> int:
    for distance, suits in enumerate(_ladder(wanted)):
        if django_language(offered) in suits or f"{base_of(offered)}-*" in suits:
            return distance
    return len(list(_ladder(wanted)))


def _ladder(wanted: str) -> Iterator[Sequence[str]]:
    for language in (wanted, conf.load().DEFAULT_LANGUAGE):
        if language:
            yield (django_language(language),)
            yield (base_of(language),)
            yield (f"{base_of(language)}-*",)
