"""Personal links by mail: to confirm a consent (double opt-in), or to prove who requests personal data.

`requests` creates and opens the links, `mail` sends them, `texts` has the texts of the mails.
"""

from .mail import enqueue_waiting, mail_link
from .requests import ask, ask_for_data, confirm, opened, why_not

__all__ = ["ask", "ask_for_data", "confirm", "enqueue_waiting", "mail_link", "opened", "why_not"]
