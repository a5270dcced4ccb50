"""Addresses of the shop's own pages."""

from django.urls import path

from demo_shop.views import account, cart, catalog, orders

app_name = "shop"

urlpatterns = [
    path("", catalog.product_list, name="home"),
    path("product/<slug:slug>/", catalog.product_detail, name="product"),
    path("cart/", cart.cart, name="cart"),
    path("cart/add/<slug:slug>/", cart.add_to_cart, name="add_to_cart"),
    path("cart/change/<slug:slug>/", cart.change_cart, name="change_cart"),
    path("checkout/", orders.checkout, name="checkout"),
    path("order/<str:number>/", orders.order, name="order"),
    path("order/<str:number>/thanks/", orders.thanks, name="thanks"),
    path("track/<str:code>/", orders.tracking, name="tracking"),
    path("account/", account.account, name="account"),
    path("account/register/", account.register, name="register"),
    path("account/login/", account.log_in, name="login"),
    path("account/logout/", account.log_out, name="logout"),
]
