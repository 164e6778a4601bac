"""What all rules over a whole site.toml look things up with."""

from __future__ import annotations

from agent.config.convert import Report, Table


def all_of(site: Table, key: str) -> list[Table]:
    """Every [[key]], right or wrong."""
    found = site.get(key)
    return found if isinstance(found, list) else []


def ids_of(site: Table, key: str) -> dict[str, Table]:
    """id -> [[key]], of those whose id is right."""
    return {table.get("id"): table for table in all_of(site, key) if table.get("id")}


def tell_unknown(report: Report, table: Table, key: str, kind: str, id_: str, known: dict[str, Table]) -> None:
    """There is no `kind` of that id; the nearest is named, or those there are."""
    near = report.words.nearest(id_, known)
    listed = report.words("known-ids", known=", ".join(list(known)[:10])) if known and not near else ""
    report.error(table, key, f"unknown-{kind}", nearest=near, known=listed)
