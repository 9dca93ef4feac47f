#!/usr/bin/python3
"""GStreamer as a recorder of cameras: reads `URL<tab>FILE` lines from its input and records each RTSP source (H.264 and
AAC, over TCP) into a fragmented MP4, all in this process. Usage: gstreamer.py [--version]
"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

Gst.init(None)
ELEMENTS = ["rtspsrc", "rtph264depay", "h264parse", "rtpmp4gdepay", "aacparse", "mp4mux", "filesink"]
if "--version" in sys.argv:
    missing = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
    print(Gst.version_string() if not missing else f"no {missing}")
    sys.exit(1 if missing else 0)

loop = GLib.MainLoop()
pipelines = []
running = 0


def ended(pipeline, reason):
    global running
    if reason is not None:
        print(reason, file=sys.stderr)
    pipeline.set_state(Gst.State.NULL)
    running -= 1
    if running == 0:
        loop.quit()


for line in sys.stdin:
    url, path = line.rstrip("\n").split("\t")
    pipeline = Gst.parse_launch(
        f'rtspsrc location="{url}" protocols=tcp name=s mp4mux name=m fragment-duration=1000 ! filesink location="{path}"'
        " s. ! application/x-rtp,media=video ! rtph264depay ! h264parse ! queue ! m."
        " s. ! application/x-rtp,media=audio ! rtpmp4gdepay ! aacparse ! queue ! m."
    )
    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message::error", lambda _bus, message, one=pipeline: ended(one, message.parse_error()[0].message))
    bus.connect("message::eos", lambda _bus, _message, one=pipeline: ended(one, None))
    pipelines.append(pipeline)
    running += 1
for pipeline in pipelines:
    pipeline.set_state(Gst.State.PLAYING)
if running > 0:
    loop.run()
