"""What the queue calls: ids in, one call of the domain each."""

from django.conf import settings
from django.db.models.functions import Now

from broadcasts import (
    accounts,
    checking,
    confirming,
    consenting,
    fetching,
    gauging,
    importing,
    indexing,
    inspecting,
    receiving,
    retention,
    sending,
    syncing,
    telling,
    tracking,
)
from broadcasts.models import Channel, Heartbeat
from broadcasts.queue import begin

# Called each second by a supervisor, and each minute by the queue's schedule.
ROUND = (
    sending.tick,
    importing.enqueue_waiting,
    confirming.enqueue_waiting,
    accounts.enqueue_waiting,
    receiving.enqueue_waiting,
    fetching.enqueue_waiting,
    tracking.enqueue_hits,
    telling.enqueue_waiting,
    gauging.act,
    inspecting.enqueue_waiting,
    consenting.lift_expired,
)


def start(broadcast_id: int) -> None:
    sending.expand(broadcast_id)


def pump(channel_id: int) -> None:
    sending.run_pump(channel_id)


def close(broadcast_id: int) -> None:
    sending.close(broadcast_id, seconds=20)


def notify(broadcast_id: int) -> None:
    sending.notify(broadcast_id)


def notify_channel(channel_id: int) -> None:
    gauging.notify(channel_id)


def notify_alerts(channel_id: int) -> None:
    sending.mail_alerts(channel_id)


def index_attributes() -> None:
    indexing.arrange()


def mail_link(link_id: int) -> None:
    confirming.mail_link(link_id)


def mail_invitation(invitation_id: int) -> None:
    accounts.mail_invitation(invitation_id)


def apply_calls(ticket: int = 0) -> None:
    begin("apply_calls", ticket)
    receiving.apply_due()


def read_mailbox(mailbox_id: int) -> None:
    fetching.read_mailbox(mailbox_id)


def judge_hits(ticket: int = 0) -> None:
    begin("judge_hits", ticket)
    tracking.judge_due()


def tell_events(ticket: int = 0) -> None:
    telling.tell()
    begin("tell_events", ticket)  # afterwards: a slow receiver must not take one worker after the other


def notify_subscription(subscription_id: int) -> None:
    telling.notify(subscription_id)


def send_answers(channel_id: int) -> None:
    receiving.send_answers(channel_id)


def sync_templates() -> None:
    syncing.enqueue_all()


def sync_channel(channel_id: int) -> None:
    syncing.sync(Channel.objects.select_related("organization").get(pk=channel_id))


def run_import(job_id: int) -> None:
    importing.run_import(job_id)


def tick() -> None:
    for step in ROUND:
        step()


def beat(name: str, enqueued_at: str) -> None:
    """Write the sign of life of this host in a cluster: that this runs proves the whole way through its queue."""
    Heartbeat.objects.update_or_create(
        name=name, host=settings.HOST_NAME, defaults={"enqueued_at": enqueued_at, "beaten_at": Now()}
    )


def check_links(ticket: int = 0) -> None:
    checking.ask_due(ticket)


def inspect_domains(ticket: int = 0) -> None:
    inspecting.inspect_due(ticket)


def prune() -> None:
    retention.prune()
