"""The forms of the shop's own words."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from whatsapp_notify.admin import answer_checks
from whatsapp_notify.admin.automation_form import DatalistInput
from whatsapp_notify.models import AutomaticReply, CannedReply, KeywordReply, Survey
from whatsapp_notify.services import answer_words, keyword_replies

_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z]{2,4})?")
_BODY = forms.Textarea(attrs={"rows": 6, "cols": 60, "class": "vLargeTextField"})


def _language_field() -> forms.CharField:
    """This will make an input for a language code that offers those of the site."""
    return forms.CharField(
        label=gettext_lazy("Language"),
        required=False,
        max_length=15,
        help_text=gettext_lazy("Such as fi. Empty for customers of any language."),
        widget=DatalistInput(options=dict(settings.LANGUAGES)),
    )


class _InLanguageForm(forms.ModelForm):
    language = _language_field()

    def clean_language(self) -> str:
        language = str(self.cleaned_data["language"]).strip()
        if language and not _LANGUAGE.fullmatch(language):
            raise forms.ValidationError(_("This is no code of a language. Write fi, sv or en."))
        return language

    def tell(self, field: str, problems: Any) -> None:
        """This will show problems beside a field, if the field itself could be read."""
        for problem in problems:
            self.add_error(field if field in self.fields else None, problem)


class KeywordReplyForm(_InLanguageForm):
    """Refuses phrases that are never answered, and what WhatsApp would refuse."""

    class Meta:
        model = KeywordReply
        fields = ("phrases", "language", "body", "buttons", "calls_person", "is_active")
        widgets = {"phrases": _BODY, "body": _BODY}

    def clean_phrases(self) -> str:
        lines = (line.strip() for line in str(self.cleaned_data["phrases"]).splitlines())
        return "\n".join(dict.fromkeys(filter(None, lines)))

    def clean_buttons(self) -> str:
        titles = (each.strip() for each in str(self.cleaned_data["buttons"]).split("|"))
        return " | ".join(filter(None, titles))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        lines, body = cleaned.get("phrases"), cleaned.get("body", "")
        draft = KeywordReply(
            pk=self.instance.pk,
            phrases=lines or "",
            language=cleaned.get("language", ""),
            buttons=cleaned.get("buttons", ""),
        )
        if lines is not None:
            self.tell("phrases", answer_checks.phrases(lines))
        self.tell("body", answer_checks.names(body, known=answer_words.NAMES))
        titles = keyword_replies.buttons(draft)
        self.tell("buttons", answer_checks.buttons(titles, body=body))
        if cleaned.get("is_active"):
            self.tell("is_active", answer_checks.unfinished(body))
            self.tell("phrases", answer_checks.rivals(draft))
        return cleaned


class AutomaticReplyForm(_InLanguageForm):
    """Knows which names each occasion offers."""

    class Meta:
        model = AutomaticReply
        fields = ("kind", "language", "body", "is_active")
        widgets = {"body": _BODY}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        known = answer_words.names_of(cleaned.get("kind", ""))
        self.tell("body", answer_checks.names(cleaned.get("body", ""), known=known))
        return cleaned


class CannedReplyForm(_InLanguageForm):
    """One shortcut leads to one reply in a language."""

    class Meta:
        model = CannedReply
        fields = ("title", "shortcut", "language", "body", "is_active")
        widgets = {"body": _BODY}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        known = answer_words.CANNED_NAMES
        self.tell("body", answer_checks.names(cleaned.get("body", ""), known=known))
        same = CannedReply.objects.filter(
            shortcut=cleaned.get("shortcut", ""), language=cleaned.get("language", "")
        ).exclude(pk=self.instance.pk)
        if cleaned.get("shortcut") and same.exists():
            self.tell("shortcut", [_("Another reply in this language has this shortcut.")])
        return cleaned


class RehearsalForm(forms.Form):
    """What a customer might write, and what is known of that customer."""

    text = forms.CharField(
        label=gettext_lazy("The customer writes"),
        max_length=4096,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )
    language = forms.CharField(
        label=gettext_lazy("Language of the customer"),
        required=False,
        max_length=15,
        help_text=gettext_lazy("Such as fi. Empty: the shop's own."),
        widget=DatalistInput(options=dict(settings.LANGUAGES)),
    )
    asked = forms.ModelChoiceField(
        label=gettext_lazy("Was just asked"),
        required=False,
        queryset=Survey.objects.filter(is_active=True).order_by("name", "pk"),
        empty_label=gettext_lazy("no survey"),
    )
    is_first_contact = forms.BooleanField(
        label=gettext_lazy("It is the first message of this customer"), required=False
    )
