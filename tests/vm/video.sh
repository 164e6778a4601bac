#!/bin/sh
# sh tests/vm/video.sh - a camera of a real kernel (vivid, V4L2): read, encoded, recorded, unplugged and plugged in again; and
# the real Picamera2 on libcamera's virtual camera, read and masked.
# Wants a virtual board, as gpio.sh does, with /dev/video0 from vivid. Slow: the processor that encodes is an emulated one.
# A clean clone of HEAD goes in, nothing else of ours; tests/vm/csi.py and video.py run inside and say what they saw.
set -eu
CHECKOUT=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=provisioning/lib/setup.sh
. "$CHECKOUT/provisioning/lib/setup.sh"
# shellcheck source=tests/vm/lib.sh
. "$CHECKOUT/tests/vm/lib.sh"
INSIDE=/opt/standpipe-video
NEEDS="av cryptography msgspec inotify-simple numpy opencv-python-headless tzdata"

find_rig put
work_folder video

seen() { "$rig/sh" "cd $INSIDE/src && ../venv/bin/python tests/vm/video.py $INSIDE/data"; }
ribbon() { "$rig/sh" "cd $INSIDE/src && ../venv/bin/python tests/vm/csi.py"; }

cd "$CHECKOUT"
find_python
need_packages python3-venv
make_venv dev
timed "virtual board" boot
timed "packed" pack
timed "installed inside" install_inside
timed "the real Picamera2" ribbon
timed "a camera of the kernel's" seen
say "all passed"
