"""Templates that the staff sends by hand, where free text is not allowed any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from whatsapp_notify.domain import content as contents
from whatsapp_notify.domain import placeholders, policy, templates
from whatsapp_notify.domain.occasions import Customer, Occasion, Order
from whatsapp_notify.domain.policy import Allow, Decision, Purpose
from whatsapp_notify.models import Automation, Contact, Message, Template, Topic
from whatsapp_notify.services import facts, installation, senders, template_choice, wording

#: What a template of each of Meta's categories may be about, the most fitting first.
_PURPOSES: Mapping[str, Sequence[Purpose]] = {
    Template.Category.UTILITY: (Purpose.SERVICE, Purpose.DELIVERY),
    Template.Category.MARKETING: (Purpose.PROMOTION,),
}
_SOME_TIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the decision would say now, if the template were sent about this topic."""

    topic: Topic
    decision: Decision

    @property
    def is_allowed(self) -> bool:
        """Whether it would leave, be it later."""
        return not isinstance(self.decision.verdict, policy.Block)

    @property
    def leaves_now(self) -> bool:
        return isinstance(self.decision.verdict, Allow)


def offered(*, contact: Contact) -> Sequence[Template]:
    """This will return the templates that can be sent now, the customer's language first."""
    language = template_choice.base_of(contact.language)
    rows = Template.objects.filter(
        status=Template.Status.APPROVED, stopped_at=None, category__in=list(_PURPOSES)
    )
    return sorted(
        rows,
        key=lambda row: (
            template_choice.base_of(row.language) != language, row.language, row.name
        ),
    )  # fmt: skip


def verdicts(*, contact: Contact, template: Template, now: datetime) -> Sequence[Verdict]:
    """This will ask the one decision function, for each topic that the template may be about.

    Those that may leave come first. In a constant number of queries, and nothing is kept.
    """
    wanted = _PURPOSES.get(template.category, ())
    topics = sorted(
        Topic.objects.filter(purpose__in=[str(each) for each in wanted]).order_by("id"),
        key=lambda topic: wanted.index(Purpose(topic.purpose)),
    )
    drafts = [
        Message(
            contact=contact,
            topic=topic,
            template_name=template.name,
            template_language=template.language,
            due_at=now,
            expires_at=now + _SOME_TIME,
        )
        for topic in topics
    ]
    batch = facts.Batch(
        messages=drafts,
        sender=senders.current(),
        installation=installation.current(now=now),
        now=now,
    )
    found = [
        Verdict(topic=topic, decision=batch.decide(draft))
        for topic, draft in zip(topics, drafts, strict=True)
    ]
    return sorted(found, key=lambda each: not each.is_allowed)


def known_values(
    *, template: Template, contact: Contact, order: Order | None, now: datetime
) -> dict[str, str]:
    """This will fill in what is known, in the way of an automation that uses the template."""
    automation = (
        Automation.objects.filter(template_name=template.name)
        .select_related("survey")
        .order_by("-is_active", "id")
        .first()
    )
    if automation is None:
        return {}
    customer = Customer(first_name=contact.first_name, language=contact.language)
    names = wording.values(
        occasion=Occasion(event="", occurred_at=now, customer=customer, order=order),
        survey_keyword=automation.survey.keyword if automation.survey else "",
        language=template.language,
    )
    found = {}
    for key, expression in automation.parameters.items():
        try:
            found[key] = placeholders.substitute(expression, names)
        except placeholders.UnknownPlaceholder:
            continue  # only the event itself would know it
    return found


def draft(*, template: Template, topic: Topic, values: Mapping[str, str]) -> Message:
    """This will write the message, but not to whom nor when.

    Raises:
        ParameterProblems: The values do not fit the template.
    """
    filled = templates.fill(template.definition(), values)
    return Message(
        topic=topic,
        content=contents.to_json(filled.content),
        preview=contents.preview_to_json(filled.preview),
        template_name=template.name,
        template_language=template.language,
    )
