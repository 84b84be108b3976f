"""Limit password guessing: pauses that grow with the failures of an account and of an IP address.

django-axes counts the failures in the database and refuses locked clients; this module computes for how long. Failures
are counted by account and by address separately, and not while locked, so a pause always ends. From an address where
the account was used before, only failures of that account from that address count, so that others cannot lock its owner
out. E-mail addresses that were typed are stored as hashes.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.db.models import F, Max, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone

from broadcasts.models import User
from broadcasts.origin import network_address, subscriber

from . import hashing
from .noting import note

log = logging.getLogger(__name__)

FREE_OF_ACCOUNT = 5  # failures before the first pause
FREE_OF_ADDRESS = 20  # more, since an office shares one
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
REMEMBERED = timedelta(days=1)  # since the last failure
KNOWN_PLACE = timedelta(days=90)  # since the last sign-in from there


def pause_after(failures: int, free: int) -> timedelta:
    """Return the pause after a number of failures: a minute, doubled by each further one, at most an hour."""
    if failures < free:
        return timedelta(0)
    return min(FIRST_PAUSE * 2 ** min(failures - free, 10), LONGEST_PAUSE)


def account_key(email: object) -> str:
    """Hash an e-mail address; all spellings that identify the same account give the same key."""
    spelled = str(email or "").strip().upper().casefold()
    return blake2b(spelled.encode(), digest_size=16, key=settings.LINK_KEY.encode()[:64], person=b"account").hexdigest()


def locked_until(account: str, address: str | None, known: bool | None = None) -> datetime | None:
    """Return when an account may be tried again from an address; None if it may be now.

    `known` is the result of `is_known` for both, if the caller has it.
    """
    now = timezone.now()
    known = is_known(account, address) if known is None else known
    ends = [end for end in _ends(account, address, known, now) if end > now]
    return max(ends, default=None)


def _ends(account: str, address: str | None, known: bool, now: datetime) -> Iterator[datetime]:
    of_account = AccessAttempt.objects.filter(username=account)
    if address is None:
        judged = [(of_account, FREE_OF_ACCOUNT)]
    elif known:
        judged = [(of_account.filter(ip_address=address), FREE_OF_ACCOUNT)]
    else:
        judged = [(of_account, FREE_OF_ACCOUNT), (AccessAttempt.objects.filter(ip_address=address), FREE_OF_ADDRESS)]
    for rows, free in judged:
        failures, last = _failures(rows, now)
        if last is not None:
            yield last + pause_after(failures, free)


def is_known(account: str, address: str | None) -> bool:
    """Tell whether there was a sign-in to an account from an address within KNOWN_PLACE."""
    since = timezone.now() - KNOWN_PLACE
    known = AccessLog.objects.filter(username=account, ip_address=address, attempt_time__gt=since)
    return address is not None and known.exists()


def _failures(rows: QuerySet[AccessAttempt], now: datetime) -> tuple[int, datetime | None]:
    recent = rows.filter(attempt_time__gt=now - REMEMBERED)
    found = recent.aggregate(n=Sum("failures_since_start"), at=Max("attempt_time"))
    return found["n"] or 0, found["at"]


class SignInHandler(AxesDatabaseHandler):
    """The handler of django-axes; it also writes sign-ins and sign-outs to the audit log."""

    def is_locked(self, request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> bool:
        account, address = key_of(credentials), subscriber(request)
        known = is_known(account, address)
        if known:
            hashing.prefer(account)
        return locked_until(account, address, known) is not None

    def user_login_failed(
        self, sender: Any, credentials: Mapping[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        if request is None:
            return
        request.axes_credentials = credentials  # type: ignore[attr-defined]
        if request.axes_locked_out:  # type: ignore[attr-defined]
            return
        account, address = key_of(credentials), subscriber(request)
        count_failure(account, address)
        user = User.objects.filter(email__iexact=email_of(credentials)).first()
        ip = network_address(request)
        log.warning("A sign-in from %s failed", ip or "an unknown address")
        until = locked_until(account, address)
        if until is None:
            note(user, "sign-in failed", ip=ip)
            return
        note(user, "locked out", ip=ip, until=until.isoformat(timespec="seconds"))
        request.axes_locked_out = True  # type: ignore[attr-defined]

    def user_logged_in(self, sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        account, address = account_key(user.email), subscriber(request)
        # Only what failed here: others who guess from elsewhere must not begin anew each time its owner signs in.
        AccessAttempt.objects.filter(username=account, ip_address=address).delete()
        here = AccessLog.objects.filter(username=account, ip_address=address)
        if not here.update(attempt_time=timezone.now()):
            AccessLog.objects.create(username=account, ip_address=address)
        note(user, "sign in", ip=network_address(request))

    def user_logged_out(self, sender: Any, request: HttpRequest, user: User | None, **kwargs: Any) -> None:
        if user is not None:
            note(user, "sign out", ip=network_address(request))


def email_of(credentials: Mapping[str, Any] | None) -> str:
    told = credentials or {}
    return str(told.get("username") or told.get("email") or "")


def key_of(credentials: Mapping[str, Any] | None) -> str:
    return account_key(email_of(credentials))


def count_failure(account: str, address: str | None) -> None:
    """Count one failure, and forget those of long ago."""
    now = timezone.now()
    AccessAttempt.objects.filter(attempt_time__lte=now - REMEMBERED).delete()
    here = AccessAttempt.objects.filter(username=account, ip_address=address)
    more = {"failures_since_start": F("failures_since_start") + 1, "attempt_time": now}
    if here.update(**more):
        return
    _, is_made = AccessAttempt.objects.get_or_create(
        username=account, ip_address=address, user_agent="", defaults={"failures_since_start": 1}
    )
    if not is_made:
        here.update(**more)
