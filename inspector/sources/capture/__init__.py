"""Holds on to one camera: a process around a capture library, which may hang or crash in native code.

    source ── Order ──▶ stdin of the capture process
    its stdout ── Opened, CapturedImage + pixels, Missed, Waiting, Failed, Ended ──▶ source

After it Failed it takes another order. When its stdin ends it leaves the camera in good order, if it can; one that
hangs is killed by its source.
"""
