"""The shop's own translator, between its models and ours."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.signals import setting_changed
from django.db.models import Model
from django.utils.module_loading import import_string

from whatsapp_notify import conf
from whatsapp_notify.domain.occasions import Cart, Customer, Order
from whatsapp_notify.exceptions import ConfigurationError


class ShopAdapter:
    """Translates what the shop's events are about. A shop overrides what differs for it.

    The methods are called by the worker, inside a short transaction: they may read the shop's
    tables and must not wait for other servers. What they raise marks the event as failed after
    three tries; the shop never notices.
    """

    def get_customer(self, subject: Model) -> Customer | None:
        """This will return the person behind a user, or behind the shop's own kind of row.

        As it stands it knows the user model only, which has no phone: a shop overrides it.
        Return None when nobody is to be written to.
        """
        if not isinstance(subject, get_user_model()):
            return None
        # A custom user model may lack either of these.
        full_name = getattr(subject, "get_full_name", str)
        return Customer(
            first_name=getattr(subject, "first_name", ""),
            full_name=full_name(),
            user_id=subject.pk,
        )

    def get_order(self, subject: Model) -> Order | None:
        """This will return the order that an event is about, or None where it is about none.

        Its customer is then the one who gets the message.
        """
        return None

    def get_order_by_ref(self, ref: str) -> Order | None:
        """This will return the order with the number that a customer wrote, or None.

        ``ref`` is as it was written, up to 64 characters. Whose it is we check: an order is
        told to its own customer only, by phone or account.
        """
        return None

    def get_orders_of(self, customer: Customer) -> Sequence[Order]:
        """This will return a customer's orders, the latest first; some ten are enough.

        ``customer`` has the phone in E.164 and the primary key of the account, as far as they
        are known.
        """
        return ()

    def create_draft_order(self, cart: Cart) -> Order | None:
        """This will make an order of what was put together in the chat, to be looked at by staff.

        Called inside a transaction; the same ``cart.key`` may come again and must give the same
        order. Prices are what the customer was shown: look them up. Return None where the shop
        takes no orders from the chat; a person is then called.
        """
        return None

    def get_subject_for(self, label: str, pk: str) -> Model | None:
        """This will load the row that an event is about; None when it is gone."""
        model = apps.get_model(label)
        try:
            return model._base_manager.filter(pk=pk).first()
        except (ValueError, ValidationError):
            # The primary key has become another type since the event was recorded.
            return None


def load() -> ShopAdapter:
    """This will return the adapter that the settings name, always the same instance.

    Raises:
        ConfigurationError: The setting is empty, cannot be imported or is no ShopAdapter.
    """
    return _load(conf.load().ADAPTER)


@lru_cache(maxsize=1)
def _load(path: str) -> ShopAdapter:
    if not path:
        raise ConfigurationError("ADAPTER is empty: name the shop's ShopAdapter class.")
    try:
        adapter_class = import_string(path)
    except ImportError as err:
        raise ConfigurationError(f"ADAPTER {path!r} cannot be imported: {err}") from err
    if not (isinstance(adapter_class, type) and issubclass(adapter_class, ShopAdapter)):
        raise ConfigurationError(
            f"ADAPTER {path!r} is no subclass of whatsapp_notify.shop.ShopAdapter."
        )
    return adapter_class()


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == conf.NAME:
        _load.cache_clear()


setting_changed.connect(_forget, dispatch_uid="whatsapp_notify.adapters")
