"""Settings of the demo shop: SQLite and a broker without a server unless told otherwise."""

import os
from pathlib import Path
from typing import Any

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent
#: Everything that the demo writes: database, broker folders, uploads.
DATA_DIR = Path(os.environ.get("DEMO_DATA_DIR", BASE_DIR / "var"))

DEBUG = os.environ.get("DEBUG", "1") not in {"0", "false", "no", ""}
#: For the demo on this machine only; a real shop sets its own.
SECRET_KEY = os.environ.get("SECRET_KEY", "demo-shop-on-this-machine-only-not-a-secret")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_celery_beat",
    "whatsapp_notify",
    "whatsapp_notify.simulator",
    "demo_shop",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "demo_shop.urls"
WSGI_APPLICATION = "demo_shop.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": dj_database_url.config(
        default=f"sqlite:///{DATA_DIR / 'demo.sqlite3'}", conn_max_age=60, conn_health_checks=True
    ),
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Several processes share the file: take the write lock at BEGIN, and never block readers.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
]
LOGIN_URL = "shop:login"
LOGIN_REDIRECT_URL = "shop:home"
LOGOUT_REDIRECT_URL = "shop:home"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fi", "Suomi"), ("sv", "Svenska"), ("ru", "Русский")]
TIME_ZONE = "Europe/Helsinki"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
MEDIA_ROOT = DATA_DIR / "media"

# Celery: a real worker and a real beat, over folders instead of a server.
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "filesystem://localhost//")
#: A run of its own on a shared broker takes a queue of its own.
CELERY_TASK_DEFAULT_QUEUE = os.environ.get("DEMO_QUEUE", "celery")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
if CELERY_BROKER_URL.startswith("filesystem:"):
    _QUEUE = DATA_DIR / "broker"
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "data_folder_in": str(_QUEUE / "queue"),
        "data_folder_out": str(_QUEUE / "queue"),
        "processed_folder": str(_QUEUE / "processed"),
        "control_folder": str(_QUEUE / "control"),
        "store_processed": False,
        "polling_interval": 0.1,
    }
    for _folder in ("queue", "processed", "control"):
        (_QUEUE / _folder).mkdir(parents=True, exist_ok=True)
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2, "socket_timeout": 10}
DATA_DIR.mkdir(parents=True, exist_ok=True)
_CUSTOMER_FILES = DATA_DIR / "customer-files"
_CUSTOMER_FILES.mkdir(mode=0o700, exist_ok=True)

DEMO_PORT = os.environ.get("DEMO_PORT", "8000")
_OWN_ADDRESS = f"http://127.0.0.1:{DEMO_PORT}"
#: Where customers reach the shop; tracking links begin with it.
SHOP_BASE_URL = _OWN_ADDRESS

WHATSAPP_NOTIFY: dict[str, Any] = {
    "ADAPTER": "demo_shop.whatsapp_chat.DemoChatAdapter",
    "MEDIA_DIRECTORY": str(_CUSTOMER_FILES),
    "BOT": "demo_shop.bot.answer",
    "BUSINESS_NAME": "Pihlaja & Puro",
    "GRAPH_URL": os.environ.get("WHATSAPP_GRAPH_URL", f"{_OWN_ADDRESS}/simulator/graph"),
    "GRAPH_VERSION": os.environ.get("WHATSAPP_GRAPH_VERSION", "v26.0"),
    "ACCESS_TOKEN": os.environ.get("WHATSAPP_ACCESS_TOKEN", "demo-access-token"),
    "APP_SECRET": os.environ.get("WHATSAPP_APP_SECRET", "demo-app-secret"),
    "VERIFY_TOKEN": os.environ.get("WHATSAPP_VERIFY_TOKEN", "demo-verify-token"),
    "PHONE_NUMBER_ID": os.environ.get("WHATSAPP_PHONE_NUMBER_ID", "100000000000001"),
    "BUSINESS_ACCOUNT_ID": os.environ.get("WHATSAPP_BUSINESS_ACCOUNT_ID", "200000000000002"),
    "DEFAULT_REGION": "FI",
    "DEFAULT_LANGUAGE": "en",
    # The demo shall answer at any hour of the day.
    "QUIET_HOURS": (),
    "BIRTHDAY_TIME": "00:00",
    "BENEFIT_URL": f"{_OWN_ADDRESS}/",
    "WATCH": [
        # Not "created": a draft of the chat is no order before staff has accepted it.
        {
            "event": "order.confirmed",
            "model": "demo_shop.Order",
            "field": "status",
            "value": ["placed", "paid"],
        },
        {
            "event": "order.shipped",
            "model": "demo_shop.Order",
            "field": "status",
            "value": "shipped",
        },
        {
            "event": "order.out_for_delivery",
            "model": "demo_shop.Order",
            "field": "status",
            "value": "out_for_delivery",
        },
        {
            "event": "order.delivered",
            "model": "demo_shop.Order",
            "field": "status",
            "value": "delivered",
        },
        {
            "event": "order.cancelled",
            "model": "demo_shop.Order",
            "field": "status",
            "value": "cancelled",
        },
        {
            "event": "order.refunded",
            "model": "demo_shop.Order",
            "field": "status",
            "value": "refunded",
        },
        {
            "event": "order.delivery_date_changed",
            "model": "demo_shop.Order",
            "field": "estimated_arrival",
            "changes": True,
        },
        {
            "event": "customer.changed",
            "model": "demo_shop.CustomerProfile",
            "field": ["phone", "language", "birth_date"],
            "changes": True,
        },
    ],
}

WHATSAPP_SIMULATOR: dict[str, Any] = {
    "WEBHOOK_URL": f"{_OWN_ADDRESS}/whatsapp/webhook/",
    "APP_SECRET": WHATSAPP_NOTIFY["APP_SECRET"],
    "ACCESS_TOKEN": WHATSAPP_NOTIFY["ACCESS_TOKEN"],
    "PHONE_NUMBER_ID": WHATSAPP_NOTIFY["PHONE_NUMBER_ID"],
    "BUSINESS_ACCOUNT_ID": WHATSAPP_NOTIFY["BUSINESS_ACCOUNT_ID"],
    "BUSINESS_NAME": WHATSAPP_NOTIFY["BUSINESS_NAME"],
    "CATALOG": "demo_shop.simulated_catalog.products",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"whatsapp_notify": {"level": "INFO"}},
}
