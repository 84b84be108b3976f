"""Settings, flat, one block per concern; every value can be given as an environment variable.

README has the table. A `.env` file beside manage.py is read too.
"""

import os
import re
import secrets
import socket
import tempfile
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.folder import default_folder, make_private

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").exists():
    env.read_env(BASE_DIR / ".env")

# Where the embedded default keeps its database, keys and media.
DATA_DIR = Path(env.str("DATA_DIR", default=str(default_folder(BASE_DIR))))
make_private(DATA_DIR)


def whole(name: str, default: int, least: int = 0) -> int:
    """Return a whole number from the environment; what is none is told by the variable's name."""
    value = env.str(name, default=str(default)).strip()
    if not (value.isascii() and value.isdigit() and int(value) >= least):
        raise ImproperlyConfigured(f"{name} is “{value}”: give a whole number from {least} up, such as {default}.")
    return int(value)


def wholes(name: str, default: list[int]) -> list[int]:
    """Return whole numbers from the environment, separated by commas."""
    told = env.str(name, default=",".join(map(str, default)))
    values = [value.strip() for value in told.split(",")]
    if not all(value.isascii() and value.isdigit() for value in values):
        raise ImproperlyConfigured(f"{name} is “{told}”: give whole numbers separated by commas, such as 60,300.")
    return [int(value) for value in values]


def words(name: str, known: list[str]) -> list[str]:
    """Return words of a list from the environment, separated by commas; all of them by default."""
    told = env.str(name, default=",".join(known))
    values = [value.strip() for value in told.split(",") if value.strip()]
    if unknown := [value for value in values if value not in known]:
        raise ImproperlyConfigured(f"{name} names “{unknown[0]}”: choose from {', '.join(known)}; or leave it empty.")
    return values


def share(name: str, default: float) -> float:
    """Return a number above 0 and up to 1 from the environment."""
    value = env.str(name, default=str(default)).strip()
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise ImproperlyConfigured(f"{name} is “{value}”: give a share above 0 and up to 1, such as {default}.")
    return number


def networks(name: str, default: str = "") -> list[IPv4Network | IPv6Network]:
    """Return IP networks from the environment, separated by commas."""
    told = env.str(name, default=default)
    try:
        return [ip_network(value.strip()) for value in told.split(",") if value.strip()]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} is “{told}” ({error}): give networks separated by commas, such as 10.0.0.0/8,fd00::/8."
        ) from None


def resolvers(name: str) -> list[tuple[str, int]]:
    """Return DNS servers from the environment, as (IP address, port)."""
    told = env.str(name, default="")
    found = []
    for value in filter(None, map(str.strip, told.split(","))):
        with_port = re.fullmatch(r"\[([^]]+)\](?::(\d{1,5}))?|([\d.]+):(\d{1,5})", value)
        host, port = (with_port[1] or with_port[3], with_port[2] or with_port[4]) if with_port else (value, None)
        try:
            found.append((str(ip_address(host)), int(port or 53)))
        except ValueError:
            raise ImproperlyConfigured(
                f"{name} is “{told}”: give IP addresses separated by commas, each with a port if it is not 53, such as "
                "127.0.0.1:5353,[2001:db8::1]:53."
            ) from None
    return found


def labelled_paths(name: str) -> dict[str, str]:
    """Return dotted paths by their labels from the environment: Label=dotted.path, separated by commas."""
    told = env.str(name, default="")
    pairs = [[part.strip() for part in pair.split("=")] for pair in told.split(",") if pair.strip()]
    is_right = all(len(pair) == 2 and pair[0] and re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", pair[1]) for pair in pairs)
    if not is_right or len({label for label, *_ in pairs}) < len(pairs):
        raise ImproperlyConfigured(
            f"{name} is “{told}”: give pairs of a label and a dotted path separated by commas, each label once, "
            "such as Mailgun=anymail.backends.mailgun.EmailBackend."
        )
    return dict(pairs)


def labelled_urls(name: str) -> dict[str, str]:
    """Return base addresses by their labels from the environment: label=https://host/path/, separated by commas."""
    told = env.str(name, default="")
    pairs = [pair.strip().partition("=")[::2] for pair in told.split(",") if pair.strip()]
    if not all(re.fullmatch(r"\w+", label) and re.fullmatch(r"https?://[^\s,]+", url) for label, url in pairs):
        raise ImproperlyConfigured(
            f"{name} is “{told}”: give pairs of a service and an address separated by commas, such as "
            "sendgrid=http://localhost:9000/v3/."
        )
    return dict(pairs)


def kept_key(name: str) -> str:
    """Return a secret from the environment, or one made on first use and kept in DATA_DIR."""
    if value := env.str(name, default=""):
        return value
    path = DATA_DIR / f"{name.lower()}.txt"
    if not path.exists():
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50))
        try:
            os.link(fresh, path)  # whoever links first wins; the others read the winner's key
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


