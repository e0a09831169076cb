#!/usr/bin/env python3
"""analyze.py BUILD_DIR: run clang-tidy and cppcheck on each C file of the compilation database.

A file that passed is not looked at again until it, a header of ours that it includes, or a tool's settings change;
CI=true looks at all. Prints what the tools say about files that fail; exit status 1 if one does."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INCLUDE = re.compile(rb'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
FOLDERS = [ROOT / name for name in ("lib", "lib/include", "node", "tools", "tests")]
# Left to the compilers and clang-tidy.
CPPCHECK_LEAVES = [
    "missingIncludeSystem",
    "unknownMacro",
    "uninitvar",  # takes writing through a pointer for reading
    "nullPointer",  # knows neither ASSERT nor Check
    "internalAstError",  # cannot parse `c ? (struct s){0} : x`
    "readdirCalled",  # readdir is safe on a directory stream of one's own
]
CPPCHECK = ["cppcheck", "--quiet", "--std=c11", "--language=c", "--library=posix",
            "--enable=warning,performance,portability", "--inline-suppr", "--error-exitcode=1",
            "--template={file}:{line}: {severity}: {message} [{id}]",
            "-D_GNU_SOURCE", "-D__x86_64__", '-DTALLY_VERSION=""']
CPPCHECK += [f"--suppress={name}" for name in CPPCHECK_LEAVES] + [f"-I{folder}" for folder in FOLDERS]

# The analyzer's budget per function, an eighth of its own: most of the gate's time, for paths that never showed anything.
TIDY = ["clang-tidy", "--quiet"] + [f"--extra-arg={word}" for word in (
    "-Xclang", "-analyzer-config", "-Xclang", "max-nodes=28000")]


def headers_of(path, seen):
    """Add to `seen` what `path` includes of ours, and what that includes."""
    for name in INCLUDE.findall(path.read_bytes()):
        for folder in [path.parent] + FOLDERS:
            header = folder / os.fsdecode(name)
            if header.is_file():
                if header not in seen:
                    seen.add(header)
                    headers_of(header, seen)
                break


def key_of(path, settings):
    """A hash of all that the tools' answer depends on."""
    seen = set()
    headers_of(path, seen)
    digest = hashlib.sha256(settings)
    for part in [path] + sorted(seen):
        digest.update(str(part).encode() + b"\0" + part.read_bytes())
    return digest.hexdigest()


def findings(text):
    """Each finding with the line it is about; not the path to it, which may be hundreds of lines."""
    kept, keep = [], False
    for line in text.splitlines():
        if re.match(r"\S+:\d+:.* note: ", line):
            keep = False
        elif re.match(r"\S+:\d+:.*(error|warning|performance|portability): ", line):
            keep = True
        if keep and not re.match(r"\d+ (warnings?|errors?)\b.*generated|Suppressed |Error while processing", line):
            kept.append(line)
    return kept


def analyze(path, build):
    """What the tools say about one file; empty when nothing."""
    said = []
    for command in (TIDY + ["-p", str(build), str(path)], CPPCHECK + [str(path)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            text = (done.stdout + done.stderr).replace(f"{ROOT}/", "")
            said += findings(text) or [f"{command[0]} failed on {path}:\n{text}"]
    return "\n".join(said)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    database = json.loads((build / "compile_commands.json").read_text())
    paths = sorted({pathlib.Path(entry["file"]) for entry in database})
    paths = [path for path in paths if path.suffix == ".c" and ROOT in path.parents and build not in path.parents]
    settings = "\0".join(TIDY + CPPCHECK).encode()
    settings += b"".join((ROOT / path).read_bytes() for path in (".clang-tidy", "tests/.clang-tidy"))
    passed = build / "check-passed"
    passed.mkdir(exist_ok=True)
    everything = os.environ.get("CI") == "true"
    todo = [(path, key) for path in paths for key in [key_of(path, settings)] if everything or not (passed / key).exists()]
    todo.sort(key=lambda item: -item[0].stat().st_size)  # the longest first, so that the end is even

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (path, key), said in zip(todo, pool.map(lambda item: analyze(item[0], build), todo)):
            if said:
                print(said, flush=True)
                failed += 1
            else:
                (passed / key).touch()
    print(f"{len(todo)} of {len(paths)} files looked at, {failed} with findings")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
