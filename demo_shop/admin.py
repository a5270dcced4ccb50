"""The desk where staff ship and deliver."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from demo_shop.fulfilment import STEPS_BY_KEY, Step, StepRefusedError, steps_open_to, take_step
from demo_shop.models import CustomerProfile, Order, OrderLine, Product
from demo_shop.templatetags.shop import money

_DAY = "j.n.Y"


class OrderLineInline(admin.TabularInline):
    """What was ordered; evidence, so not editable."""

    model = OrderLine
    extra = 0
    can_delete = False
    fields = readonly_fields = ("name", "quantity", "unit_price")
    template = "admin/demo_shop/order/lines.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """This will keep lines as the customer ordered them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """This will keep lines as the customer ordered them."""
        return False


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    """Orders, moved on by buttons and actions rather than by a field."""

    change_form_template = "admin/demo_shop/order/change_form.html"
    list_display = (
        "number",
        "status_badge",
        "first_name",
        "total_with_currency",
        "placed_on",
        "arrives_on",
    )
    list_filter = ("status", "placed_at", "language")
    search_fields = ("number", "first_name", "email", "phone", "tracking_code")
    ordering = ("-placed_at", "-id")
    list_per_page = 50
    inlines = (OrderLineInline,)
    actions = ("pay", "ship", "send_out", "deliver", "cancel")
    #: The order's page is for its customer only.
    view_on_site = False
    autocomplete_fields = ("user",)
    readonly_fields = (
        "number",
        "status_badge",
        "total_with_currency",
        "placed_at",
        "updated_at",
        "tracking_link",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "number",
                    "status_badge",
                    "total_with_currency",
                    "placed_at",
                    "updated_at",
                )
            },
        ),
        (
            gettext_lazy("Customer"),
            {"fields": ("first_name", "phone", "email", "language", "user")},
        ),
        (
            gettext_lazy("Delivery"),
            {
                "fields": (
                    "shipped_on",
                    "estimated_arrival",
                    "carrier",
                    "tracking_code",
                    "tracking_link",
                )
            },
        ),
    )

    class Media:
        css = {"all": ("demo_shop/admin.css",)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """This will leave ordering to the checkout."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        """This will keep orders, which the books need; cancel them instead."""
        return False

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def status_badge(self, order: Order) -> str:
        """This will show the status in a colour and in words."""
        return format_html(
            '<span class="shop-status shop-status--{}">{}</span>',
            order.status,
            order.get_status_display(),
        )

    @admin.display(description=gettext_lazy("total"), ordering="total")
    def total_with_currency(self, order: Order) -> str:
        """This will show the total with its currency."""
        return money(order.total, order.currency)

    @admin.display(description=gettext_lazy("placed"), ordering="placed_at")
    def placed_on(self, order: Order) -> str:
        """This will show the day of the order, short enough for the list."""
        return date_format(timezone.localtime(order.placed_at), _DAY)

    @admin.display(description=gettext_lazy("arrives"), ordering="estimated_arrival")
    def arrives_on(self, order: Order) -> str:
        """This will show the day of arrival, short enough for the list."""
        return date_format(order.estimated_arrival, _DAY) if order.estimated_arrival else "-"

    @admin.display(description=gettext_lazy("tracking page"))
    def tracking_link(self, order: Order) -> str:
        """This will link to the page that the customer gets."""
        url = order.tracking_url
        return format_html('<a href="{}">{}</a>', url, url) if url else "-"

    def get_urls(self) -> list[URLPattern]:
        """This will add the address behind the buttons of the change page."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_step"
        view = self.admin_site.admin_view(self.step_view)
        return [path("<path:object_id>/step/<slug:key>/", view, name=name), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """This will show the order with a button for each step open to it."""
        order = self.get_object(request, unquote(object_id))
        may_move = order is not None and self.has_change_permission(request, order)
        steps = steps_open_to(order=order) if order is not None and may_move else ()
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), "steps": steps, "order": order}
        )

    def step_view(self, request: HttpRequest, object_id: str, key: str) -> HttpResponse:
        """This will take one step with one order."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        order = self.get_object(request, unquote(object_id))
        step = STEPS_BY_KEY.get(key)
        if order is None or step is None:
            raise Http404
        if not self.has_change_permission(request, order):
            raise PermissionDenied
        if self._take(request, step, order):
            self.message_user(
                request,
                _("Order %(number)s: %(status)s.")
                % {"number": order.number, "status": step.leads_to.label},
                messages.SUCCESS,
            )
        else:
            self.message_user(
                request,
                _("Order %(number)s has moved on meanwhile, so nothing was changed.")
                % {"number": order.number},
                messages.WARNING,
            )
        return redirect("admin:demo_shop_order_change", order.pk)

    @admin.action(description=gettext_lazy("Mark as paid"), permissions=["change"])
    def pay(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """This will mark the selected orders as paid."""
        self._take_with_all(request, STEPS_BY_KEY["pay"], orders)

    @admin.action(description=gettext_lazy("Mark as shipped"), permissions=["change"])
    def ship(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """This will hand the selected orders to the carrier."""
        self._take_with_all(request, STEPS_BY_KEY["ship"], orders)

    @admin.action(description=gettext_lazy("Out for delivery"), permissions=["change"])
    def send_out(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """This will mark the selected orders as out for delivery."""
        self._take_with_all(request, STEPS_BY_KEY["out"], orders)

    @admin.action(description=gettext_lazy("Delivered"), permissions=["change"])
    def deliver(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """This will mark the selected orders as delivered."""
        self._take_with_all(request, STEPS_BY_KEY["deliver"], orders)

    @admin.action(description=gettext_lazy("Cancel"), permissions=["change"])
    def cancel(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """This will cancel the selected orders."""
        self._take_with_all(request, STEPS_BY_KEY["cancel"], orders)

    def _take_with_all(self, request: HttpRequest, step: Step, orders: QuerySet[Order]) -> None:
        taken = [self._take(request, step, order) for order in orders.order_by("placed_at", "id")]
        moved, refused = taken.count(True), taken.count(False)
        if moved:
            text = ngettext("%(n)d order: %(status)s.", "%(n)d orders: %(status)s.", moved)
            values = {"n": moved, "status": step.leads_to.label}
            self.message_user(request, text % values, messages.SUCCESS)
        if refused:
            text = ngettext(
                "%(n)d order is not at this step, so it was left as it is.",
                "%(n)d orders are not at this step, so they were left as they are.",
                refused,
            )
            self.message_user(request, text % {"n": refused}, messages.WARNING)

    def _take(self, request: HttpRequest, step: Step, order: Order) -> bool:
        try:
            moved = take_step(step=step, order_id=order.pk, today=timezone.localdate())
        except StepRefusedError:
            return False
        self.log_change(request, moved, str(step.leads_to.label))
        return True


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    """What is for sale."""

    list_display = ("name", "price", "is_published", "created_at")
    list_filter = ("is_published",)
    list_editable = ("is_published",)
    search_fields = ("name", "description")
    prepopulated_fields = {"slug": ("name",)}
    ordering = ("name", "id")


class CustomerProfileInline(admin.StackedInline):
    """Phone, birthday and language on the user's page."""

    model = CustomerProfile
    can_delete = False


class CustomerAdmin(UserAdmin):
    """Django's own user page, with the customer profile."""

    inlines = (CustomerProfileInline,)


admin.site.unregister(get_user_model())
admin.site.register(get_user_model(), CustomerAdmin)