# Keys. LINK_KEY signs unsubscribe links and Message-IDs and outlives a rotation of SECRET_KEY;
# ENCRYPTION_KEYS (comma separated, newest first) encrypt channel secrets at rest.
SECRET_KEY = kept_key("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
LINK_KEY = kept_key("LINK_KEY")
ENCRYPTION_KEYS = env.list("ENCRYPTION_KEYS", default=[]) or [kept_key("ENCRYPTION_KEY")]

# Where we are reached. An https address turns on everything that belongs to it.
DEBUG = env.bool("DEBUG", default=False)
BASE_URL = env.str("BASE_URL", default="http://localhost:8000").rstrip("/")
HTTPS = BASE_URL.startswith("https://")
ALLOWED_HOSTS = [
    urlsplit(BASE_URL).hostname or "localhost",
    "localhost",
    "127.0.0.1",
    "[::1]",
    *env.list("ALLOWED_HOSTS", default=[]),
]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=HTTPS) else None
SECURE_HSTS_SECONDS = whole("HSTS_SECONDS", 31_536_000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# Application.
INSTALLED_APPS = [
    "broadcasts",
    "broadcasts.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "axes",
    "csp",
    "django_ace",  # of both only the static files
    "django_prose_editor",
]
MIDDLEWARE = [
    "broadcasts.middleware.TrackingDomainMiddleware",
    "broadcasts.middleware.HttpsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "broadcasts.middleware.ResponseMiddleware",
    "broadcasts.middleware.CallbackMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "broadcasts.admin.sign_in.BusyMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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

# Signing in. Whoever guesses passwords is stopped for a growing time (broadcasts/accounts/brakes.py).
AUTH_USER_MODEL = "broadcasts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [{"NAME": "broadcasts.accounts.passwords.PasswordRule"}]
PASSWORD_HASHERS = ["broadcasts.accounts.hashing.BoundedHasher"]
LOGIN_URL = "admin:login"
AXES_HANDLER = "broadcasts.accounts.brakes.SignInHandler"
AXES_LOCKOUT_CALLABLE = "broadcasts.admin.sign_in.locked_out"
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Database. The embedded default is one SQLite file, tuned as measured for many small writers. A web request waits less
# long for the lock of others than a worker, so that waiting ones do not take all threads.
LOCK_SECONDS = whole("LOCK_SECONDS", 20, least=1)
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'broadcasts.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": LOCK_SECONDS,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON;"
            f"PRAGMA journal_size_limit=67108864; PRAGMA mmap_size={whole('SQLITE_MMAP_MB', 128) * 2**20};"
            f"PRAGMA cache_size=-{whole('SQLITE_CACHE_MB', 32) * 1000};"
        ),
    }
    # Tests use a file too, one per process: threads and clusters must meet the locks that they meet in use.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(tempfile.gettempdir()) / f"broadcasts-test-{os.getpid()}.sqlite3")}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = whole("CONN_MAX_AGE", 600)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # A worker that is frozen amid a transaction, or whose host is gone, holds its locks no longer than this. Compiling
    # the INSERT ... SELECT of a chunk of an audience (jit) takes ten times as long as running it.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault(
        "options",
        "-c idle_in_transaction_session_timeout=30000 -c jit=off -c hash_mem_multiplier=64"
        + (f" -c lock_timeout={LOCK_SECONDS * 1000}" if "LOCK_SECONDS" in os.environ else ""),
    )

# Cache and queue. With REDIS_URL both move to Redis, and several hosts can share the work.
REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": DATA_DIR / "cache"}
}

# This host among those that share the work; two installations of workers on one machine need a name each.
HOST_NAME = (env.str("HOST_NAME", default="") or socket.gethostname())[:80]

