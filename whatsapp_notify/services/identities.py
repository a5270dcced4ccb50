"""The ids of contacts as they are now: who has them, taking and ending them.

An id is with one contact at a time. It is never handed over: what another contact has stays
there until it is ended.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import F, Q, QuerySet

from whatsapp_notify.domain import phone as phones
from whatsapp_notify.models import Contact, Identity
from whatsapp_notify.models.set_based import among as among_ids

Kind = Identity.Kind

#: Kinds that speak of the number, not of the person behind it.
OF_THE_NUMBER = (Kind.PHONE, Kind.WA_ID)
#: All that was learnt about a number and is of no use once the person has another.
OF_THE_CHAT = (*OF_THE_NUMBER, Kind.USER_ID, Kind.PARENT_USER_ID)


def holder(*, kind: str, value: str) -> Contact | None:
    """This will return the contact that has exactly this id now."""
    if not value:
        return None
    identity = _current().filter(kind=kind, value=value).first()
    return identity.contact if identity else None


def holder_of_number(*, phone: str) -> Contact | None:
    """This will return the contact that has this E.164 number now, in whatever spelling.

    WhatsApp's own spelling differs from the dialled number in some countries. The exact one
    goes before the others, and what was dialled before what WhatsApp told.
    """
    found = holders_of_number(phone=phone)
    return found[0] if found else None


def holders_of_number(*, phone: str) -> Sequence[Contact]:
    """This will return all contacts that have the number in one of its spellings, best first."""
    spellings = phones.candidates(phone) or (phone.removeprefix("+"),)
    rows = _current().filter(
        Q(kind=Kind.PHONE, value__in=[f"+{digits}" for digits in spellings])
        | Q(kind=Kind.WA_ID, value__in=spellings)
    )

    def rank(identity: Identity) -> tuple[int, bool, int]:
        place = spellings.index(identity.value.removeprefix("+"))
        return place, identity.kind != Kind.PHONE, identity.pk

    return [identity.contact for identity in sorted(rows, key=rank)]


def among(
    people: Sequence[tuple[Collection[tuple[str, str]], str]],
) -> Sequence[Sequence[Identity]]:
    """This will return for each of several people who has one of their ids now.

    Each is some ids, by kind and value, and an E.164 number, which counts in all its spellings;
    empty where there is none.
    """
    return holding([_wanted(ids, phone) for ids, phone in people])


def holding(wanted: Sequence[Collection[tuple[str, str]]]) -> Sequence[Sequence[Identity]]:
    """This will return for each of several sets of ids, by kind and value, who has them now."""
    # By value alone, which the index begins with: the kinds are few, and cost more to ask for.
    values = {value for each in wanted for _kind, value in each}
    rows = _current().filter(value__in=sorted(values)) if values else ()
    by_id = {(row.kind, row.value): row for row in rows}
    return [[by_id[each] for each in ids if each in by_id] for ids in wanted]


def spelled(numbers: Collection[str]) -> set[tuple[str, str]]:
    """This will return all ids that may be one of these E.164 numbers: see ``phones.possible``."""
    return _as_ids({digits for each in numbers for digits in phones.possible(each)})


def numbers_of(contact_ids: Collection[int]) -> Mapping[int, Collection[str]]:
    """This will return the E.164 numbers by which each contact is known now, of either kind."""
    if not contact_ids:
        return {}
    found: defaultdict[int, set[str]] = defaultdict(set)
    rows = Identity.objects.filter(
        among_ids("contact_id", contact_ids), kind__in=OF_THE_NUMBER, ended_at__isnull=True
    )
    for contact_id, value in rows.values_list("contact_id", "value"):
        found[contact_id].add(value if value.startswith("+") else f"+{value}")
    return found


def _wanted(ids: Collection[tuple[str, str]], phone: str) -> set[tuple[str, str]]:
    spellings = phones.candidates(phone) or (phone.removeprefix("+"),) if phone else ()
    return {*ids, *_as_ids(spellings)}


def _as_ids(spellings: Collection[str]) -> set[tuple[str, str]]:
    return {(Kind.PHONE, f"+{digits}") for digits in spellings} | {
        (Kind.WA_ID, digits) for digits in spellings
    }


def kinds_of(contact_ids: Collection[int]) -> Mapping[int, frozenset[str]]:
    """This will return which kinds of ids each contact has now."""
    if not contact_ids:
        return {}
    found: defaultdict[int, set[str]] = defaultdict(set)
    rows = Identity.objects.filter(contact_id__in=contact_ids, ended_at__isnull=True)
    for contact_id, kind in rows.values_list("contact_id", "kind"):
        found[contact_id].add(kind)
    return {contact_id: frozenset(kinds) for contact_id, kinds in found.items()}


def add(rows: Sequence[Identity]) -> None:
    """This will keep ids of kinds that their contacts have not got; others' ids stay theirs."""
    Identity.objects.bulk_create(rows, ignore_conflicts=True)


def current_value(*, contact: Contact, kind: str) -> str:
    """This will return the contact's id of a kind; empty where there is none."""
    identity = contact.identities.filter(kind=kind, ended_at__isnull=True).first()
    return identity.value if identity else ""


def has_written_from(*, contact: Contact, phone: str) -> bool:
    """This will tell whether WhatsApp has told us that an E.164 number is the contact's."""
    digits = current_value(contact=contact, kind=Kind.WA_ID)
    return bool(digits) and is_same_number(f"+{digits}", phone)


def own(*, contact: Contact, kind: str, value: str, now: datetime) -> None:
    """This will make ``value`` the contact's only id of its kind, unless another has it."""
    rows = Identity.objects.filter(kind=kind, ended_at__isnull=True)
    if rows.filter(value=value).exists():
        return
    rows.filter(contact=contact).update(ended_at=now)
    # Somebody may have been faster: then it is theirs.
    Identity.objects.bulk_create(
        [Identity(contact=contact, kind=kind, value=value)], ignore_conflicts=True
    )


def end(*, contact: Contact, kinds: Collection[str], now: datetime) -> None:
    """This will end the contact's current ids of these kinds.

    A call that was planned to one of them does not start any more; see Note [The last look] of
    ``claims``.
    """
    if contact.identities.filter(kind__in=kinds, ended_at__isnull=True).update(ended_at=now):
        Contact.objects.filter(pk=contact.pk).update(consent_revision=F("consent_revision") + 1)


def have_ended(*, contacts: Collection[Contact], at: datetime) -> bool:
    """This will tell whether ids of some contacts were ended at that very moment."""
    ended = Identity.objects.filter(ended_at=at)
    return ended.filter(among_ids("contact_id", [each.pk for each in contacts])).exists()


def is_same_number(phone: str, other: str) -> bool:
    """This will tell whether two E.164 numbers are two spellings of one."""
    return phone == other or bool({*phones.candidates(phone)} & {*phones.candidates(other)})


def _current() -> QuerySet[Identity]:
    return Identity.objects.select_related("contact").filter(ended_at__isnull=True)
