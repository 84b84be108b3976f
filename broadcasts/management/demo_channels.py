"""The demo's channels: WhatsApp, SMS and mail, all to the catcher, which is told their secrets."""

import secrets

from django.core.files.base import ContentFile

from broadcasts import syncing
from broadcasts.catcher import Catcher, GatewayAccount, WhatsAppAccount
from broadcasts.models import Channel, Media, Organization

from . import demo_club

PHONE_ID, BUSINESS_ID = "1001", "2002"
PICTURE = "demo-pool.png"
NAMES = {"whatsapp": "Demo WhatsApp", "sms": "Demo SMS", "email": "Demo mail"}  # kinds, in the order of preference
WHATSAPP_RATE = 400  # messages/s: the catcher takes more than the 80 of the provider


def make(club: Organization, catcher: Catcher) -> list[Channel]:
    """Make the channels, or have those of an earlier run send to the catcher as it runs now; sync the templates."""
    channels = [
        whatsapp(channel(club, "whatsapp"), catcher),
        sms(channel(club, "sms"), catcher),
        mail(channel(club, "email"), catcher),
    ]
    syncing.sync(channels[0])
    return channels


def channel(club: Organization, kind: str) -> Channel:
    name = NAMES[kind]
    found = club.channels.filter(name=name).first() or Channel(organization=club, name=name)
    found.kind = kind
    found.is_default = not club.channels.filter(medium=kind, is_default=True).exclude(pk=found.pk).exists()
    found.backoff_until = None
    return found


def mail(channel: Channel, catcher: Catcher) -> Channel:
    channel.from_name, channel.from_address = channel.organization.name, "news@demo.example"
    channel.configure({"host": catcher.host, "port": catcher.smtp_port, "security": "none"})
    channel.save()
    return channel


def whatsapp(channel: Channel, catcher: Catcher) -> Channel:
    token, app_secret = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    channel.rate = WHATSAPP_RATE
    channel.configure(
        {
            "phone_number_id": PHONE_ID,
            "business_account_id": BUSINESS_ID,
            "access_token": token,
            "app_secret": app_secret,
            "verify_token": secrets.token_urlsafe(12),
            "api_url": f"{catcher.address}/cloud/v23.0",
        }
    )
    channel.save()
    account = WhatsAppAccount(PHONE_ID, BUSINESS_ID, channel.callback_url, app_secret, token)
    catcher.accounts.whatsapp[PHONE_ID] = account
    return channel


def sms(channel: Channel, catcher: Catcher) -> Channel:
    token = secrets.token_urlsafe(24)
    channel.from_address = "DemoClub"
    channel.configure(
        {
            "preset": "other",
            "base_url": f"{catcher.address}/sms",
            "secret_key": token,
            "price_per_segment": "0.05",
            "currency": "EUR",
        }
    )
    channel.save()
    catcher.accounts.sms = GatewayAccount(token)
    return channel


def picture(club: Organization) -> Media:
    """Return the picture of the WhatsApp message, uploaded by the first run."""
    found = club.media.filter(filename=PICTURE).first()
    return found or club.media.create(file=ContentFile(demo_club.picture(), PICTURE), filename=PICTURE)
