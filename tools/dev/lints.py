#!/usr/bin/env python3
"""Rules that need no compiler: words, tests, sizes, error codes, links, the top level, machine paths.

Prints each fault as file:line; exit status 1 if there is one. Looks at every file that git tracks or would."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOP = {"CMakeLists.txt", "README.md", "cluster", "docs", "lib", "node", "proto", "tests", "tools"}
FILE_LINES_MAX, FUNCTION_LINES_MAX, LINE_MAX = 500, 70, 96

LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE = re.compile(r"(?<![\w.])/(work|root|home)/\w")
SLEEP = re.compile(r"\b(sleep|usleep|nanosleep|thrd_sleep|nng_msleep)\s*\(")
COMMENTED = re.compile(r"^\s*(//|/?\*).*\b(ck_assert\w*|ASSERT)\s*\(.*\)\s*;")
EMPTY_TEST = re.compile(r"START_TEST\((\w+)\)\s*\{\s*\}")
ERROR = re.compile(r"X\((\w+),\s*(\d+),")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

faults = []


def fault(path, line, text):
    faults.append(f"{path}:{line}: {text}" if line else f"{path}: {text}")


def files():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], check=True,
                            capture_output=True, text=True).stdout.splitlines()
    return [pathlib.PurePosixPath(name) for name in sorted(set(listed)) if (ROOT / name).is_file()]


def text_of(path):
    try:
        return (ROOT / path).read_text()
    except UnicodeDecodeError:
        return None


def check_lines(path, text):
    """What is wrong with single lines."""
    in_tests = path.parts[0] == "tests" and path.suffix in {".c", ".h"}
    for number, line in enumerate(text.splitlines(), 1):
        if LATER.search(line):
            fault(path, number, "do it now, or write it down in docs/ as what is not there")
        if MACHINE.search(line):
            fault(path, number, "a path of one machine")
        if in_tests and SLEEP.search(line):
            fault(path, number, "a sleep in a test: wait for the condition instead")
        if in_tests and COMMENTED.search(line):
            fault(path, number, "an assertion that is commented out")
        if path.suffix in {".c", ".h"} and len(line) > LINE_MAX:
            fault(path, number, f"{len(line)} columns, {LINE_MAX} at most")


def check_shape(path, text):
    """Sizes of a C file and of its functions; tests that test nothing."""
    lines = text.splitlines()
    if len(lines) > FILE_LINES_MAX:
        fault(path, 0, f"{len(lines)} lines, {FILE_LINES_MAX} at most: one concept per pair of files")
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start - 1 > FUNCTION_LINES_MAX:
                fault(path, start, f"a function of {number - start - 1} lines, {FUNCTION_LINES_MAX} at most")
            start = None
    for found in EMPTY_TEST.finditer(text):
        fault(path, text.count("\n", 0, found.start()) + 1, f"test {found[1]} is empty")


def check_errors():
    """Each error has a value and a name of its own."""
    path = pathlib.PurePosixPath("lib/include/tally/err.h")
    rows = ERROR.findall(text_of(path))
    if len(rows) < 10:
        fault(path, 0, f"only {len(rows)} rows found in TALLY_ERR_TABLE; mend tools/dev/lints.py")
    for column, what in ((0, "name"), (1, "value")):
        seen = set()
        for row in rows:
            if row[column] in seen:
                fault(path, 0, f"{what} {row[column]} is used twice")
            seen.add(row[column])
    for name, value in rows:
        if int(value) >= 64:
            fault(path, 0, f"{name}: exit statuses from 64 on have another meaning")


def anchors(text):
    """The anchors that a page's headings give."""
    headings = re.findall(r"^#+ +(.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            page = (ROOT / path).parent / name if name else ROOT / path
            if not page.exists():
                fault(path, number, f"{target}: no such file")
            elif anchor and page.suffix == ".md" and anchor not in anchors(page.read_text()):
                fault(path, number, f"{target}: no such heading")


def main():
    listed = files()
    for name in sorted({path.parts[0] for path in listed}):
        if not name.startswith(".") and name not in TOP:
            fault(name, 0, "does not belong to the top level, which is fixed")
    for path in listed:
        text = text_of(path)
        if text is None or "corpus" in path.parts:
            continue
        check_lines(path, text)
        if path.suffix in {".c", ".h"}:
            check_shape(path, text)
        if path.suffix == ".md":
            check_links(path, text)
    check_errors()
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
