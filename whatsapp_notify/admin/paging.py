"""Lists of a million rows: never counted to the end."""

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

#: Rows that a list counts and pages through; beyond that, filters and search are the way.
CAP = 10_000


class CappedPaginator(Paginator):
    """Counts up to ``CAP`` rows and stops there."""

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: CAP + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self._counted, CAP)

    @property
    def is_capped(self) -> bool:
        """Whether there are more rows than can be paged through."""
        return self._counted > CAP
