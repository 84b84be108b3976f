"""The screens of staff: stock Django admin, one file per group of models, and the pages of a broadcast."""

from . import (  # noqa: F401 -- importing them registers their admins
    activities,
    attributes,
    broadcasts,
    channels,
    consents,
    contacts,
    deliveries,
    event_subscriptions,
    events,
    imports,
    inbox,
    layouts,
    media,
    messages,
    operations,
    organizations,
    people,
    segments,
    templates,
    tokens,
)
