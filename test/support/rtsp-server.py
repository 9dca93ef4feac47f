#!/usr/bin/python3
"""An RTSP server for tests: plays files at live pace to every client from their start, over UDP or TCP, each under a path
of its own: /live, /live1 … Or, without a file, pictures and a tone without an end.

Usage: rtsp-server.py [--port PORT] [--address ADDRESS] [--die] [FILE[,VIDEO,SOUND]] … Codecs are h264 and aac where none
are given; files are MP4 or Matroska. With --die it ends when the first client asks it to play, as a server does that is
killed between SETUP and PLAY. Prints the port in use on a line of its own when it listens. What it needs of GStreamer is
listed in validators.ts.
"""

import argparse
import os
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PAYLOADERS = {
    "h264": "h264parse ! rtph264pay config-interval=-1",
    "h265": "h265parse ! rtph265pay config-interval=-1",
    "aac": "aacparse ! rtpmp4gpay",
    "opus": "opusparse ! rtpopuspay",
    "pcmu": "rtppcmupay",
}
# Test pictures and a tone, encoded live.
LIVE = (
    "( videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast"
    " key-int-max=25 bitrate=300 ! rtph264pay name=pay0 pt=96 config-interval=-1"
    " audiotestsrc is-live=true wave=sine ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! rtpmp4gpay name=pay1 pt=97 )"
)

arguments = argparse.ArgumentParser()
arguments.add_argument("--port", default="0")
arguments.add_argument("--address", default="127.0.0.1")
arguments.add_argument("--die", action="store_true")
arguments.add_argument("files", nargs="*")
given = arguments.parse_args()


def launch_of(file):
    path, video, sound = (file.split(",") + ["h264", "aac"])[:3]
    demuxer = "matroskademux" if path.endswith(".mkv") else "qtdemux"
    return (
        f'( filesrc location="{path}" ! {demuxer} name=d'
        f" d.video_0 ! queue ! {PAYLOADERS[video]} name=pay0 pt=96"
        f" d.audio_0 ! queue ! {PAYLOADERS[sound]} name=pay1 pt={0 if sound == 'pcmu' else 97} )"
    )


def on_client(_server, client):
    def die(*_arguments):
        os._exit(0)

    client.connect("pre-play-request", die)


Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address(given.address)
server.set_service(given.port)
if given.die:
    server.connect("client-connected", on_client)
for i, launch in enumerate([launch_of(file) for file in given.files] or [LIVE]):
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(launch)
    factory.set_shared(False)
    server.get_mount_points().add_factory(f"/live{i or ''}", factory)
if server.attach(None) == 0:
    sys.exit("rtsp-server.py: cannot listen")
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
