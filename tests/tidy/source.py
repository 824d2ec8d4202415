"""Source files as the rules see them: lines, code without comments and literals, includes, function lengths."""
import ast
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CPP_SUFFIXES = (".h", ".cc")
CODE_SUFFIXES = (*CPP_SUFFIXES, ".py", ".sh", ".capnp", ".cmake")
TOP_FOLDERS = ("common", "probe", "controller", "schemas", "deploy", "tests", ".ci")
INCLUDE = re.compile(r'^[ \t]*(#)[ \t]*include\s+([<"])([^">]+)[">]', re.MULTILINE)
TOKEN = re.compile(r"""
    (?P<comment> //[^\n]* | /\*.*?\*/ )
  | (?P<raw> R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)" )
  | (?P<text> "(?:\\.|[^"\\\n])*" )
  | (?P<char> (?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+' )
""", re.VERBOSE | re.DOTALL)
CONTAINER = re.compile(r"^(?:\[\[.*?\]\]\s*)?(?:inline\s+|typedef\s+|export\s+)*(?:namespace|class|struct|union|enum|extern)\b")
TEMPLATE = re.compile(r"^(?:template\s*<[^{}]*?>\s*(?:requires\s+[^{}]*?\s)?)+(?=\S)")


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    what: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}"


class Source:
    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        self.text = path.read_text(errors="replace")
        self.suffix = path.suffix

    @property
    def is_cpp(self):
        return self.suffix in CPP_SUFFIXES

    @property
    def group(self):
        return self.path.split("/")[0]

    @property
    def folder(self):
        """"controller/plan"; only "controller" for controller/main.cc."""
        return "/".join(self.path.split("/")[:-1][:2])

    @cached_property
    def lines(self):
        return self.text.splitlines()

    @cached_property
    def code(self):
        """The text with comments and literals blanked, line by line in place."""
        return TOKEN.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), self.text)

    def includes(self):
        """(line, header, whether it is quoted); comments do not count, and quoted names survive."""
        for match in INCLUDE.finditer(self.text):
            if self.code[match.start(1)] == "#":
                yield line_of(self.text, match.start(1)), match.group(3), match.group(2) == '"'

    def find(self, pattern):
        """Lines of code, without comments and literals, that match."""
        return [line_of(self.code, match.start()) for match in re.finditer(pattern, self.code)]


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def cpp_functions(code):
    """(first line, lines) of every block that is a function body outside other functions; `code` has no literals."""
    found, stack = [], []  # stack: (line, is a function, inside one)
    header_start = 0
    for match in re.finditer(r"[{};]", code):
        inside = bool(stack) and stack[-1][1]
        if match.group() == "{":
            header = TEMPLATE.sub("", without_directives(code[header_start:match.start()]).strip())
            is_container = not inside and is_container_header(header)
            stack.append((line_of(code, match.start()), not is_container, inside))
        elif match.group() == "}" and stack:
            line, is_function, nested = stack.pop()
            if is_function and not nested:
                found.append((line, line_of(code, match.start()) - line + 1))
        if not (stack and stack[-1][1]):
            header_start = match.end()
    return found


def is_container_header(header):
    """Namespaces, types and initialised tables. Nothing stands before the body of a constructor that ends its list
    of initialisers with a brace."""
    return bool(CONTAINER.match(header)) or header.endswith("=") or (header != "" and ")" not in header)


def without_directives(text):
    return re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def sources(root):
    result = [Source(root, path) for top in TOP_FOLDERS for path in sorted((root / top).rglob("*"))
              if path.is_file() and (path.suffix in CODE_SUFFIXES or path.name == "CMakeLists.txt")
              and "__pycache__" not in path.parts]
    top_cmake = root / "CMakeLists.txt"
    return result + ([Source(root, top_cmake)] if top_cmake.exists() else [])


def pure_folders(root):
    """Folders whose CMakeLists.txt declares a PURE library."""
    return {path.parent.relative_to(root).as_posix() for top in ("common", "probe", "controller")
            for path in Path(root / top).glob("*/CMakeLists.txt")
            if re.search(r"faultline_library\(\s*\S+\s+PURE\b", path.read_text())}
