"""Owns which pictures of a video are whole: what a decoder makes of lost or damaged data is invented, and so is what
refers to it. Pure, no I/O.

A picture of a video is made of its own packet and of pictures decoded before it. From a packet of which something is
reported, nothing is whole until a key picture is, which refers to none before it. Pictures come out in another order
than they are decoded in: those that come out before that key picture may still refer to what was before it.
"""

#: A decoder holds back no more pictures than that: one that has not come out by then never will.
_HELD_BACK = 32


class Wholeness:
    """Follows the packets of one video, and the pictures that come of them."""

    def __init__(self) -> None:
        self._packets = 0
        self._torn = False  # in the order of decoding
        self._key: int | None = None  # until this key picture has come out, what was decoded after it is not whole
        self._held_back: dict[int, bool] = {}  # packets without a picture yet: whether it will be whole

    def decoded(self, key: bool, reported: bool) -> None:
        """The next packet went into the decoder: whether it is of a key picture, and something was reported of it."""
        if key and (self._torn or self._key is not None):
            self._key = None if reported else self._packets
        self._torn = reported or (self._torn and not key)
        self._held_back[self._packets] = not self._torn
        self._packets += 1

    def came_out(self, packet: int, reported: bool, alone: bool) -> bool:
        """Return whether the picture of this packet, counted from 0, is whole.

        `reported`: something is, of the picture itself. `alone`: it refers to no other; a stream that never shows such
        a one calls pictures key from which on it becomes whole little by little.
        """
        whole = self._held_back.pop(packet, not self._torn)
        if reported or (packet == self._key and not alone):
            self._torn, self._key = True, None
            self._held_back = dict.fromkeys(self._held_back, False)
            return False
        if self._key is not None and packet > self._key:
            return False
        if packet == self._key:
            self._key = None
        return whole

    def lost(self, ended: bool = False) -> int:
        """Return how many pictures that are not whole never came out since the last call; `ended`: no more come."""
        bound = self._packets if ended else self._packets - _HELD_BACK
        gone = [packet for packet in self._held_back if packet < bound]
        return sum(not self._held_back.pop(packet) for packet in gone)
