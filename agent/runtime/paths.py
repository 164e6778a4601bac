"""Where everything of one board lies, from three folders: --site FILE, --data DIR, --run DIR."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SITE = Path("/etc/standpipe/site.toml")
DATA = Path("/var/lib/standpipe")
RUN = Path("/run/standpipe")


@dataclass(frozen=True)
class Paths:
    """site: the technician's file. data: survives power cuts. run: tmpfs, survives a process but not a boot."""

    site: Path = SITE
    data: Path = DATA
    run: Path = RUN

    @property
    def secrets(self) -> Path:
        """0600 file with users and passwords, by camera id and `uplink`; beside site.toml."""
        return self.site.with_name("secrets.toml")

    @property
    def journal(self) -> Path:
        return self.data / "journal.db"

    @property
    def media(self) -> Path:
        return self.data / "media.db"

    @property
    def footage(self) -> Path:
        """footage/CAMERA/... segments."""
        return self.data / "footage"

    @property
    def pictures(self) -> Path:
        """pictures/CAMERA/: the reference picture, and what is usual for the camera."""
        return self.data / "pictures"

    def newest(self, camera: str) -> Path:
        """The newest picture of a camera, small, at most some seconds old while it is looked at."""
        return self.run / "pictures" / f"{camera}.jpg"

    @property
    def clips(self) -> Path:
        return self.data / "clips"

    def cursor(self, name: str) -> Path:
        """A reader's own cursor file."""
        return self.data / f"cursor-{name}.db"

    def counters(self, name: str) -> Path:
        """Counters of signed commands that a process has carried out."""
        return self.data / f"counters-{name}.json"

    @property
    def bell(self) -> Path:
        return self.run / "bell"

    @property
    def ring(self) -> Path:
        """The panel's mmap ring: decisions and latches noted before they are acted on."""
        return self.run / "ring"

    @property
    def install_asked(self) -> Path:
        """Made when a new site file has come as a command: whoever looks after the processes starts the installer."""
        return self.run / "install-asked"

    @property
    def restart_asked(self) -> Path:
        """Made when `standpipe up` is to start everything anew."""
        return self.run / "restart-asked"

    def status(self, process: str) -> Path:
        """A process's own view of itself, rewritten every few seconds, for `standpipe status`."""
        return self.run / f"status-{process}.json"
