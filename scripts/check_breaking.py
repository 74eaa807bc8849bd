"""Holds the contract in protos/ to the one before it: `buf breaking`, without the network.

The one before is origin/main where that is another commit; on main itself, the last different
state of protos/. A commit that breaks an unreleased contract on purpose says so in a line of its
message, `Contract-Break: <why>`, and the comparison starts anew from there.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUF = Path(sys.executable).parent / "buf"


def main() -> int:
    """Compare; the exit code."""
    if not shutil.which("git") or git("rev-parse", "HEAD") is None:
        print("buf breaking: nothing to compare to, this is not a git clone")
        return 0
    base = earlier_contract()
    if base is None:
        print("buf breaking: nothing to compare to, the history holds no earlier protos/")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        unpack(base, Path(folder))
        command = [str(BUF), "breaking", "--against", str(Path(folder) / "protos")]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
    verdict = "breaks" if code else "keeps"
    print(f"buf breaking: protos/ {verdict} the contract of {base[:12]}")
    return code


def git(*arguments: str) -> bytes | None:
    """Output of a git command, or None if it failed, as it does where a name does not exist."""
    # The clone may belong to another account than the one that lints it.
    command = ["git", "-c", f"safe.directory={ROOT}", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    return done.stdout if done.returncode == 0 else None


def words(*arguments: str) -> list[str]:
    """Words of a git command's output; none if it failed."""
    return (git(*arguments) or b"").decode().split()


def earlier_contract() -> str | None:
    """Commit whose protos/ must not be broken, or None if history has none."""
    candidates = [commit for commit in (main_elsewhere(), last_different()) if commit is not None]
    if not candidates:
        return None
    base = candidates[0]
    for accepted in words("log", "-1", "--format=%H", "--grep=^Contract-Break: ", "--", "protos"):
        if git("merge-base", "--is-ancestor", base, accepted) is not None:
            return accepted
    return base


def main_elsewhere() -> str | None:
    """Where this branch left origin/main, if it did and protos/ existed there."""
    head = words("rev-parse", "HEAD")
    bases = words("merge-base", "HEAD", "origin/main")
    if not bases or bases == head or not words("ls-tree", bases[0], "protos"):
        return None
    return bases[0]


def last_different() -> str | None:
    """The last commit whose protos/ is not the one in the working tree."""
    now = words("log", "-2", "--format=%H", "--", "protos")
    edited = words("status", "--porcelain", "--", "protos")
    return next(iter(now if edited else now[1:]), None)


def unpack(commit: str, folder: Path) -> None:
    """Write a commit's protos/ into a folder."""
    for path in words("ls-tree", "-r", "--name-only", commit, "--", "protos"):
        content = git("show", f"{commit}:{path}")
        if content is None:
            sys.exit(f"buf breaking: git cannot read {path} of {commit}")
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
