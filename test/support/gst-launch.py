#!/usr/bin/env python3
"""gst-launch-1.0 for tests: runs the pipeline of its arguments. Debian's program is in a package that nothing else needs."""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

Gst.init(None)
pipeline = Gst.parse_launchv([argument for argument in sys.argv[1:] if argument != "-q"])
loop = GLib.MainLoop()
bus = pipeline.get_bus()
bus.add_signal_watch()


def fail(_bus, message):
    print(message.parse_error()[0], file=sys.stderr)
    loop.quit()


bus.connect("message::error", fail)
bus.connect("message::eos", lambda _bus, _message: loop.quit())
pipeline.set_state(Gst.State.PLAYING)
loop.run()
pipeline.set_state(Gst.State.NULL)
sys.exit(1)
