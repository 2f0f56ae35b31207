"""Owns which pictures of a video are whole. Pure, no I/O.

For lost or damaged data a decoder invents pixels, and so it does in every picture that refers to them. A picture is
decoded from its own packet and from pictures decoded before it. After a packet with a reported error, no picture is
whole until a key picture, which refers to none before it. Pictures come out in another order than they are decoded:
those that come out before that key picture may still refer to pictures before the error.
"""

#: Largest number of pictures that a decoder holds back: a picture that has not come out by then never will.
_HELD_BACK = 32


class Wholeness:
    """Follows the packets of one video, and the pictures that are decoded from them."""

    def __init__(self) -> None:
        self._packets = 0
        self._torn = False  # in the order of decoding
        self._key: int | None = None  # until this key picture has come out, no picture decoded after it is whole
        self._held_back: dict[int, bool] = {}  # by packet without a picture yet: whether the picture will be whole

    def decoded(self, key: bool, reported: bool) -> None:
        """Note the next packet in the decoder. `key`: it holds a key picture. `reported`: it had an error."""
        if key and (self._torn or self._key is not None):
            self._key = None if reported else self._packets
        self._torn = reported or (self._torn and not key)
        self._held_back[self._packets] = not self._torn
        self._packets += 1

    def came_out(self, packet: int, reported: bool, alone: bool) -> bool:
        """Return whether the picture of this packet, counted from 0, is whole.

        `reported`: an error was reported for the picture itself. `alone`: the picture refers to no other one. In a
        stream without such pictures, a key picture is one from which on the image is refreshed gradually.
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
        """Return how many damaged pictures were found since the last call to never come out; `ended`: no more come."""
        bound = self._packets if ended else self._packets - _HELD_BACK
        gone = [packet for packet in self._held_back if packet < bound]
        return sum(not self._held_back.pop(packet) for packet in gone)
