"""Whautomate's WhatsApp API, below /v1/: approved templates to segments, to a class, or to those of an earlier one."""
