"""What should be looked at before a broadcast is sent: lines that are fine, warn, or stop it."""
