#!/usr/bin/env -S python3 -B
"""Each rule of tidy can fail, and a tidy tree passes them all."""
import tempfile
import unittest
from pathlib import Path

import source
import tidy

READMES = ["common", "common/base", "common/zmq", "probe", "probe/session", "controller", "controller/plan",
           "controller/fleet", "controller/store", "controller/cli", "schemas", "deploy", "tests", "tests/unit"]
TIDY = {f"{folder}/README.md": "What and why.\n" for folder in READMES} | {
    "common/base/CMakeLists.txt": "faultline_library(common_base PURE)\n",
    "common/base/result.h": "#pragma once\n#include <string>\n",
    "controller/plan/CMakeLists.txt": "faultline_library(controller_plan\n  PURE SRCS planner.cc)\n",
    "controller/plan/planner.cc": '#include "common/base/result.h"\n// detached, now() and a TO' + 'DO(#3) in a comment\n'
                                  'const char* kText = "detached";\n',
    "controller/store/store.cc": '#include "controller/plan/planner.h"\n#include <fstream>\nauto t = Clock::now();\n',
    "tests/unit/store_test.cc": '#include "controller/store/store.h"\n#include "tests/support/catch.h"\n',
}


def lines(count, before="", after=""):
    return before + "  step();\n" * count + after


class Rules(unittest.TestCase):
    def findings(self, **changes):
        with tempfile.TemporaryDirectory() as folder:
            for path, text in (TIDY | changes.pop("files", {})).items():
                if text is not None:
                    target = Path(folder) / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(text)
            return [str(finding) for finding in tidy.check(folder)]

    def expect(self, path, text, *, line, says):
        findings = self.findings(files={path: text})
        self.assertEqual(len(findings), 1, findings)
        self.assertTrue(findings[0].startswith(f"{path}:{line}: "), findings)
        self.assertIn(says, findings[0])

    def test_a_tidy_tree_passes(self):
        self.assertEqual(self.findings(), [])

    def test_probe_and_controller_never_meet(self):
        self.expect("probe/session/window.h", '#pragma once\n#include "controller/plan/planner.h"\n', line=2, says="never include")
        self.expect("controller/store/x.h", '#include "probe/session/window.h"\n', line=1, says="never include")

    def test_dependencies_point_down(self):
        self.expect("common/zmq/x.h", '#include "controller/store/store.h"\n', line=1, says="is below")
        self.expect("controller/store/x.h", '#include "controller/cli/x.h"\n', line=1, says="is above")
        self.expect("controller/store/x.h", '#include "tests/support/catch.h"\n', line=1, says="nothing uses tests/")

    def test_pure_leaves_do_not_know_each_other(self):
        fleet = {"controller/fleet/CMakeLists.txt": "faultline_library(controller_fleet PURE)\n",
                 "controller/fleet/fleet.h": '#include "controller/plan/planner.h"\n'}
        findings = self.findings(files=fleet)
        self.assertEqual(len(findings), 1, findings)
        self.assertIn("controller/fleet/fleet.h:1: ", findings[0])
        self.assertIn("never include each other", findings[0])

    def test_the_cli_is_thin(self):
        self.expect("controller/cli/main.cc", '#include "controller/store/store.h"\n', line=1, says="thin client")

    def test_a_folder_without_a_place_is_reported(self):
        findings = self.findings(files={"controller/magic/x.h": '#include "controller/plan/planner.h"\n',
                                        "controller/magic/README.md": "Why.\n"})
        self.assertEqual(len(findings), 1, findings)
        self.assertIn("no place", findings[0])

    def test_pure_means_no_io_no_clock_no_thread(self):
        path = "controller/plan/planner.cc"
        for text, says in (("#include <fstream>\n", "<fstream>"), ("#include <boost/asio/post.hpp>\n", "<boost/asio"),
                           ("auto t = std::chrono::steady_clock::time_point{};\n", "steady_clock"),
                           ("auto t = Clock::now();\n", "now()"), ("std::jthread t;\n", "jthread"),
                           ("auto e = std::getenv(name);\n", "getenv"), ("std::random_device device;\n", "random_device")):
            findings = self.findings(files={path: text})
            self.assertTrue(any(says in f and "PURE" in f for f in findings), (text, findings))

    def test_pure_uses_only_pure(self):
        self.expect("common/base/result.h", '#include "common/zmq/socket.h"\n', line=1, says="is PURE")

    def test_detached_is_refused(self):
        self.expect("controller/store/x.cc", "\nco_spawn(loop, run(), detached);\n", line=2, says="TaskGroup")

    def test_capnp_types_stay_in_wire(self):
        self.expect("controller/store/x.cc", '#include "schemas/control.capnp.h"\n', line=1, says="common/wire")

    def test_asio_comes_through_its_door(self):
        self.expect("controller/store/x.cc", "#include <boost/asio/io_context.hpp>\n", line=1, says="common/async/asio.h")

    def test_zmq_fd_has_one_user(self):
        self.expect("controller/store/x.cc", "getsockopt(socket, ZMQ_FD);\n", line=1, says="ZmqSocket")
        self.assertEqual(self.findings(files={"common/zmq/socket.cc": "getsockopt(socket, ZMQ_FD);\n"}), [])

    def test_unfinished_work_needs_an_issue(self):
        for path in ("controller/store/x.cc", "deploy/x.sh", "deploy/x.py"):
            self.expect(path, "\n# TO" + "DO: later\n", line=2, says="without an issue")

    def test_functions_fit_a_screen(self):
        for before in ("namespace a {\nvoid f(int x) {\n", "class A {\n  void f() const {\n",
                       "A::A(int x)\n  : x_{x} {\n", "template <class T>\nvoid f() {\n", 'TEST_CASE("x") {\n'):
            text = lines(80, before, "}\n" * before.count("{"))
            findings = self.findings(files={"controller/store/x.cc": text})
            self.assertEqual(len(findings), 1, (before, findings))
            self.assertIn("a function of", findings[0])
        self.expect("deploy/x.py", lines(80, "def f():\n").replace("();", "()"), line=1, says="a function of")

    def test_long_classes_and_tables_are_no_functions(self):
        for before in ("class A : public B {\n", "namespace a {\n", "constexpr int kTable[] = {\n", "constexpr Table kTable{\n", 'extern "C" {\n'):
            text = lines(80, before, "};\n")
            self.assertEqual(self.findings(files={"controller/store/x.cc": text}), [], before)

    def test_long_files_are_split(self):
        self.expect("controller/store/x.cc", "int x;\n" * 501, line=501, says="501 lines")

    def test_each_folder_says_why_it_exists(self):
        findings = self.findings(files={"controller/store/README.md": None})
        self.assertEqual(len(findings), 1, findings)
        self.assertIn("controller/store/README.md:1: is missing", findings[0])


class Blanking(unittest.TestCase):
    def code(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.cc"
            path.write_text(text)
            return source.Source(Path(folder), path).code

    def test_comments_and_literals_are_blank_and_lines_stay(self):
        text = 'a(); // b\n/* c\nd */ e("f\\"g"); h(\'{\'); i(1\'000); R"x({\n})x";\n'
        code = self.code(text)
        self.assertEqual(code.count("\n"), text.count("\n"))
        self.assertEqual(code.split(), "a(); e( ); h( ); i(1'000); ;".split())


if __name__ == "__main__":
    unittest.main()
