"""Where files from and to customers lie: a directory that no web server serves."""

import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage

from whatsapp_notify import conf


class PrivateFiles(FileSystemStorage):
    """Files below ``MEDIA_DIRECTORY``, without any address; only a view of ours reads them.

    The setting is read with each use, so that nothing has to be configured to load the models.
    """

    @property
    def base_location(self) -> str:
        directory = conf.load().MEDIA_DIRECTORY
        if not directory:
            raise ImproperlyConfigured("MEDIA_DIRECTORY is empty: files of customers are not kept.")
        return directory

    @property
    def location(self) -> str:
        return str(Path(self.base_location).resolve())

    def url(self, name: str | None) -> str:
        raise ValueError("Files of customers have no address.")


def storage() -> PrivateFiles:
    """This will return the storage; a callable, so that no path gets into a migration."""
    return PrivateFiles(file_permissions_mode=0o600, directory_permissions_mode=0o700)


def random_name() -> str:
    """This will name a file by chance alone: nothing of what somebody called it."""
    name = secrets.token_hex(16)
    return f"{name[:2]}/{name}"
