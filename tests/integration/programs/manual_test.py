"""The man pages: clean for the programs that set them, and holding what they must."""
import os
import re
import shutil
import subprocess
import sys

SECTIONS = ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "FILES", "EXAMPLES", "SEE ALSO")
TERMS = {
    "faultline": ("COMMANDS", "ENVIRONMENT", "EXIT CODES", "--api", "FAULTLINE_API", "faultline node token create",
                  "--lifetime", "table|json", "faultline localize --explain"),
    "faultline-controller": ("COMMANDS", "EXIT STATUS", "PORTS", "SIGNALS", "7400/tcp", "SIGTERM", "faultline-controller backup",
                             "faultline-controller restore", "--force", "/var/lib/faultline/controller"),
    "faultline-probe": ("EXIT STATUS", "PORTS", "PRIVILEGES", "862/udp", "CAP_NET_BIND_SERVICE", "--health", "--wait"),
}


def output_of(*command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def page_of(program):
    done = output_of(program, "--print-manual")
    assert done.returncode == 0 and done.stderr == "", (program, done.returncode, done.stderr)
    return done.stdout


def setters():
    """(name, command): each reads a page on stdin and must say nothing on stderr (mandoc: on stdout either)."""
    found = []
    if shutil.which("groff"):
        found.append(("groff", ["groff", "-man", "-ww", "-Tutf8", "-z"]))
    if shutil.which("man"):
        found.append(("man", ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", "-"]))
    if shutil.which("mandoc"):
        found.append(("mandoc", ["mandoc", "-Tlint", "-Wwarning"]))
    return found


def rendered(page):
    """The page as a reader sees it, on one line: words may be broken over lines only at blanks."""
    done = output_of("groff", "-man", "-Tascii", "-rLL=1000n", "-P-cbou", text=page)
    return re.sub(r"[ \n]+", " ", done.stdout)


def check_page(program, page):
    name = os.path.basename(program)
    headings = re.findall(r"^\.SH (.*)$", page, re.MULTILINE)
    for section in SECTIONS:
        assert section in headings, (name, section, headings)
    text = rendered(page)
    for term in TERMS[name]:
        assert term in text, (name, term)
    assert "print-manual" not in text, "the hidden flag is shown"
    help_text = output_of(program, "--help").stdout
    assert "print-manual" not in help_text
    # Every option of --help is on the page, and the other way round.
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", help_text)):
        assert option in text, f"{name}: {option} is in --help and not on the page"


def main():
    programs = sys.argv[1:]
    tools = setters()
    if not any(name == "groff" for name, _ in tools):
        print("SKIPPED: groff is not installed")
        return
    for program in programs:
        page = page_of(program)
        for name, command in tools:
            done = output_of(*command, text=page)
            said = done.stderr + (done.stdout if name == "mandoc" else "")
            assert done.returncode == 0 and said == "", f"{name} on {program}'s page: {said}"
        check_page(program, page)
        assert page_of(program) == page, "a page must not change by itself"
    print(f"{len(programs)} pages, each clean for {', '.join(name for name, _ in tools)}")


main()