# The queue carries wake-ups only, the rows are the truth; so a task is acknowledged whatever became of it.
PUMPS = whole("PUMPS", 2, least=1)  # tasks that send at once, on this host
Q_CLUSTER = {
    "name": env.str("Q_CLUSTER_NAME", default="broadcasts"),
    "workers": PUMPS + 1,  # one more than pumps, so that interactive work never waits behind them
    "timeout": 60,
    "retry": 300,
    "guard_cycle": 0.5,
    "poll": 0.2,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": -1,
    "catch_up": False,
    "bulk": 1,
    "queue_limit": 2 * (PUMPS + 1),
    "label": "Queue",
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
}

# Static files, served by ourselves: nothing comes from elsewhere.
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns where there is none
WHITENOISE_USE_FINDERS = True

# Files that people upload for messages to carry; and for all uploads, their bound and the rights of what is stored.
MEDIA_ROOT = DATA_DIR / "media"
MEDIA_MAX_MB = whole("MEDIA_MAX_MB", 25, least=1)  # of one file
MEDIA_QUOTA_MB = whole("MEDIA_QUOTA_MB", 5000)  # of all files of an organization; 0 turns it off
MAIL_FILES_MAX_MB = whole("MAIL_FILES_MAX_MB", 10)  # of all that one mail carries together
FILE_UPLOAD_HANDLERS = [
    "config.uploads.LargestUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

# API.
API_THROTTLE_PER_HOUR = whole("API_THROTTLE_PER_HOUR", 3600)  # per token; 0 turns it off
DIALECTS = words("DIALECTS", ["invent", "teamup", "whautomate", "rapidpro"])  # the other products' APIs that are served
CALLBACKS_PER_HOUR = whole("CALLBACKS_PER_HOUR", 3_600_000)  # per channel, from its provider; 0 turns it off
CALLBACK_MB_PER_HOUR = whole("CALLBACK_MB_PER_HOUR", 5000)  # per organization, in these calls; 0 turns it off
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "broadcasts.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["broadcasts.api.permissions.MemberMay"],
    "DEFAULT_THROTTLE_CLASSES": ["broadcasts.api.throttling.PerToken"],
    "DEFAULT_PARSER_CLASSES": ["broadcasts.api.parsers.Json", "rest_framework.parsers.FormParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "broadcasts.api.pagination.LinkPagination",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "broadcasts.api.ordering.Ordering",
    ],
    "DEFAULT_SCHEMA_CLASS": "broadcasts.api.schema.Schema",
    "EXCEPTION_HANDLER": "broadcasts.apis.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Broadcasts",
    "DESCRIPTION": "One message to one person or a million, and the fate of every copy. What is written may hold "
    "what was read: fields that are only shown are ignored. A key that is not known is a 400 under its name.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "UseCaseEnum": "broadcasts.models.UseCase",
        "AttendanceStatusEnum": "broadcasts.models.Attendance.Status",
        "BroadcastStatusEnum": "broadcasts.models.Broadcast.Status",
        "MediumEnum": "broadcasts.mediums.Medium",
        "ContactStatusEnum": "broadcasts.models.Contact.Status",
        "ConsentStateEnum": "broadcasts.models.ConsentState",
        "DeliveryStatusEnum": "broadcasts.models.Delivery.Status",
        "EventCallStateEnum": "broadcasts.models.EventCall.State",
        "EngagementEnum": "broadcasts.models.Engagement",
        "OrganizationStatusEnum": "broadcasts.models.Organization.Status",
        "SkipReasonEnum": "broadcasts.models.Reason",
        "InventStatusEnum": "broadcasts.dialects.invent.serializers.STATUSES",
        "WhautomateStatusEnum": "broadcasts.dialects.whautomate.serializers.KNOWN_STATUSES",
        "WhautomateLogStatusEnum": "broadcasts.dialects.whautomate.logs.LOG_STATUSES",
        "WhautomateTypeEnum": "broadcasts.dialects.whautomate.serializers.TYPES",
        "InventStatusFilterEnum": "broadcasts.dialects.invent.serializers.STATUS_FILTERS",
        "SuppressionReasonEnum": "broadcasts.models.Suppression.Cause",
        "GaugeLevelEnum": "broadcasts.gauging.gauge.LEVELS",
    },
    "PREPROCESSING_HOOKS": ["broadcasts.api.schema.native_only"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "broadcasts.api.schema.describe_refusals",
    ],
    "WEBHOOKS": ["broadcasts.api.subscriptions.EVENTS_WEBHOOK"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "none", "persistAuthorization": False},
}

