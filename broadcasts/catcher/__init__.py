"""The demo's catcher: it receives what channels send, and shows it on a page.

It speaks SMTP (`smtp`) and, over HTTP, WhatsApp's Cloud API (`cloud`), an SMS gateway (`gateway`) and a webhook
receiver (`hook`). What it receives is kept in a `store` and shown by `page` and `item_page`. Buttons there make it call
back as the provider would (`callbacks`). `handler` is the HTTP server, `server` runs everything.

This is a development tool: it accepts any login unless the demo names one, encrypts nothing, and may lose the last
COMMIT_EVERY seconds when it is killed.
"""

from .callbacks import GatewayAccount, WhatsAppAccount
from .server import Catcher, PortTaken
from .smtp import LARGEST
from .store import PER_PAGE, Sort, Store

__all__ = ["LARGEST", "PER_PAGE", "Catcher", "GatewayAccount", "PortTaken", "Sort", "Store", "WhatsAppAccount"]
