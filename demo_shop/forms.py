"""The shop's forms. The consent boxes come from the plugin's mixin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from demo_shop.cart import MAX_QUANTITY
from demo_shop.models import Language
from whatsapp_notify.forms import PhoneField, WhatsAppConsentMixin


class AddToCartForm(forms.Form):
    """How many pieces of one product."""

    quantity = forms.IntegerField(
        label=_("Quantity"), min_value=1, max_value=MAX_QUANTITY, initial=1
    )


class CartLineForm(forms.Form):
    """A new quantity for one line of the cart; zero takes it out."""

    quantity = forms.IntegerField(label=_("Quantity"), min_value=0, max_value=MAX_QUANTITY)


class ContactForm(forms.Form):
    """What the shop asks of everyone who orders or registers."""

    first_name = forms.CharField(
        label=_("First name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    email = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    phone = PhoneField(
        label=_("Mobile phone"),
        max_length=32,
        help_text=_("The parcel service tells you here when your parcel is waiting."),
    )
    language = forms.ChoiceField(
        label=_("We write to you in"),
        choices=Language.choices,
        initial=Language.FINNISH,
        help_text=_("The language of our messages."),
    )


class CheckoutForm(WhatsAppConsentMixin, ContactForm):
    """Who orders, and what they wish to hear."""


class RegistrationForm(WhatsAppConsentMixin, ContactForm):
    """A new customer account. The e-mail address is the user name."""

    field_order = ("first_name", "email", "password", "phone", "birth_date", "language")

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=_("At least 8 characters. A sentence is easy to remember."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    birth_date = forms.DateField(
        label=_("Birthday (optional)"),
        required=False,
        help_text=_("If you like a birthday greeting from us."),
        widget=forms.DateInput(attrs={"type": "date", "autocomplete": "bday"}, format="%Y-%m-%d"),
    )

    def clean_email(self) -> str:
        """This will refuse an address that has an account already, however it is written.

        Raises:
            ValidationError: the address has an account.
        """
        email = self.cleaned_data["email"].lower()
        if get_user_model().objects.filter(username__iexact=email).exists():
            raise forms.ValidationError(
                _("There is an account with this address. Please log in."), code="taken"
            )
        return email

    def clean_password(self) -> str:
        """This will refuse passwords that are easy to guess.

        Raises:
            ValidationError: the password is refused, with the reasons.
        """
        password = self.cleaned_data["password"]
        validate_password(password)
        return password


class LoginForm(AuthenticationForm):
    """The log-in form in the shop's words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("E-mail")
