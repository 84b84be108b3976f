"""Domains and what their DNS says."""
