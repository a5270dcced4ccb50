"""The customer's account."""

from __future__ import annotations

from typing import cast

from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from demo_shop.forms import LoginForm, RegistrationForm
from demo_shop.models import CustomerProfile, Order

log_in = LoginView.as_view(
    template_name="shop/login.html",
    authentication_form=LoginForm,
    next_page="shop:account",
    redirect_authenticated_user=True,
)
log_out = LogoutView.as_view(next_page="shop:home")


def register(request: HttpRequest) -> HttpResponse:
    """This will open an account and log its owner in."""
    if request.user.is_authenticated:
        return redirect("shop:account")
    form = RegistrationForm(request.POST or None)
    if form.is_valid():
        user = _open_account(request, form)
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        return redirect("shop:account")
    return render(request, "shop/register.html", {"form": form})


@transaction.atomic
def _open_account(request: HttpRequest, form: RegistrationForm) -> User:
    typed = form.cleaned_data
    user = User.objects.create_user(
        username=typed["email"],
        email=typed["email"],
        password=typed["password"],
        first_name=typed["first_name"],
    )
    profile = CustomerProfile.objects.create(
        user=user,
        phone=typed["phone"],
        birth_date=typed["birth_date"],
        language=typed["language"],
    )
    form.save_whatsapp_consent(
        request=request,
        phone=profile.phone,
        first_name=user.first_name,
        language=profile.language,
        user=user,
        birth_date=profile.birth_date,
        source="registration",
    )
    return user


@login_required(login_url="shop:login")
def account(request: HttpRequest) -> HttpResponse:
    """This will show the customer's details and orders, the latest first."""
    user = cast(User, request.user)  # login_required lets no one else in
    profile = CustomerProfile.objects.filter(user=user).first()
    orders = (
        Order.objects.filter(user=user)
        .prefetch_related("lines__product")
        .order_by("-placed_at", "-id")
    )
    return render(request, "shop/account.html", {"profile": profile, "orders": orders})
