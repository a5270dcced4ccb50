"""The shop as its web server runs it, with its own middleware, on the bench's database."""

from django.core.wsgi import get_wsgi_application

from whatsapp_notify.management.bench import shop

application = shop.web_application(get_wsgi_application, interface="wsgi")
