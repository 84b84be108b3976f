"""The API of Invent's broadcasts, below /orgs/: segments, and one template per connection (a channel)."""
