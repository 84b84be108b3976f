"""TeamUp's routes: with and without a trailing slash, and with the double slash that its page prints."""

from django.urls import re_path

from broadcasts.apis import nowhere
from broadcasts.dialects.schema import document, routes

from .messages import TeamUpMessages, TeamUpOneMessage, TeamUpSendMessage
from .people import TeamUpAttendances, TeamUpCustomers, TeamUpOneCustomer

VIEWS = {
    "communication/broadcast_messages": TeamUpMessages.as_view(),
    "communication/broadcast_messages/<str:id>": TeamUpOneMessage.as_view(),
    "communication/broadcast_messages/<str:id>/send": TeamUpSendMessage.as_view(),
    "customers": TeamUpCustomers.as_view(),
    "customers/<str:id>": TeamUpOneCustomer.as_view(),
    "attendances": TeamUpAttendances.as_view(),
}
OPERATIONS = [route for path, view in VIEWS.items() for route in routes(f"api/v2/{path}", view)]
urlpatterns = [
    document(
        "teamup",
        OPERATIONS,
        "/api/v2",
        "Broadcast messages in TeamUp's shape",
        "A message to customers whom a filter chooses; made as a draft and sent by a second call.",
    ),
    *OPERATIONS,
    *(route for path, view in VIEWS.items() for route in routes(f"api/v2//{path}", view)),
    re_path("^api/v2/(?:/|communication|customers|attendances)", nowhere),
]
