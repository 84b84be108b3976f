"""Other products' APIs over the same core: each dialect translates requests and responses, and decides nothing else.

A dialect is a package: `urls` (its routes and its OpenAPI document), `errors` (its error format, which `apis.DIALECTS`
names by URL prefix), and its views. Its rows are written by `drafting`, `sending` and the native API's serializers.
"""
