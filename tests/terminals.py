# SPDX-License-Identifier: Apache-2.0
"""A terminal for a test to look at, and the line of progress on it."""
import fcntl
import os
import re
import struct
import termios
import threading

import harness

SIZE = r"\d+(\.\d)? (B|[kMGTPE]B)"
LEFT = r"(\d+:)?\d?\d:\d\d left|-:-- left"
BAR = r"\[=*>? *\]"
WHOLE = re.compile(rf" *\d+% {BAR}  {SIZE} of {SIZE}  {SIZE}/s  ({LEFT})")
SHORT = re.compile(rf" *\d+%( {BAR})?  {SIZE}/s  ({LEFT})")
TINY = re.compile(rf" *\d+%( {BAR})?")


class Terminal:
    """A pseudo-terminal, and all that was written to it."""

    def __init__(self, columns):
        self.master, self.slave = os.openpty()
        self.resize(columns)
        self.text = b""
        self.seen = threading.Condition()
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def resize(self, columns):
        """Make it so wide."""
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def read(self):
        """Take what comes until nobody can write any more."""
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # the last writer has closed it
                return
            with self.seen:
                self.text += data
                self.seen.notify_all()

    def wait_for(self, size):
        """Wait until so many bytes have come."""
        with self.seen:
            assert self.seen.wait_for(lambda: len(self.text) >= size, 60)

    def close(self):
        """Everybody else has closed it; returns the text."""
        os.close(self.slave)
        self.thread.join()
        os.close(self.master)
        harness.check_words(self.text.decode())
        return self.text.decode()


def lines(text):
    """What was shown, one state of the line after another; the last is none."""
    assert not set(text) & set(map(chr, range(32))) - {"\r", "\n"}, "control characters"
    parts = text.split("\r")
    assert parts[0] == "" and parts[-1] == ""
    return parts[1:-1]
