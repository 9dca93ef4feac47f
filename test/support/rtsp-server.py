#!/usr/bin/python3
"""An RTSP server for tests: plays an MP4 file (H.264 and AAC) at live pace to every client from its start, over UDP or TCP.

Usage: rtsp-server.py FILE [PORT [loop]]. Prints the port in use on a line of its own when it listens. What it
needs of GStreamer is listed in validators.ts.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
path = sys.argv[1]
port = sys.argv[2] if len(sys.argv) > 2 else "0"
is_looped = len(sys.argv) > 3 and sys.argv[3] == "loop"

if is_looped:
    # Without an end: test pictures and a tone, encoded live.
    launch = (
        "( videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast"
        " key-int-max=25 bitrate=300 ! rtph264pay name=pay0 pt=96 config-interval=-1"
        " audiotestsrc is-live=true wave=sine ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! rtpmp4gpay name=pay1 pt=97 )"
    )
else:
    launch = (
        f'( filesrc location="{path}" ! qtdemux name=d'
        " d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1"
        " d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )"
    )

server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(launch)
factory.set_shared(False)
server.get_mount_points().add_factory("/live", factory)
if server.attach(None) == 0:
    sys.exit("rtsp-server.py: cannot listen")
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
