#!/usr/bin/env -S python3 -B
"""Checks the repository against the rules of style that a machine can check: tidy.py [ROOT]."""
import sys
from functools import cached_property
from pathlib import Path

import rules
import source


class Tree:
    def __init__(self, root):
        self.root = Path(root)
        self.sources = source.sources(self.root)
        self.pure = source.pure_folders(self.root)

    @cached_property
    def cpp(self):
        return [s for s in self.sources if s.is_cpp]


def check(root):
    tree = Tree(root)
    return [finding for rule in rules.RULES for finding in rule(tree)]


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    findings = check(root)
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings" if findings else "tidy: nothing found")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
