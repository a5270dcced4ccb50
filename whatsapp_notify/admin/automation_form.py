"""The form of an automation: one input for each placeholder of its template."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify import conf
from whatsapp_notify.domain import placeholders as expressions
from whatsapp_notify.domain import templates
from whatsapp_notify.domain.policy import Purpose
from whatsapp_notify.domain.templates import Placeholder, TemplateDefinition
from whatsapp_notify.models import Automation, ShopEvent, Template, Topic
from whatsapp_notify.models.automation import Event
from whatsapp_notify.services import automations, confirmations, template_choice

#: Events among which the shop's own names are looked for.
_LATEST_EVENTS = 200

_WHERE = {
    "header": gettext_lazy("header"),
    "body": gettext_lazy("body"),
    "button": gettext_lazy("button"),
    "offer": gettext_lazy("offer"),
}


class DatalistInput(forms.TextInput):
    """A text input that offers known values and takes others too."""

    template_name = "admin/whatsapp_notify/datalist.html"

    def __init__(self, *, options: Mapping[str, Any], attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs={"class": "vTextField", **(attrs or {})})
        self.options = options

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        list_id = f"{context['widget']['attrs'].get('id', name)}_options"
        context["widget"]["attrs"]["list"] = list_id
        return {**context, "list_id": list_id, "options": list(self.options.items())}


class AutomationForm(forms.ModelForm):
    """Inputs of parameters are named by ``field_name`` and collected in ``clean``."""

    #: Field name -> placeholder, set by ``form_class``.
    inputs: Mapping[str, Placeholder] = {}
    #: Names that expressions may use.
    known: frozenset[str] = frozenset()

    class Meta:
        model = Automation
        fields = (
            "name", "event", "topic", "channel", "template_name", "delay_minutes",
            "expires_after_minutes", "survey", "is_active",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parameters = self.instance.parameters or {}
        for name, placeholder in self.inputs.items():
            self.initial[name] = parameters.get(placeholder.key, "")

    def clean_topic(self) -> Topic:
        topic: Topic = self.cleaned_data["topic"]
        if topic.purpose == Purpose.SERVICE:
            raise forms.ValidationError(
                _(
                    "Nobody can withdraw from answers to the customer, so no automation may send "
                    "them. Choose another topic."
                ),
                code="service",
            )
        return topic

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in self.inputs:
            self._check_expression(name, cleaned.get(name) or "")
        # The instance is as it was until all fields are in order.
        asks = self.instance.event == cleaned.get("event") and cleaned.get("is_active")
        if not asks and (topics := unconfirmable([self.instance])):
            self.add_error("is_active", still_needed(topics))
        return cleaned

    def save(self, commit: bool = True) -> Any:
        if self.inputs:
            self.instance.parameters = {
                placeholder.key: value
                for name, placeholder in self.inputs.items()
                if (value := self.cleaned_data.get(name))
            }
        return super().save(commit)

    def _check_expression(self, name: str, expression: str) -> None:
        if unknown := sorted(expressions.names_in(expression) - self.known):
            names = ", ".join(f"{{{each}}}" for each in unknown)
            self.add_error(name, _("Not known here: %(names)s.") % {"names": names})


def unconfirmable(rows: Iterable[Automation]) -> Sequence[Topic]:
    """This will return the topics whose consent nobody could confirm without these automations."""
    asking = [row.pk for row in rows if row.is_active and row.event == Event.CONSENT_UNCONFIRMED]
    return confirmations.unasked_topics(without=asking) if asking else []


def still_needed(topics: Iterable[Topic]) -> str:
    """This will say why an automation must stay on."""
    names = ", ".join(str(topic) for topic in topics)
    return _(
        "Customers confirm their consent by this question: %(topics)s. Set the days to confirm "
        "to 0 there first."
    ) % {"topics": names}


def form_class(automation: Automation | None) -> type[AutomationForm]:
    """This will make the form of one automation, with inputs for its template's placeholders."""
    definition = definition_of(automation) if automation else None
    found = templates.placeholders(definition) if definition else ()
    inputs = {_field_name(each): each for each in found}
    known = frozenset(known_names(automation)) if automation else frozenset()
    fields: dict[str, Any] = {name: _input(each) for name, each in inputs.items()}
    current = automation.template_name if automation else ""
    fields["template_name"] = forms.ChoiceField(
        label=gettext_lazy("Template"),
        choices=_template_choices(current),
        help_text=gettext_lazy(
            "The customer's language is chosen by itself. Save, and the inputs for the "
            "template's placeholders appear below."
        ),
    )
    fields["event"] = forms.CharField(
        label=gettext_lazy("When"),
        max_length=60,
        help_text=gettext_lazy("The event in the shop, such as order.shipped, or your own."),
        widget=DatalistInput(options=dict(Event.choices)),
    )
    return type("AutomationForm", (AutomationForm,), {**fields, "inputs": inputs, "known": known})


def definition_of(automation: Automation) -> TemplateDefinition | None:
    """This will read the automation's template in the shop's language; None where there is none."""
    row = template_choice.choose(
        name=automation.template_name, language=conf.load().DEFAULT_LANGUAGE
    )
    return row.definition() if row else None


def known_names(automation: Automation) -> dict[str, str]:
    """This will return the names that expressions may use, with samples.

    Beside the standard names these are the ones that the shop gave with its latest events.
    """
    standard = automations.sample_values(
        automation=automation, language=conf.load().DEFAULT_LANGUAGE, now=timezone.now()
    )
    latest = ShopEvent.objects.order_by("-pk").values_list("name", "data")[:_LATEST_EVENTS]
    own = {key: "" for name, data in latest if name == automation.event for key in data}
    own.pop(confirmations.TOPIC_KEYS, None)
    return {**own, **standard}


def _field_name(placeholder: Placeholder) -> str:
    return "parameter_" + placeholder.key.replace(".", "_")


def _input(placeholder: Placeholder) -> forms.CharField:
    where = placeholder.where.rpartition(".")[2]
    label = f"{capfirst(str(_WHERE.get(where, where)))}: {placeholder.label or placeholder.key}"
    example = placeholder.example
    return forms.CharField(
        label=label,
        required=False,
        max_length=1024,
        help_text=_("Sample at Meta: %(example)s") % {"example": example} if example else "",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


def _template_choices(current: str) -> list[tuple[str, str]]:
    names: dict[str, list[str]] = {}
    for name, language in Template.objects.order_by("name", "language").values_list(
        "name", "language"
    ):
        names.setdefault(name, []).append(language)
    choices = [(name, f"{name} ({', '.join(found)})") for name, found in names.items()]
    if current and current not in names:
        choices.append((current, _("%(name)s (not found at Meta)") % {"name": current}))
    return [("", "---------"), *choices]
