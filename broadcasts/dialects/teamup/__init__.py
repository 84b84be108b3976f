"""TeamUp's broadcast messages, customers and attendances, below /api/v2/: in JSON and XML, by plain text."""
