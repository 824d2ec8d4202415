"""The rules of style that a machine can check. Each takes the tree and yields findings that say what to do."""
import re

import layers
from source import Finding, cpp_functions, line_of, python_functions

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
FOLDERS_WITH_LIBRARIES = ("common", "probe", "controller")

IMPURE_HEADERS = re.compile(
    r"^(?:fstream|iostream|filesystem|thread|mutex|shared_mutex|condition_variable|future|semaphore|"
    r"latch|barrier|stop_token|unistd\.h|fcntl\.h|poll\.h|netdb\.h|ctime|time\.h|sys/.*|linux/.*|net/.*|"
    r"spdlog/.*|zmq.*|rocksdb/.*|curl/.*|boost/(?:asio|beast)[/.].*)$")
IMPURE_CODE = re.compile(
    r"\b(?:now\s*\(\s*\)|system_clock\b|steady_clock\b|high_resolution_clock\b|random_device\b|std::j?thread\b|getenv\b|"
    r"fopen\b|v?f?printf\b|f?puts\b|std::c(?:out|err|log|in)\b)")
# A failed check must say why on stderr before it aborts.
IMPURE_BY_PURPOSE = ("common/base/check.cc",)
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")


def include_direction(tree):
    for source in tree.cpp:
        for line, header, quoted in source.includes():
            if not quoted or header.count("/") < 1:
                continue
            if why := layers.objection(source.folder, header, tree.pure):
                yield Finding(source.path, line, f"includes {header}: {why}")


def pure_is_pure(tree):
    for source in tree.cpp:
        if source.folder not in tree.pure or source.path in IMPURE_BY_PURPOSE:
            continue
        for line, header, quoted in source.includes():
            if not quoted and IMPURE_HEADERS.match(header):
                yield Finding(source.path, line, f"<{header}> in the PURE library {source.folder}; move I/O, clocks, threads "
                                                 "and logging to the shell")
        for match in IMPURE_CODE.finditer(source.code):
            yield Finding(source.path, line_of(source.code, match.start()),
                          f"`{match.group()}` in the PURE library {source.folder}; make it an argument")


def no_detached(tree):
    for source in tree.cpp:
        for line in source.find(r"\bdetached\b"):
            yield Finding(source.path, line, "`detached` swallows exceptions; spawn through a TaskGroup")


def capnp_stays_in_wire(tree):
    for source in tree.cpp:
        for line, header, _ in source.includes():
            if header.endswith(".capnp.h") and source.folder != "common/wire" and source.group != "tests":
                yield Finding(source.path, line, "generated Cap'n Proto types stay in common/wire; use its codecs")


def asio_has_one_door(tree):
    for source in tree.cpp:
        for line, header, _ in source.includes():
            if re.match(r"boost/asio[./]", header) and source.path != "common/async/asio.h":
                yield Finding(source.path, line, 'include "common/async/asio.h" instead of Boost.Asio')


def zmq_fd_has_one_user(tree):
    for source in tree.cpp:
        for line in source.find(r"\bZMQ_FD\b|\bsockopt::fd\b"):
            if source.folder != "common/zmq" and source.group != "tests":
                yield Finding(source.path, line, "ZMQ_FD is edge-triggered; use common/zmq's ZmqSocket")


def unfinished_work_has_an_issue(tree):
    for source in tree.sources:
        if source.path.startswith("tests/tidy/"):
            continue
        for number, text in enumerate(source.lines, 1):
            if match := UNFINISHED.search(text):
                yield Finding(source.path, number, f"{match.group()} without an issue; finish it, or write {match.group()}(#12)")


def functions_fit_a_screen(tree):
    for source in tree.sources:
        functions = []
        if source.is_cpp:
            functions = cpp_functions(source.code)
        elif source.suffix == ".py":
            functions = python_functions(source.text)
        for line, length in functions:
            if length > FUNCTION_LINES_MAX:
                yield Finding(source.path, line, f"a function of {length} lines; split it below {FUNCTION_LINES_MAX}")


def files_fit_a_head(tree):
    for source in tree.sources:
        if len(source.lines) > FILE_LINES_MAX:
            yield Finding(source.path, len(source.lines), f"{len(source.lines)} lines; split it below {FILE_LINES_MAX}")


def folders_have_a_readme(tree):
    folders = {top for top in (*FOLDERS_WITH_LIBRARIES, "schemas", "deploy", "tests")}
    for top in (*FOLDERS_WITH_LIBRARIES, "deploy", "tests"):
        folders |= {source.folder for source in tree.sources if source.group == top and source.folder != top}
    for folder in sorted(folders):
        path = tree.root / folder
        if path.is_dir() and not (path / "README.md").exists():
            yield Finding(f"{folder}/README.md", 1, "is missing; say what the folder is, why it exists, what belongs there")


RULES = (include_direction, pure_is_pure, no_detached, capnp_stays_in_wire, asio_has_one_door, zmq_fd_has_one_user,
         unfinished_work_has_an_issue, functions_fit_a_screen, files_fit_a_head, folders_have_a_readme)
