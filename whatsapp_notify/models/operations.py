"""What the machinery remembers of itself."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Installation(models.Model):
    """One row: which deployment this database belongs to, and since when.

    A copy of it under another deployment's name cannot send (staging lock).
    """

    #: Eight random hex digits, part of every opaque id.
    instance = models.CharField(max_length=8, unique=True)
    deployment = models.CharField(_("deployment"), max_length=100, blank=True)
    installed_at = models.DateTimeField(_("installed at"))

    class Meta:
        verbose_name = _("installation")
        verbose_name_plural = _("installation")

    def __str__(self) -> str:
        return self.deployment or self.instance


class Heartbeat(models.Model):
    """The last sign of life of a part ("worker", "beat", "webhook"), or of rare work ("doubts")."""

    name = models.CharField(_("part"), max_length=40)
    at = models.DateTimeField(_("last seen"))

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name"], name="wn_heartbeat_name_uniq"),
        ]

    def __str__(self) -> str:
        return self.name


class Overview(Heartbeat):
    """No table of its own: gives the overview page of the admin its address and permission."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        verbose_name = _("overview")
        verbose_name_plural = _("overview")


class Lease(models.Model):
    """Who does something that only so many should do at once; it ends by itself.

    A limit of load and nothing more: what two do at once is right all the same.
    """

    #: "deliver:0", "deliver:1", ...
    name = models.CharField(max_length=40)
    #: Random, so that only the holder prolongs and returns it.
    holder = models.CharField(max_length=32, blank=True)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = _("lease")
        verbose_name_plural = _("leases")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name"], name="wn_lease_name_uniq"),
        ]

    def __str__(self) -> str:
        return self.name


class Watermark(models.Model):
    """How far a scan of the shop has come; nothing older than its start is touched."""

    #: Name of the watch: "order.shipped:demo_shop.order".
    name = models.CharField(_("scan"), max_length=160)
    #: Digest of what is looked for; another value or field is another watch.
    #: In the database too, for workers of a version that does not know it.
    watched = models.CharField(max_length=16, blank=True, default="", db_default="")
    #: Rows up to this primary key stood there when the watch was first seen.
    start_pk = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(_("watching since"))
    scanned_at = models.DateTimeField(_("last scan"), null=True, blank=True)

    class Meta:
        verbose_name = _("scan")
        verbose_name_plural = _("scans")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name"], name="wn_watermark_name_uniq"),
        ]

    def __str__(self) -> str:
        return self.name
