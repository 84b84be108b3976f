"""What tests of tracking share: a copy with links, and those who fetch them."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.test import Client
from django.utils import timezone

from broadcasts import links
from broadcasts.models import Delivery, Hit, Link

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


def make_link(delivery: Delivery, url: str = "https://club.example/pool") -> Link:
    digest = links.digest_of(url)
    return Link.objects.get_or_create(message_id=delivery.message_id, digest=digest, defaults={"url": url})[0]


def key_of(delivery: Delivery) -> str:
    return links.copy_key(links.delivery_token(delivery.pk), delivery.message_id)


def path_of(delivery: Delivery, link: Link, address: str = "") -> str:
    """The path of a link in a copy; `address`: where it leads to, if that is personal."""
    key = key_of(delivery)
    sealed = links.seal(address, key, link.pk) if address else ""
    return urlsplit(links.tracked_url("", key, link.pk, sealed)).path


def picture_of(delivery: Delivery) -> str:
    return links.picture_url("", links.delivery_token(delivery.pk))


def hidden_of(delivery: Delivery) -> str:
    return links.hidden_url("", links.delivery_token(delivery.pk))


def fetch(path: str, agent: str = CHROME, ip: str = "203.0.113.9", **headers):
    return Client(headers={"user-agent": agent}).get(path, REMOTE_ADDR=ip, headers=headers)


def make_hit(delivery: Delivery, link: Link | None = None, at: datetime | None = None, kind: str = "", **fields) -> Hit:
    """A hit that is due; of a link a click, else an open."""
    at = at or timezone.now() - timedelta(hours=1)
    given = {"ip_address": "203.0.113.9", "user_agent": CHROME, **fields}
    kind = kind or ("click" if link else "open")
    due_at = given.pop("due_at", at + timedelta(seconds=30))
    return Hit.objects.create(delivery=delivery, link=link, kind=kind, at=at, due_at=due_at, **given)
