# GStreamer as a publisher: sends the tracks of an FLV file to an RTMP server through rtmp2sink, as fast as it is taken.
# `rtmp2sink.py FILE URL`. Exit code 1 on an error or a warning of the pipeline.

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

DEADLINE_SECONDS = 30

Gst.init(None)
path, url = sys.argv[1:3]
pipeline = Gst.parse_launch(
    "filesrc name=source ! flvdemux name=demux  flvmux name=mux streamable=true ! rtmp2sink name=sink sync=false "
    "demux.video ! queue ! mux.video  demux.audio ! queue ! mux.audio"
)
pipeline.get_by_name("source").set_property("location", path)
pipeline.get_by_name("sink").set_property("location", url)
pipeline.set_state(Gst.State.PLAYING)
kinds = Gst.MessageType.EOS | Gst.MessageType.ERROR | Gst.MessageType.WARNING
message = pipeline.get_bus().timed_pop_filtered(DEADLINE_SECONDS * Gst.SECOND, kinds)
pipeline.set_state(Gst.State.NULL)
if message is None:
    sys.exit(f"no end of stream within {DEADLINE_SECONDS} s")
if message.type == Gst.MessageType.ERROR:
    sys.exit(str(message.parse_error()))
if message.type == Gst.MessageType.WARNING:
    sys.exit(str(message.parse_warning()))
