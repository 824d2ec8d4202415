"""Numbered steps and waits that say what they wait for, on a terminal and in a log."""
import os
import sys
import time

POLL_SECONDS = 0.5
LOG_SECONDS = 10  # between two progress lines when the output is no terminal


class WaitTimeout(Exception):
    """What was waited for did not happen; its text says what and where it stood."""


class Progress:
    def __init__(self, steps_total, step=0, stream=sys.stdout):
        self._total, self._step, self._stream = steps_total, step, stream
        self._live = stream.isatty()
        self._colors = self._live and "NO_COLOR" not in os.environ

    def step(self, text):
        self._step += 1
        self.say("")
        self.say(self._paint("1", f"[{self._step}/{self._total}] {text}"))

    def say(self, text):
        print(text, file=self._stream, flush=True)

    def good(self, text):
        self.say(self._paint("32", text))

    def bad(self, text):
        self.say(self._paint("31", text))

    def block(self, text):
        for line in text.rstrip("\n").split("\n"):
            self.say(f"    {line}")

    def wait(self, what, look, seconds_max):
        """Calls look() -> (done, where it stands) until done. Returns the seconds it took."""
        began = shown = time.monotonic()
        self.say(f"  waiting for {what} (at most {seconds_max:.0f} s)")
        while True:
            done, state = look()
            took = time.monotonic() - began
            if self._live:
                print(f"\r\033[K  {took:5.0f} s  {state}", end="", file=self._stream, flush=True)
            elif done or time.monotonic() - shown >= LOG_SECONDS:
                shown = time.monotonic()
                self.say(f"  {took:5.0f} s  {state}")
            if done or took > seconds_max:
                if self._live:
                    self.say("")
                if done:
                    return took
                raise WaitTimeout(f"waited {took:.0f} s in vain for {what}; last seen: {state}")
            time.sleep(POLL_SECONDS)

    def _paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self._colors else text
