"""The shop as a web server with an event loop runs it, on the bench's database."""

from django.core.asgi import get_asgi_application

from whatsapp_notify.management.bench import shop

application = shop.web_application(get_asgi_application, interface="asgi")
