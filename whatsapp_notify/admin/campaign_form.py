"""The form of an interactive campaign: refuses keywords that would be heard by something else."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin import answer_checks
from whatsapp_notify.domain import phrases
from whatsapp_notify.models import InteractiveCampaign
from whatsapp_notify.services import answer_words, campaign_keywords

#: What is said to customers.
TEXTS = ("invitation", "thanks", "not_begun", "over")

_SHORT = forms.Textarea(attrs={"rows": 3, "cols": 60, "class": "vLargeTextField"})


class _Moment(forms.DateTimeInput):
    """One input for date and time, which the browser itself draws and names."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class InteractiveCampaignForm(forms.ModelForm):
    """Names of the shop are known in all that is said; keywords are the campaign's own."""

    starts_at = forms.DateTimeField(label=gettext_lazy("Begins at"), widget=_Moment())
    ends_at = forms.DateTimeField(
        label=gettext_lazy("Ends at"),
        widget=_Moment(),
        required=False,
        help_text=gettext_lazy("Empty for no end."),
    )

    class Meta:
        model = InteractiveCampaign
        fields = ("name", "keywords", "asks_for", "starts_at", "ends_at", *TEXTS, "is_active")
        widgets = {"keywords": _SHORT, **dict.fromkeys(TEXTS, _SHORT)}

    def clean_keywords(self) -> str:
        lines = (line.strip() for line in str(self.cleaned_data["keywords"]).splitlines())
        return "\n".join(dict.fromkeys(filter(None, lines)))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in TEXTS:
            known = answer_words.NAMES
            self._tell(name, answer_checks.names(cleaned.get(name, ""), known=known))
        starts_at, ends_at = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            self._tell("ends_at", [_("It ends before it begins.")])
        lines = cleaned.get("keywords")
        if lines is not None:
            self._tell("keywords", [*answer_checks.phrases(lines), *_greetings(lines)])
        if lines and starts_at and cleaned.get("is_active"):
            draft = InteractiveCampaign(
                pk=self.instance.pk, keywords=lines, starts_at=starts_at, ends_at=ends_at
            )
            self._tell("keywords", answer_checks.clashes(campaign_keywords.clashes(draft)))
        return cleaned

    def _tell(self, field: str, problems: Any) -> None:
        for problem in problems:
            self.add_error(field if field in self.fields else None, problem)


def _greetings(lines: str) -> Iterator[str]:
    text = _("“%(phrase)s” is a mere hello: whoever greets you would take part.")
    for line in lines.splitlines():
        if phrases.is_greeting(line):
            yield text % {"phrase": line[:40]}
