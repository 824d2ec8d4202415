#!/usr/bin/env -S python3 -B
"""Prints what failed tests said last, from ctest's JUnit file: a log of thousands of lines is read from its end."""
import sys
import xml.etree.ElementTree as xml

LINES_MAX = 40


def failures(path):
    for case in xml.parse(path).getroot().iter("testcase"):
        if case.get("status") == "fail":
            yield case.get("name"), case.findtext("system-out") or ""


def main():
    for name, said in failures(sys.argv[1]):
        print(f"\n== {name} failed; it said last:")
        print("\n".join(said.rstrip().splitlines()[-LINES_MAX:]))


if __name__ == "__main__":
    main()