# Sending.
LEASE_SECONDS = whole("LEASE_SECONDS", 20, least=2)
BATCH_SIZE = whole("BATCH_SIZE", 1000, least=1)
WINDOW_SIZE = whole("WINDOW_SIZE", 500, least=1)
MAX_ATTEMPTS = whole("MAX_ATTEMPTS", 8, least=1)  # of one delivery, over transient errors
REFUSAL_BUDGET = share("REFUSAL_BUDGET", 0.1)  # of failed in all that was answered; beyond, a broadcast is paused
GAUGE_DAYS = whole("GAUGE_DAYS", 7, least=1)  # the rolling window of complaints, bounces and refusals
# Until each further attempt; the last one repeats.
RETRY_SECONDS = wholes("RETRY_SECONDS", [60, 300, 900, 3600, 7200, 14400, 28800])
CALLBACK_RETENTION_DAYS = whole("CALLBACK_RETENTION_DAYS", 7, least=3)  # of calls that cannot be applied
EVENT_CALL_RETENTION_DAYS = whole("EVENT_CALL_RETENTION_DAYS", 14, least=1)  # of calls with events, and of replays
EVENT_FAILING_DAYS = whole("EVENT_FAILING_DAYS", 3, least=1)  # without a success; then a subscription is switched off
DELIVERY_RETENTION_DAYS = whole("DELIVERY_RETENTION_DAYS", 0)  # 0 keeps them for ever

# Opens and clicks. Mail filters fetch links from these networks, from which no person does. They are those that the
# filters' makers publish for firewalls and in SPF: Microsoft Exchange Online Protection, Proofpoint, Barracuda; and
# Google's crawlers.
TRACKING_DELAY_SECONDS = whole("TRACKING_DELAY_SECONDS", 30, least=1)  # before people are told from machines
SCANNING_NETWORKS = networks(
    "SCANNING_NETWORKS",
    "40.92.0.0/15,40.107.0.0/16,52.100.0.0/14,104.47.0.0/17,2a01:111:f400::/48,2a01:111:f403::/48,"
    "66.159.224.0/19,67.231.144.0/20,148.163.128.0/19,205.220.160.0/19,64.235.144.0/20,209.222.80.0/21,66.249.64.0/19",
)

# What organizations may use and reach: e-mail backends by their labels, and networks that are not public.
EMAIL_BACKENDS = labelled_paths("EMAIL_BACKENDS")
OPEN_NETWORKS = networks("OPEN_NETWORKS")
DNS_RESOLVERS = resolvers("DNS_RESOLVERS")  # asked about sending domains; empty: those of the system
EMAIL_SERVICE_URLS = labelled_urls("EMAIL_SERVICE_URLS")  # instead of the services' own, for tests and proxies

# Imports. Uploads lie in DATA_DIR/imports.
IMPORT_MAX_MB = whole("IMPORT_MAX_MB", 500, least=1)
IMPORT_RETENTION_DAYS = whole("IMPORT_RETENTION_DAYS", 30)  # then `prune` deletes their files; 0 keeps them for ever

# Notices to staff, such as of a broadcast that was paused by itself; without EMAIL_URL nothing is mailed.
EMAIL_URL = env.str("EMAIL_URL", default="")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"broadcasts@{urlsplit(BASE_URL).hostname or 'localhost'}")
if EMAIL_URL:
    try:
        mail_server = env.email_url_config(EMAIL_URL)
    except (ImproperlyConfigured, ValueError):
        raise ImproperlyConfigured(
            "EMAIL_URL is no address of a mail server: give one such as smtp+tls://user:password@mail.example.org:587."
        ) from None
    globals().update({name: value for name, value in mail_server.items() if value is not None})

# Time and language. Moments are stored in UTC; every organization has its own zone.
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en-us"
FORMAT_MODULE_PATH = "config.formats"  # for the moments that Django's own pages write

# Logs: one line per fact, to standard error; never a secret, never a person's address.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django-q": {"level": "WARNING"},  # it would say two lines about every wake-up
        "waitress.queue": {"level": "ERROR"},  # and one about every request that waits for a thread
    },
}
