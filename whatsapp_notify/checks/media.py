"""Where customers' files shall lie."""

import os
from pathlib import Path

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error
from django.utils.translation import gettext as _

from whatsapp_notify import conf


def check() -> list[CheckMessage]:
    """This will report a directory that is not there, not writable, or served by the web server."""
    directory = conf.load().MEDIA_DIRECTORY
    if not directory or not isinstance(directory, str | os.PathLike):
        return []
    path = Path(directory).resolve()
    for name in ("MEDIA_ROOT", "STATIC_ROOT"):
        root = getattr(django_settings, name, None)
        if root and path.is_relative_to(Path(root).resolve()):
            return [
                Error(
                    _("MEDIA_DIRECTORY is inside %(name)s, which is served to everybody.")
                    % {"name": name},
                    hint=_("Name a directory that no web server serves."),
                    id="whatsapp_notify.E050",
                )
            ]
    if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
        return [
            Error(
                _("MEDIA_DIRECTORY is no directory that can be written to."),
                hint=_("Create it, and let only the user of the workers and the web server in."),
                id="whatsapp_notify.E051",
            )
        ]
    return []
