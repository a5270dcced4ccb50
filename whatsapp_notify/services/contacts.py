"""People and the ids by which they are known.

# Note [Two people are never merged]
A wrong merge hands one person's consent to another, and cannot be undone. So the provider's
user id decides over the number; a number that turns up with another user id has moved to
another person, who starts without consent; and where one person has become two contacts, they
stay two. Only an opt-out counts for all of them: see ``all_of_people``. It may reach too far, where
several share a number, but not too little.
"""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from whatsapp_notify import conf
from whatsapp_notify.cloud_api.webhooks import Person
from whatsapp_notify.domain import calendar
from whatsapp_notify.domain import phone as phones
from whatsapp_notify.domain.occasions import Customer
from whatsapp_notify.exceptions import WhatsAppNotifyError
from whatsapp_notify.models import Contact, Identity
from whatsapp_notify.services import identities, replaying

Kind = Identity.Kind

#: From one number of a person to the next, at most; beyond two it has become improbable.
_STEPS = 8


class Entangled(WhatsAppNotifyError):
    """Of people who were looked up together one has taken the number of another."""


class NoAddress(WhatsAppNotifyError):
    """The customer has neither an account nor a phone number, so nobody can be written to."""


def resolve(*, customer: Customer, now: datetime) -> Contact:
    """This will find or create the contact of a customer and bring it up to date.

    A phone belongs to one contact, however it is spelled: three accounts with one number are
    one person. A number that the shop's user has left is ended with all that WhatsApp told
    about it, so that the next owner starts without consent.

    Raises:
        NoAddress: There is neither a user nor a phone.
        domain.phone.InvalidPhone: A phone is given that is none. The contact of the user, if
            there is one, has been updated all the same.
    """
    problem: phones.InvalidPhone | None = None
    phone = ""
    if customer.phone.strip():
        try:
            phone = phones.parse(customer.phone, region=conf.load().DEFAULT_REGION)
        except phones.InvalidPhone as err:
            problem = err
    if customer.user_id is None and not phone:
        raise problem or NoAddress(NoAddress.__doc__)
    with transaction.atomic():
        contact = _find(customer=customer, phone=phone) or Contact()
        _refresh(contact=contact, customer=customer)
        if phone:
            contact = _take_number(contact=contact, phone=phone, now=now)
    if problem is not None:
        raise problem
    return contact


def find(*, customer: Customer) -> Contact | None:
    """This will return the contact that ``resolve`` would bring up to date; creates nobody."""
    phone = ""
    if customer.phone.strip():
        with contextlib.suppress(phones.InvalidPhone):
            phone = phones.parse(customer.phone, region=conf.load().DEFAULT_REGION)
    return _find(customer=customer, phone=phone)


def find_by_phone(*, phone: str) -> Contact | None:
    """This will return the contact that has this E.164 number now, in whatever spelling."""
    return identities.holder_of_number(phone=phone)


def by_person(*, person: Person, now: datetime, answered: Contact | None = None) -> Contact:
    """This will find or create the contact behind a provider's ids and keep new ids.

    Works without any phone. ``answered`` is whom we wrote the message to that the person
    answers: it decides where no id is known yet.
    """
    return by_persons(people=[(person, answered)], now=now)[0]


def by_persons(
    *, people: Sequence[tuple[Person, Contact | None]], now: datetime
) -> Sequence[Contact]:
    """This will do ``by_person`` for several, each with whom the person answers; in order.

    The usual ones are found together: of whom nothing is new, or only more is told than the
    shop knew. The others are looked at closely, one after the other.

    Raises:
        Entangled: Only of several; they are to be looked up one by one.
    """
    known = _known([person for person, _answered in people])
    found = [
        known.get(place) or _look_closely(person, now, answered)
        for place, (person, answered) in enumerate(people)
    ]
    is_sure = not known or len(known) == len(people)
    if not is_sure and identities.have_ended(contacts=list(known.values()), at=now):
        raise Entangled(Entangled.__doc__)
    return found


def all_of_person(
    *, person: Person, contact: Contact, at: datetime | None = None
) -> Sequence[Contact]:
    """This will return the contact and all others that the person may be as well.

    ``at`` is when the person told the ids; otherwise as ``all_of_people``.
    """
    return all_of_people(people=[(person, [contact])], at=at)[0]


