"""The simulated cameras of a board: live streams on loopback ports."""

from __future__ import annotations

from collections.abc import Mapping

from hw.ports import HardwareError
from hw.simulator.hands import SimCamera


def open_cameras(ports: Mapping[str, int]) -> dict[str, SimCamera]:
    """camera id -> a stream that is served on 127.0.0.1:port. HardwareError if one cannot be.

    PyAV is loaded only if there is a camera: without, the simulator stays small.
    """
    opened: dict[str, SimCamera] = {}
    if not ports:
        return opened
    from hw.cameras.serve import StreamServer

    try:
        for camera, port in ports.items():
            server = StreamServer(port, label=camera)
            opened[camera] = server
            server.start()
    except HardwareError as error:
        for one in opened.values():
            one.close()
        raise HardwareError(f"simulated camera {camera}, port {port}: {error}") from error
    return opened
