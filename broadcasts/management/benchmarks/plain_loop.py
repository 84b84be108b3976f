"""What most would write: Django's templates and e-mail over one reused connection, and a saved row for each."""

import multiprocessing
import time
from multiprocessing.synchronize import Barrier
from typing import Any

from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.management.base import CommandError
from django.db import connections
from django.template import Context, Template
from django.utils import timezone

from broadcasts import links
from broadcasts.models import Broadcast, Contact, Delivery, Message, Organization

from . import HOST, content

PROCESSES = 2
MOST = 2_000


def rate(club: Organization, n: int, port: int) -> float:
    """Return the messages/s of two such loops at once, on at most 2,000 messages."""
    draft = Broadcast.objects.create(organization=club, name="Plain loop")
    message = Message.objects.create(broadcast=draft)
    people = Contact.objects.for_organization(club).order_by("id")[: min(n, MOST)]
    rows = Delivery.objects.bulk_create(
        Delivery(message=message, contact=person, address=person.email, language=person.language) for person in people
    )
    ids = [row.pk for row in rows]
    connections.close_all()
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(PROCESSES + 1)
    parts = [ids[i::PROCESSES] for i in range(PROCESSES)]
    processes = [context.Process(target=_loop, args=(part, port, barrier), daemon=True) for part in parts]
    try:
        for process in processes:
            process.start()
        barrier.wait(60)
        begun = time.monotonic()
        for process in processes:
            process.join()
        seconds = time.monotonic() - begun
    finally:
        for process in processes:
            process.kill()
            process.join()
    sent = Delivery.objects.filter(message=message, status=Delivery.Status.SENT).count()
    if sent != len(ids):
        raise CommandError(f"The plain loop sent {sent:,} of {len(ids):,} messages.")
    return sent / seconds


def _loop(ids: list[int], port: int, barrier: Barrier) -> None:
    templates = {
        language: {name: Template(words) for name, words in texts.items()}
        for language, texts in content.translations().items()
    }
    rows = list(Delivery.objects.filter(pk__in=ids).select_related("contact").order_by("id"))
    smtp = get_connection("django.core.mail.backends.smtp.EmailBackend", host=HOST, port=port, use_tls=False)
    smtp.open()
    barrier.wait(60)
    for row in rows:
        _mail(row, templates[row.language], smtp).send()
        row.status, row.sent_at, row.attempts = Delivery.Status.SENT, timezone.now(), 1
        row.save()
    smtp.close()


def _mail(row: Delivery, templates: dict[str, Template], smtp: Any) -> EmailMultiAlternatives:
    contact = row.contact
    assert contact is not None
    url = links.unsubscribe_url(links.delivery_token(row.pk))
    first_name = contact.full_name.partition(" ")[0]
    values = {**contact.attributes, "name": contact.full_name, "first_name": first_name}
    context = Context({"contact": values, "unsubscribe_url": url})
    mail = EmailMultiAlternatives(
        templates["subject"].render(context),
        templates["text"].render(context),
        "Swimming Club <news@club.example>",
        [row.address],
        headers={"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
        connection=smtp,
    )
    mail.attach_alternative(templates["html"].render(context), "text/html")
    return mail