def all_of_contact(*, contact: Contact) -> Sequence[Contact]:
    """This will return the contact and all others that may be the same person."""
    return all_of_people(people=[(Person(), [contact])])[0]


def all_of_number(*, phone: str) -> Sequence[Contact]:
    """This will return all contacts that whoever has this E.164 number may be."""
    return all_of_people(people=[(Person(wa_id=phone.removeprefix("+")), [])])[0]


def all_of_people(
    *, people: Sequence[tuple[Person, Collection[Contact]]], at: datetime | None = None
) -> Sequence[Sequence[Contact]]:
    """This will return all contacts that each of several people may be: for withdrawals only.

    Whoever says "stop" must not be written to as somebody else: somebody first known by a
    user id, and then by a phone in the shop, is two contacts. Each person is what WhatsApp told
    and the contacts that are known to be them; found are the holders of these ids, then those
    who share a number with one who was found, and so on. What has ended does not count.

    Returns:
        In the order of the people; the contacts in that of their ids, so that two processes
        never wait for each other in a ring.
    """
    circles = []
    wanted = []
    for person, known in people:
        ids, former = _ids_then(person, at)
        circles.append({each.pk: each for each in (*known, *former)})
        wanted.append(ids)
    new = [set(circle) for circle in circles]
    for _step in range(_STEPS):
        numbers = identities.numbers_of({pk for each in new for pk in each})
        for ids, added in zip(wanted, new, strict=True):
            ids |= identities.spelled({number for pk in added for number in numbers.get(pk, ())})
        holders = identities.holding(wanted)
        wanted = [set() for _circle in circles]
        new = [_widen(circle, rows) for circle, rows in zip(circles, holders, strict=True)]
        if not any(new):
            break
    return [[circle[pk] for pk in sorted(circle)] for circle in circles]


def is_still(*, contact: Contact, person: Person, since: datetime) -> bool:
    """This will tell whether a person may be who the contact was then.

    Not where another user id is known of the contact, nor where its number has ended since:
    then the contact may have got another number, and the person the old one.
    """
    if _has_moved(contact, person):
        return False
    ended = contact.identities.filter(kind__in=identities.OF_THE_NUMBER, ended_at__gte=since)
    return not ended.exists()


def learn(*, contact: Contact, person: Person, now: datetime) -> None:
    """This will keep ids that the provider told about a contact that we wrote to.

    A user id other than the known one means that the number has moved: it is ended.
    """
    with transaction.atomic():
        if (
            person.user_id
            and contact.identities.filter(
                kind=Kind.USER_ID, value=person.user_id, ended_at__isnull=False
            ).exists()
        ):
            return  # late news from before a change of number
        if _has_moved(contact, person):
            identities.end(contact=contact, kinds=identities.OF_THE_NUMBER, now=now)
            return
        _learn(contact=contact, person=person, now=now)


def change_number(*, person: Person, new: Person, now: datetime) -> Contact | None:
    """This will end the old ids of somebody who changed number, and keep the new ones.

    Consent stays with the person, the old number with nobody: whoever gets it next starts
    without consent.
    """
    with transaction.atomic():
        former = _former_owner(person, now)
        if former is not None:
            return former
        contact = _find_person(person)
        if contact is None:
            return None
        identities.end(contact=contact, kinds=identities.OF_THE_CHAT, now=now)
        _learn(contact=contact, person=new, now=now)
        _forget_unreachable(contact)
        return contact


def _look_closely(person: Person, now: datetime, answered: Contact | None) -> Contact:
    with transaction.atomic():
        former = _former_owner(person, now)
        if former is not None:
            return former
        _end_former_owners(person, now)
        contact = _find_person(person)
        if contact is None and answered is not None and not _has_moved(answered, person):
            contact = answered
        if contact is not None:
            _learn(contact=contact, person=person, now=now)
            return contact
        contact = Contact.objects.create(first_name=person.profile_name[:80])
        _learn(contact=contact, person=person, now=now)
        return _first_of(contact, _find_person(person))


