# The buffers that GStreamer's qtdemux makes of an MP4 file, as JSON: for each pad the caps' name, and of each buffer
# its running time (edit lists applied) and decoding time in nanoseconds, its size and whether it is a key frame. Used
# by qtdemux.ts. Exit code 1 on an error or a warning of the pipeline.

import json
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

DEADLINE_SECONDS = 30


def signed(result):
    """Segment.to_running_time_full() answers a sign and an amount."""
    sign, amount = result
    return sign * amount if sign != 0 else None


def watch(pad, found):
    """Notes every buffer of a pad, in the time of the segment that it belongs to."""
    track = {"caps": None, "buffers": []}
    found.append(track)
    state = {}

    def on_data(_pad, info):
        if info.type & Gst.PadProbeType.EVENT_DOWNSTREAM:
            event = info.get_event()
            if event.type == Gst.EventType.SEGMENT:
                state["segment"] = event.parse_segment().copy()
            elif event.type == Gst.EventType.CAPS:
                track["caps"] = event.parse_caps().get_structure(0).get_name()
        else:
            buffer = info.get_buffer()
            segment = state["segment"]
            running = lambda time: signed(segment.to_running_time_full(Gst.Format.TIME, time)) if time != Gst.CLOCK_TIME_NONE else None  # noqa: E731
            track["buffers"].append(
                {
                    "ptsNs": running(buffer.pts),
                    "dtsNs": running(buffer.dts),
                    "sizeBytes": buffer.get_size(),
                    "isKey": not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT),
                }
            )
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.BUFFER | Gst.PadProbeType.EVENT_DOWNSTREAM, on_data)


def main(path):
    Gst.init(None)
    pipeline = Gst.Pipeline.new()
    source = Gst.ElementFactory.make("filesrc")
    source.set_property("location", path)
    demuxer = Gst.ElementFactory.make("qtdemux")
    found = []

    def on_pad(_demuxer, pad):
        watch(pad, found)
        sink = Gst.ElementFactory.make("fakesink")
        sink.set_property("sync", False)
        sink.set_property("async", False)
        pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    demuxer.connect("pad-added", on_pad)
    pipeline.add(source)
    pipeline.add(demuxer)
    source.link(demuxer)
    pipeline.set_state(Gst.State.PLAYING)
    wanted = Gst.MessageType.EOS | Gst.MessageType.ERROR | Gst.MessageType.WARNING
    message = pipeline.get_bus().timed_pop_filtered(DEADLINE_SECONDS * Gst.SECOND, wanted)
    pipeline.set_state(Gst.State.NULL)
    if message is None:
        sys.exit("no end of stream")
    if message.type == Gst.MessageType.ERROR:
        sys.exit(str(message.parse_error()))
    if message.type == Gst.MessageType.WARNING:
        sys.exit(str(message.parse_warning()))
    json.dump(found, sys.stdout)


main(sys.argv[1])
