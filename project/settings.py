"""Django's settings. What an operator may set comes from `project.environment`; the rest is fixed here.

Interfaces read this module too, without `django.setup()`: it names code by dotted strings and imports none of it.
"""

from __future__ import annotations

from typing import Any

from csp.constants import NONE, SELF

from project import environment, logs
from project.environment import ROOT

ENVIRONMENT = environment.read_or_exit()

DEBUG = ENVIRONMENT.debug
SECRET_KEY = ENVIRONMENT.secret_key
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts
CSRF_TRUSTED_ORIGINS = ENVIRONMENT.csrf_trusted_origins
DATABASES = ENVIRONMENT.databases

INSTALLED_APPS = [
    "switchboard.apps.SwitchboardConfig",  # before staticfiles: the first app wins the name `runserver`
    "chat.apps.ChatConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pages; what is secret in them is masked anew each time
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "chat.identity.VisitorCookie",
    "chat.accounts.SocketsFollow",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"

# -- the machinery

CHANNEL_ROUTING = "routing.channel_routing"
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "switchboard.layers.redis.RedisLayer", "CONFIG": {"hosts": [ENVIRONMENT.redis_url]}}
        if ENVIRONMENT.redis_url
        else {"BACKEND": "switchboard.layers.memory.MemoryLayer"}
    )
}
SWITCHBOARD: dict[str, Any] = {}  # see switchboard.conf for what can be tuned

# -- the chat

CHAT_LIMITS = {
    "MESSAGES": ENVIRONMENT.limit_messages,
    "ADDRESS_MESSAGES": ENVIRONMENT.limit_address_messages,
    "ROOMS": ENVIRONMENT.limit_rooms,
    "NEW_ROOMS": ENVIRONMENT.limit_new_rooms,
    "NEW_ACCOUNTS": ENVIRONMENT.limit_new_accounts,
}
if not ENVIRONMENT.limits:
    CHAT_LIMITS = {}
CHAT_TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies
CHAT_RETENTION_DAYS = ENVIRONMENT.retention_days

# -- pages

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
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

STATIC_URL = "/static/"
STATIC_ROOT = ENVIRONMENT.data_dir / "static"
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "project.storage.StaticFiles"},
}

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# -- what a browser may do with our pages

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "connect-src": [SELF],  # covers a WebSocket to the page's own origin as well (CSP level 3)
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "chat.views.forged"

# -- the rest

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ko", "한국어")]
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING = logs.CONFIG
