"""Ask people by mail, at their own address: to confirm a yes, or that it is they who ask for their data.

`requests` writes down what is to be mailed and opens what was, `mail` mails it, in the words of `texts`.
"""

from .mail import enqueue_waiting, mail_link
from .requests import ask, ask_for_data, confirm, opened, why_not

__all__ = ["ask", "ask_for_data", "confirm", "enqueue_waiting", "mail_link", "opened", "why_not"]
