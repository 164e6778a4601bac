"""JSON Schema of site.toml, from the model: for editors, and for whoever writes site files by program."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.config.model import SiteConfig


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12. It knows each key and its limits, not how keys fit together: `standpipe check` does."""
    made = msgspec.json.schema(SiteConfig)
    for table in ("Point", "Relay"):  # the struct holds text, the file may have a number
        made["$defs"][table]["properties"]["pin"]["type"] = ["string", "integer"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "standpipe site.toml", **made}
