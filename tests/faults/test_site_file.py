"""A site.toml that is cut off while the site runs: whoever restarts goes on with the last good one, and says so."""

from __future__ import annotations

from pathlib import Path

from sp_site import SITE, Site, until

from agent.config.kept import NAME


def test_a_truncated_site_file_stops_nothing(tmp_path: Path) -> None:
    with Site(tmp_path / "s") as site:
        site.start_board()
        site.start_panel()
        until(lambda: (site.paths.data / NAME).exists(), "the panel keeps a copy of the file it started with")
        site.paths.site.write_text(SITE[:400], encoding="utf-8")
        site.kill("panel")
        head = site.head()
        site.start_panel(joined=False)
        raised = site.wait_row("trouble.raised", "panel", after=head).values()
        assert raised["what"] == "site-file"
        assert str(site.paths.site) in str(raised["detail"])
        site.driver.contact("demand", True)
        site.driver.wait_relay("siren", True)
        site.paths.site.write_text(SITE, encoding="utf-8")
        site.kill("panel")
        site.start_panel(joined=False)
        site.wait_row("alarm.restored", "trouble.raised:panel:site-file", after=head)
        assert site.driver.relay("siren")["energised"]
