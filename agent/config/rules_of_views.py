"""How the fields of a camera must fit together: zones and masks. As rules_of_site.py."""

from __future__ import annotations

from agent.config.convert import Report, Table
from agent.config.looking import all_of

ENCODED_HERE = ("testcard:", "csi:", "/dev/")  # of /dev/video only a look at the camera can tell


def zones(site: Table, report: Report) -> None:
    """Zones are told apart by their id, and serve motion."""
    for camera in all_of(site, "camera"):
        ids: set[str] = set()
        for zone in all_of(camera, "zone"):
            id_ = zone.get("id")
            if id_ in ids:
                report.error(zone, "id", "double-zone")
            elif id_:
                ids.add(id_)
        if ids and not camera.given("motion"):
            report.error(camera, "zone", "zone-without-motion")


def masks(site: Table, report: Report) -> None:
    """Who paints the masks can, and what it costs is said."""
    for camera in all_of(site, "camera"):
        by, source, health = camera.get("mask_by"), camera.get("source"), camera.get("health")
        if not all_of(camera, "mask"):
            if camera.given("mask_by"):
                report.error(camera, "mask_by", "mask-by-without-mask")
        elif by == "recorder" and source is not None and not source.startswith(ENCODED_HERE):
            report.error(camera, "mask_by", "mask-not-encoded")
        elif by == "re-encode":
            report.warn(camera, "mask_by", "mask-re-encode")
        elif by == "camera" and health is not None and health.get("watch") is False:
            report.error(camera, "mask_by", "mask-needs-watch")
