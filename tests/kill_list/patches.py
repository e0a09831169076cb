"""The patches of the kill list: reading, applying, checking, writing anew."""
import difflib
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

CONTEXT_LINES = 2
# Programs whose test functions a patch may name as `Directed`; a name that begins with a number is a story.
STORIES = "test_raft_scenarios"


class Patch:
    """One file: `head`, `diff`, and what the head says."""

    def __init__(self, path):
        self.path, self.name = path, os.path.basename(path)[:-len(".patch")]
        with open(path, encoding="utf-8") as file:
            text = file.read()
        at = text.find("--- a/")
        self.head, self.diff = (text[:at], text[at:]) if at >= 0 else (text, "")
        self.files = re.findall(r"^\+\+\+ b/(\S+)$", self.diff, re.M)
        self.caught_by = self.field("Caught by")
        self.directed_in = [part.split("/") for part in self.field("Directed")]
        self.directed = [parts[-1] for parts in self.directed_in]
        bug = [line for line in self.head.splitlines() if line and not re.match(r"(Caught by|Directed):", line)]
        self.fault = ("its head does not say the bug" if not bug else
                      "its head has no `Caught by`" if not self.caught_by else
                      "it has no diff" if not self.files else
                      "it changes more than C files" if any(not name.endswith(".c") for name in self.files) else None)

    def field(self, name):
        found = re.search(r"^%s: (.*)$" % name, self.head, re.M)
        return [part.strip() for part in found.group(1).split(",")] if found else []

    def directed_programs(self):
        """`program/function`, or a story's name alone."""
        return sorted({parts[0] if len(parts) == 2 else STORIES for parts in self.directed_in})

    def apply(self, tree):
        """None, or why not. Line numbers may be off, context may not."""
        if self.fault is not None:
            return self.fault
        environment = dict(os.environ, GIT_CEILING_DIRECTORIES=os.path.dirname(tree))
        done = subprocess.run(["git", "apply", "-"], cwd=tree, input=self.diff, env=environment, capture_output=True,
                              text=True)
        return None if done.returncode == 0 else done.stderr.strip()

    def revert(self, source, tree):
        for name in self.files:
            if os.path.exists(os.path.join(source, name)):
                shutil.copy(os.path.join(source, name), os.path.join(tree, name))

    def copy_files(self, source, tree):
        for name in self.files:
            if os.path.exists(os.path.join(source, name)):
                os.makedirs(os.path.dirname(os.path.join(tree, name)), exist_ok=True)
                shutil.copy(os.path.join(source, name), os.path.join(tree, name))


def compile_command(commands, source, tree, name):
    """The compiler's own command for a file, without output, on the copy in `tree`; headers beside it are the source's."""
    entry = commands[os.path.join(source, name)]
    words = shlex.split(entry["command"])
    at = words.index("-o")
    words = words[:at] + words[at + 2:]
    words = [os.path.join(tree, name) if word == entry["file"] else word for word in words]
    return words + ["-iquote", os.path.dirname(entry["file"]), "-fsyntax-only"], entry["directory"]


def check_one(patch, source, commands):
    """None, or what is wrong with the patch."""
    with tempfile.TemporaryDirectory(prefix="tally_kill_list") as tree:
        patch.copy_files(source, tree)
        words = patch.apply(tree)
        if words is not None:
            return "does not apply: " + words
        for name in patch.files:
            command, directory = compile_command(commands, source, tree, name)
            done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
            if done.returncode != 0:
                return "does not compile:\n" + done.stderr
    return None


def check_all(patches, source, build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = {entry["file"]: entry for entry in json.load(file)}
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        results = list(pool.map(lambda patch: check_one(patch, source, commands), patches))
    bad = [(patch.name, words) for patch, words in zip(patches, results) if words is not None]
    for name, words in bad:
        print("%s: %s" % (name, words))
    print("kill_list: %d of %d patches apply and compile" % (len(patches) - len(bad), len(patches)))
    return 1 if bad else 0


def refresh_one(patch, source):
    """Apply with fuzz and write what came out. None, or why not."""
    with tempfile.TemporaryDirectory(prefix="tally_kill_list") as tree:
        patch.copy_files(source, tree)
        done = subprocess.run(["patch", "-p1", "--fuzz=3", "--no-backup-if-mismatch", "--force"], cwd=tree,
                              input=patch.diff, capture_output=True, text=True)
        if done.returncode != 0:
            return done.stdout
        diff = []
        for name in patch.files:
            with open(os.path.join(source, name), encoding="utf-8") as before, \
                    open(os.path.join(tree, name), encoding="utf-8") as after:
                diff += difflib.unified_diff(before.readlines(), after.readlines(), "a/" + name, "b/" + name,
                                             n=CONTEXT_LINES)
    with open(patch.path, "w", encoding="utf-8") as file:
        file.write(patch.head + "".join(diff))
    return None


def refresh_all(patches, source):
    failed = 0
    for patch in patches:
        words = patch.fault or refresh_one(patch, source)
        if words is not None:
            failed += 1
            print("%s: %s" % (patch.name, words))
    print("kill_list: %d of %d patches are up to date; see git diff" % (len(patches) - failed, len(patches)))
    return 1 if failed else 0