def _find(*, customer: Customer, phone: str) -> Contact | None:
    # The number decides: it is what we write to, and what consent was given for.
    by_phone = find_by_phone(phone=phone) if phone else None
    if by_phone is not None or customer.user_id is None:
        return by_phone
    # The user has a new number, or none. The consent of the person, who is logged in, goes
    # along; the old number does not. What has to be confirmed in the chat is asked anew.
    return Contact.objects.filter(user_id=customer.user_id).order_by("id").first()


def _take_number(*, contact: Contact, phone: str, now: datetime) -> Contact:
    """This will give the contact its number, and return whoever has it then."""
    known = identities.current_value(contact=contact, kind=Kind.PHONE)
    if known == phone:
        return contact
    is_respelled = bool(known) and identities.is_same_number(known, phone)
    is_proven = is_respelled or identities.has_written_from(contact=contact, phone=phone)
    if known and not is_respelled:
        identities.end(contact=contact, kinds=identities.OF_THE_CHAT, now=now)
        _forget_unreachable(contact)
    identities.own(contact=contact, kind=Kind.PHONE, value=phone, now=now)
    holder = _first_of(contact, identities.holder(kind=Kind.PHONE, value=phone))
    if holder.pk == contact.pk and not is_proven:
        _ask_anew(contact=contact, now=now)
    return holder


def _ask_anew(*, contact: Contact, now: datetime) -> None:
    # Only here: consent records events, and whoever processes events looks people up here.
    from whatsapp_notify.services import consent

    consent.ask_anew(contact=contact, now=now)


def _first_of(contact: Contact, holder: Contact | None) -> Contact:
    """This will return who has the ids, and take back a contact that came too late for them."""
    if holder is None or holder.pk == contact.pk:
        return contact
    if not contact.identities.exists() and not contact.consent_records.exists():
        contact.delete()
    return holder


def _refresh(*, contact: Contact, customer: Customer) -> None:
    told = {
        "user_id": customer.user_id if contact.user_id is None else None,
        "first_name": customer.first_name[:80],
        "language": customer.language[:15],
        "birth_date": customer.birth_date,
        "time_zone": customer.time_zone if calendar.is_known_zone(customer.time_zone) else "",
    }
    changes = {name: value for name, value in told.items() if value}
    changes = {name: value for name, value in changes.items() if getattr(contact, name) != value}
    for name, value in changes.items():
        setattr(contact, name, value)
    if contact.pk is None:
        contact.save()
    elif changes:
        # Only these: an opt-out at this moment writes other columns of the row.
        contact.save(update_fields=[*changes, "birth_month_day"])


def _known(people: Sequence[Person]) -> Mapping[int, Contact]:
    """This will return the contacts of those who need no closer look, by their place.

    Those are people whose ids are all with one contact, and who tell nothing else than that
    contact has, or a kind of id that it has not got: it is kept. All by two or three queries.
    """
    if replaying.is_on():
        return {}
    told = [_ids(person) for person in people]
    numbers = [phones.from_wa_id(person.wa_id) or "" for person in people]
    found = identities.among(list(zip(told, numbers, strict=True)))
    # By their place, those whose ids are all with one contact, and what is new of them.
    news = {
        place: _news(told[place], numbers[place], rows)
        for place, rows in enumerate(found)
        if told[place] and len({row.contact_id for row in rows}) == 1
    }
    holders = {place: found[place][0].contact for place in news}
    kinds = identities.kinds_of([holders[place].pk for place, new in news.items() if new])
    learnt: list[Identity] = []
    for place, new in news.items():
        has = kinds.get(holders[place].pk, frozenset())
        # Who has another phone in the shop keeps it: see ``_learn``.
        new -= {each for each in new if each[0] == Kind.PHONE and Kind.PHONE in has}
        if any(kind in has for kind, _value in new):
            del holders[place]
            continue
        learnt += [
            Identity(contact=holders[place], kind=kind, value=value) for kind, value in sorted(new)
        ]
    identities.add(learnt)
    return holders


def _news(
    told: Collection[tuple[str, str]], number: str, rows: Sequence[Identity]
) -> set[tuple[str, str]]:
    """This will return the ids that none of the rows has."""
    new = set(told) - {(row.kind, row.value) for row in rows}
    if number and not any(row.kind == Kind.PHONE for row in rows):
        new.add((Kind.PHONE, number))
    return new


