"""One deed of a form of the desk, and what is answered to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from whatsapp_notify.admin import desk_list
from whatsapp_notify.admin.desk_composer import Draft
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.models import Conversation


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Deed:
    """What somebody wants to have done."""

    conversation: Conversation
    user: Any
    form: QueryDict
    files: MultiValueDict[str, Any]
    now: datetime
    #: What stands after the name of the deed, such as the number of a canned reply.
    detail: str = ""

    def number(self, name: str) -> int | None:
        """This will read a number of the form; None where there is none."""
        return desk_list.number(self.form.get(name, ""))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answer:
    """What was done, in words; with a draft, what goes back into the box."""

    told: str = ""
    tone: Tone = Tone.GOOD
    draft: Draft | None = None
    #: What the history of the conversation keeps; empty for nothing.
    history: str = ""
