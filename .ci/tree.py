#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""What the checks share: which files the tree holds, and how a finding is reported."""

import os
import re
import subprocess
import sys

# Folders that hold what was built, fetched or produced, where the tree is no git work tree that could tell.
NOT_SOURCE = re.compile(r"^(\.git|\.build[^/]*|\.venv|models|runs)$")

GENERATED = re.compile(r"\.pb-c\.[ch]$")


class Tree:
    """The files of a tree, and the findings about them.

    With git: what is committed or could be (untracked and not ignored). Without: every file outside of the folders
    of `NOT_SOURCE`.
    """

    def __init__(self, root):
        self.root = os.path.realpath(root)
        if not os.path.isdir(self.root):
            sys.exit(f"{root}: expected the root of a tree, found no such folder")
        self.findings = []
        self.paths = sorted(self._from_git() or self._from_folder())
        if not self.paths:
            sys.exit(f"{root}: the tree holds no file")

    def _from_git(self):
        git = ["git", "-C", self.root]
        top = subprocess.run(git + ["rev-parse", "--show-toplevel"], capture_output=True, text=True, check=False)
        if top.returncode != 0 or os.path.realpath(top.stdout.strip()) != self.root:
            return []
        listed = subprocess.run(
            git + ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, check=True
        )
        paths = {os.fsdecode(path) for path in listed.stdout.split(b"\0") if path}
        return [path for path in paths if os.path.isfile(os.path.join(self.root, path))]

    def _from_folder(self):
        for folder, names, files in os.walk(self.root):
            inside = os.path.relpath(folder, self.root)
            names[:] = [name for name in names if name != "__pycache__"]
            if inside == ".":
                names[:] = [name for name in names if not NOT_SOURCE.match(name)]
            for name in files:
                yield os.path.normpath(os.path.join(inside, name))

    def absolute(self, path):
        return os.path.join(self.root, path)

    def bytes(self, path):
        with open(self.absolute(path), "rb") as file:
            return file.read()

    def text(self, path):
        """The text of a file, or None when it is not UTF-8 (tables of vectors, images)."""
        try:
            return self.bytes(path).decode("utf-8")
        except UnicodeDecodeError:
            return None

    def first_line(self, path):
        with open(self.absolute(path), "rb") as file:
            return file.readline(200).decode("utf-8", "replace").rstrip("\n")

    def is_script(self, path, interpreter):
        return not GENERATED.search(path) and re.match(rf"#!.*\b{interpreter}", self.first_line(path)) is not None

    def found(self, path, line, text):
        where = path if line is None else f"{path}:{line}"
        self.findings.append(f"{where}: {text}")

    def finish(self, subject):
        """Prints the findings and ends the check: 1 with findings, 0 without."""
        for finding in self.findings:
            print(finding)
        print(f"{subject}: {len(self.findings)} findings")
        sys.exit(1 if self.findings else 0)


def open_tree():
    """The tree that the check was pointed at: its only argument."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} ROOT")
    return Tree(sys.argv[1])