def _ids(person: Person) -> set[tuple[str, str]]:
    """This will return what WhatsApp has told, with the kind of each."""
    told = {
        (Kind.USER_ID, person.user_id),
        (Kind.PARENT_USER_ID, person.parent_user_id),
        (Kind.WA_ID, person.wa_id),
    }
    return {(kind, value) for kind, value in told if value}


def _find_person(person: Person) -> Contact | None:
    found = identities.holder(kind=Kind.USER_ID, value=person.user_id)
    found = found or identities.holder(kind=Kind.WA_ID, value=person.wa_id)
    phone = phones.from_wa_id(person.wa_id)
    return found or (find_by_phone(phone=phone) if phone else None)


def _former_owner(person: Person, at: datetime) -> Contact | None:
    """This will return who spoke in a webhook of the past, where their ids have ended since.

    Such a webhook says nothing of who has these ids now, so nothing is learnt from it. Only a
    replay meets one: see Note [A replay brings back and begins nothing].
    """
    of_the_id, of_the_number = _former_owners(person, at)
    if of_the_id is None and of_the_number is not None:
        # A user id that has not ended tells more than a number that has.
        return identities.holder(kind=Kind.USER_ID, value=person.user_id) or of_the_number
    return of_the_id


def _former_owners(person: Person, at: datetime) -> tuple[Contact | None, Contact | None]:
    """This will return who had the user id and the number then, and has lost them since."""
    if not replaying.is_on():
        return None, None
    phone = phones.from_wa_id(person.wa_id)
    numbers = [
        (Kind.WA_ID, person.wa_id),
        *((Kind.PHONE, f"+{digits}") for digits in (phones.candidates(phone) if phone else ())),
    ]

    def first(ids: Sequence[tuple[str, str]]) -> Contact | None:
        found = (replaying.former_owner(kind=kind, value=value, at=at) for kind, value in ids)
        return Contact.objects.filter(pk=next(filter(None, found), 0)).first()

    return first([(Kind.USER_ID, person.user_id)]), first(numbers)


def _ids_then(
    person: Person, at: datetime | None
) -> tuple[set[tuple[str, str]], Collection[Contact]]:
    """This will return the ids of a person that have not ended, and who had the others then."""
    of_the_id, of_the_number = _former_owners(person, at) if at is not None else (None, None)
    number = phones.from_wa_id(person.wa_id)
    ids = identities.spelled({number}) if number and of_the_number is None else set()
    if person.user_id and of_the_id is None:
        ids.add((Kind.USER_ID, person.user_id))
    return ids, [each for each in (of_the_id, of_the_number) if each is not None]


def _widen(circle: dict[int, Contact], holders: Collection[Identity]) -> set[int]:
    """This will add to the contacts of one person, and return the ids of those that are new."""
    new = {row.contact_id: row.contact for row in holders if row.contact_id not in circle}
    circle.update(new)
    return set(new)


def _end_former_owners(person: Person, now: datetime) -> None:
    """This will take a number from those who had it before this person."""
    phone = phones.from_wa_id(person.wa_id)
    for contact in identities.holders_of_number(phone=phone) if phone else ():
        if _has_moved(contact, person):
            # See Note [Two people are never merged].
            identities.end(contact=contact, kinds=identities.OF_THE_NUMBER, now=now)


def _has_moved(contact: Contact, person: Person) -> bool:
    """This will tell whether the contact is known as another person than this one.

    WhatsApp gives a new user id to whoever takes over a number, and tells it when one person
    changes number.
    Source: WhatsApp Cloud API, "Business-scoped user IDs", read 2026-11.
    """
    known = identities.current_value(contact=contact, kind=Kind.USER_ID)
    return bool(known and person.user_id and known != person.user_id)


def _learn(*, contact: Contact, person: Person, now: datetime) -> None:
    for kind, value in sorted(_ids(person)):
        identities.own(contact=contact, kind=kind, value=value, now=now)
    phone = phones.from_wa_id(person.wa_id)
    if phone and not identities.current_value(contact=contact, kind=Kind.PHONE):
        identities.own(contact=contact, kind=Kind.PHONE, value=phone, now=now)


def _forget_unreachable(contact: Contact) -> None:
    """This will forget that the number could not be reached: it was another number."""
    Contact.objects.filter(pk=contact.pk).update(unreachable_since=None)
    contact.unreachable_since = None
