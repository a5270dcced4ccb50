"""Where files of customers lie."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name
from django.utils.translation import gettext as _

from whatsapp_notify import conf

#: Directories that a web server hands out.
_PUBLIC = ("MEDIA_ROOT", "STATIC_ROOT")


def check() -> list[CheckMessage]:
    """This will report a directory in which files would be lost, or seen by anybody."""
    given = getattr(django_settings, conf.NAME, {})
    directory = given.get("MEDIA_DIRECTORY") if isinstance(given, Mapping) else ""
    if not directory or not isinstance(directory, str):
        return []
    return [*_public(directory), *_usable(Path(directory))]


def _public(directory: str) -> Iterator[CheckMessage]:
    place = Path(directory).resolve()
    for name in _PUBLIC:
        public = getattr(django_settings, name, None)
        if public and place.is_relative_to(Path(public).resolve()):
            yield Error(
                _("MEDIA_DIRECTORY lies in %(name)s, which the web server hands to anybody.")
                % {"name": name},
                hint=_("Choose a directory of its own, beside it."),
                id="whatsapp_notify.E050",
            )


def _usable(directory: Path) -> Iterator[CheckMessage]:
    if not directory.is_dir():
        yield Error(
            _("MEDIA_DIRECTORY does not exist: files of customers are lost after a week."),
            hint=_("Create it, readable by the shop alone: mkdir -m 700 %(path)s")
            % {"path": directory},
            id="whatsapp_notify.E051",
        )
    elif not os.access(directory, os.W_OK | os.X_OK):
        # A shop whose desk sends no files may show it to the web server read-only.
        yield Warning(
            _("MEDIA_DIRECTORY cannot be written to by this process."),
            hint=_("The worker's user must own it, else no file of a customer is kept."),
            id="whatsapp_notify.W050",
        )
