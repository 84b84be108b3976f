from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from broadcasts.apis import nowhere

from .activities import Activities, Attendances
from .attributes import Attributes
from .broadcasts import Broadcasts
from .channels import Channels
from .consents import Consents
from .contacts import Contacts
from .deliveries import Deliveries
from .imports import Imports
from .inbound import InboundReplies
from .languages import Languages
from .layouts import Layouts
from .mailboxes import Mailboxes
from .media import MediaFiles
from .merge_fields import MergeFields
from .organization import OwnOrganization
from .period_stats import PeriodStats
from .rendering import Render
from .segments import Segments
from .sending_domains import SendingDomains
from .sms import SmsCount
from .subscriptions import Subscriptions
from .suppressions import Suppressions
from .templates import Templates

router = SimpleRouter()
router.register("broadcast-messages", Broadcasts, "broadcast-message")
router.register("contacts", Contacts, "contact")
router.register("attributes", Attributes, "attribute")
router.register("segments", Segments, "segment")
router.register("activities", Activities, "activity")
router.register("attendances", Attendances, "attendance")
router.register("templates", Templates, "template")
router.register("layouts", Layouts, "layout")
router.register("channels", Channels, "channel")
router.register("mailboxes", Mailboxes, "mailbox")
router.register("sending-domains", SendingDomains, "sending-domain")
router.register("media", MediaFiles, "media")
router.register("deliveries", Deliveries, "delivery")
router.register("inbound", InboundReplies, "inbound")
router.register("consents", Consents, "consent")
router.register("suppressions", Suppressions, "suppression")
router.register("subscriptions", Subscriptions, "subscription")
router.register("imports", Imports, "import")

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(template_name="api/docs.html"), name="docs"),
    path("stats/", PeriodStats.as_view({"get": "retrieve"}), name="stats"),
    path("render/", Render.as_view(), name="render"),
    path("sms/count/", SmsCount.as_view(), name="sms-count"),
    path("languages/", Languages.as_view(), name="languages"),
    path("merge-fields/", MergeFields.as_view(), name="merge-fields"),
    path("organization/", OwnOrganization.as_view(), name="organization"),
    path("contacts/import/", Imports.as_view({"post": "contacts"}), name="contact-import"),
    path("attendances/import/", Imports.as_view({"post": "attendances"}), name="attendance-import"),
    path("suppressions/import/", Imports.as_view({"post": "suppressions"}), name="suppression-import"),
    *router.urls,
    re_path(r"^(?:.*/)?$", nowhere),
]
