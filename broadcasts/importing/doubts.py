"""What is doubtful about an address that can be sent to: whose it is, and how long it will last."""

from functools import cache

from django.utils.module_loading import import_string

from broadcasts import formats
from broadcasts.models import ImportJob

# Mailboxes of a task and not of a person (RFC 2142, and what organizations use): several people read them.
ROLES = frozenset(
    (
        "abuse", "accounting", "accounts", "admin", "administrator", "all", "billing", "careers", "contact",
        "customerservice", "dev", "enquiries", "everyone", "feedback", "finance", "ftp", "help", "hello", "helpdesk",
        "hostmaster", "hr", "info", "inquiries", "it", "jobs", "legal", "list", "mail", "mailer-daemon", "marketing",
        "media", "news", "newsletter", "no-reply", "noc", "noreply", "office", "orders", "postmaster", "press",
        "privacy", "recruiting", "reply", "root", "sales", "security", "service", "spam", "staff", "support",
        "sysadmin", "team", "tech", "usenet", "uucp", "webmaster", "welcome", "www",
    )
)  # fmt: skip
KINDS = ("role", "disposable")
WORDS = {  # of one, of several
    "role": (
        "address of a task, such as info@: several people read it, who seldom all agreed",
        "addresses of tasks, such as info@: several people read each, who seldom all agreed",
    ),
    "disposable": (
        "address of a service for addresses that are thrown away: it may bounce soon",
        "addresses of services for addresses that are thrown away: most may bounce soon",
    ),
}
MOST_LINES = 10  # of a file, that are told for each kind


def doubt_of(address: str) -> str:
    """Return what is doubtful about an e-mail address in lower case: "role", "disposable", or ""."""
    local, _, domain = address.rpartition("@")
    if local.partition("+")[0] in ROLES:
        return "role"
    return "disposable" if _is_disposable(domain) else ""


def _is_disposable(domain: str) -> bool:
    """Tell whether a domain, or one above it, is of such a service."""
    known = _disposable()
    while "." in domain:
        if domain in known:
            return True
        domain = domain.partition(".")[2]
    return False


def doubts_of(job: ImportJob) -> list[str]:
    """Return what is doubtful about the addresses of an import, a sentence for each kind."""
    told = []
    for kind in KINDS:
        if found := job.warnings.get(kind):
            more = ", …" if found["count"] > len(found["lines"]) else ""
            lines = ", ".join(map(formats.number, found["lines"]))
            at = f"line{'s' if found['count'] > 1 else ''} {lines}{more}"
            told.append(f"{formats.number(found['count'])} {WORDS[kind][found['count'] > 1]} ({at}).")
    return told


@cache
def _disposable() -> frozenset[str]:
    return frozenset(import_string("disposable_email_domains.blocklist"))  # some thousand, which only imports read
