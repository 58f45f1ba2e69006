"""Put the real servers that the tests need into the checkout's `.servers` folder, unless fit ones are on PATH.

    python3 tests/servers/install.py

They are Debian's own packages, fetched by the machine's apt from the archive that it is set up with, each from the
suite that carries the wanted version, and their signatures are checked. Nothing is installed: apt works on a state of
its own below `.servers/apt` and the packages are unpacked below `.servers/<suite>`, so no root is needed and the system
stays as it was. A server that is complete is left alone; an interrupted run goes on where it stopped.

A suite that has left the machine's archive is looked for in the one that KEYSCOPE_DEBIAN_ARCHIVE names, if it does.

Standard library only: this runs before anything else is installed.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

if not __package__:  # started as a script: the checkout is not yet where Python looks
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.servers.programs import (
    CONSUL,
    ETCD,
    ETCDCTL,
    FISH,
    GO,
    JAVA,
    REDIS,
    SERVERS,
    TMUX,
    VALKEY,
    ZOOKEEPER,
    ZSH,
    Program,
    answer,
    command,
    unpacked,
    version,
)

KEYRINGS = ("/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp")
ARCHIVE = "KEYSCOPE_DEBIAN_ARCHIVE"
STAMP = "packages.txt"


class CannotProvideError(Exception):
    """A server could not be provided: one line that says why and what would help."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Packages that are unpacked together into `.servers/<suite>/<name>`, and the programs that must run afterwards.

    The packages are those that matter on a minimal Debian: what apt itself needs (libc, libstdc++, zlib, libsystemd)
    is there, and what only an installed service needs (adduser, init scripts) is left out.
    """

    suite: str
    name: str
    packages: tuple[str, ...]
    programs: tuple[Program, ...] = ()

    @property
    def home(self) -> Path:
        return SERVERS / self.suite / self.name


_ETCD = ("etcd-server", "etcd-client")
_ZOOKEEPER = (
    *("libzookeeper-java", "libslf4j-java", "libnetty-java", "libdropwizard-metrics-java", "libsnappy-java"),
    *("libcommons-cli-java", "libcommons-io-java", "libservlet-api-java", "libjetty9-java"),
    *("libjackson2-annotations-java", "libjackson2-core-java", "libjackson2-databind-java"),
)
_CURATOR = (
    *("libcurator-recipes-java", "libcurator-framework-java", "libcurator-client-java", "libguava-java"),
    "libecj-java",
)
_LIBKV = (
    *("golang-github-docker-libkv-dev", "golang-etcd-server-dev", "golang-github-coreos-go-semver-dev"),
    *("golang-github-json-iterator-go-dev", "golang-github-modern-go-concurrent-dev"),
    *("golang-github-modern-go-reflect2-dev", "golang-golang-x-net-dev"),
)
_TMUX = ("tmux", "libevent-core-2.1-7", "libtinfo6", "libutempter0")
_REDIS = ("redis-server", "redis-tools", "libatomic1", "libjemalloc2", "liblzf1", "libssl3")
_VALKEY = (  # with a libc of its own: that of an older system is too old
    *("valkey-server", "valkey-tools", "libc6", "libatomic1", "libjemalloc2", "liblzf1", "libssl3t64", "libsystemd0"),
    *("libcap2", "libgcc-s1", "libstdc++6", "libzstd1", "zlib1g"),
)

RECIPES = (
    Recipe("bookworm", "etcd", _ETCD, (ETCD["3.4"], ETCDCTL["3.4"])),
    Recipe("trixie", "etcd", _ETCD, (ETCD["3.5"], ETCDCTL["3.5"])),
    Recipe("bullseye", "consul", ("consul",), (CONSUL,)),
    Recipe("bookworm", "redis", _REDIS, (REDIS,)),
    Recipe("trixie", "valkey", _VALKEY, (VALKEY,)),
    Recipe("bookworm", "tmux", _TMUX, (TMUX,)),
    Recipe("bookworm", "zsh", ("zsh", "zsh-common"), (ZSH,)),
    Recipe("bookworm", "fish", ("fish", "fish-common", "libpcre2-32-0"), (FISH,)),
    Recipe("bookworm", "java", ("openjdk-17-jre-headless",), (JAVA,)),
    Recipe("bookworm", "zookeeper", _ZOOKEEPER, (ZOOKEEPER,)),
    Recipe("bookworm", "go", ("golang-1.19-go", "golang-1.19-src"), (GO,)),
    Recipe("bookworm", "bbolt", ("golang-github-coreos-bbolt-dev", "golang-golang-x-sys-dev")),
    Recipe("bookworm", "go-zookeeper", ("golang-github-samuel-go-zookeeper-dev",)),
    Recipe("bookworm", "libkv", _LIBKV),
    Recipe("bookworm", "curator", _CURATOR),
)


def main() -> int:
    """Provide every recipe, one line each; the exit code says whether all are there."""
    missing = 0
    with _lock():
        for recipe in RECIPES:
            started = time.monotonic()
            label = f"{recipe.suite + '/' + recipe.name:<20}"
            try:
                where = _provide(recipe)
            except CannotProvideError as error:
                missing += 1
                sys.stderr.write(f"{label} missing: {error}{_instead(recipe)}\n")
            else:
                sys.stdout.write(f"{label} {where} ({time.monotonic() - started:.1f} s)\n")
            sys.stdout.flush()
        if not missing:
            shutil.rmtree(SERVERS / "apt", ignore_errors=True)
    return 1 if missing else 0


def _instead(recipe: Recipe) -> str:
    wanted = " and ".join(f"{program.command} ({program.name})" for program in recipe.programs)
    return f"; {wanted} on PATH would do instead" if wanted else ""


@contextmanager
def _lock() -> Iterator[None]:
    """Let one run work at a time: a second one waits here, then finds everything done."""
    SERVERS.mkdir(exist_ok=True)
    with (SERVERS / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("another run is providing the servers; waiting for it\n")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _provide(recipe: Recipe) -> str:
    """Make sure the recipe's programs are there, and say where."""
    stamp = recipe.home / STAMP
    if stamp.exists() and _names(stamp.read_text()) == set(recipe.packages):
        return "ready"
    if recipe.programs and all(command(program) is not None for program in recipe.programs):
        return "on PATH"
    packages = _download(recipe)
    partial = recipe.home.with_name(recipe.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for package in packages:
        _run(["dpkg-deb", "-x", str(package), str(partial)])
    _keep_links_inside(partial)
    versions = [_proved(program, partial) for program in recipe.programs]
    (partial / STAMP).write_text("".join(f"{package.stem}\n" for package in packages))
    shutil.rmtree(recipe.home, ignore_errors=True)
    partial.rename(recipe.home)
    return f"unpacked {', '.join(dict.fromkeys(versions)) or 'the source'}"


def _names(stamp: str) -> set[str]:
    return {line.partition("_")[0] for line in stamp.splitlines()}


def _proved(program: Program, home: Path) -> str:
    """Run an unpacked program: its version, or an error with the last thing it said."""
    line = unpacked(program, home)
    if line is None:
        raise CannotProvideError(
            f"{program.name} is not in Debian's packages where it was; mend its path in programs.py"
        )
    found = version(program, line)
    if found is None:
        last = (answer(program, line).strip().splitlines() or ["it said nothing"])[-1]
        raise CannotProvideError(f"{program.name} was unpacked and does not run here: {last}")
    return found


def _keep_links_inside(root: Path) -> None:
    """Turn absolute links, right for an installed package, into links within the unpacked tree."""
    for path in root.rglob("*"):
        if path.is_symlink() and (target := path.readlink()).is_absolute():
            inside = os.path.relpath(root / target.relative_to("/"), path.parent)
            path.unlink()
            path.symlink_to(inside)


def _download(recipe: Recipe) -> list[Path]:
    """Fetch the recipe's packages with apt, which checks their signatures, into `.servers/apt/<suite>`."""
    state = SERVERS / "apt" / recipe.suite
    updated = state / "updated"
    if not updated.exists():
        shutil.rmtree(state / "packages", ignore_errors=True)  # an older list may have named older versions
        _update(state, recipe.suite)
        updated.touch()
    packages = state / "packages" / recipe.name
    packages.mkdir(parents=True, exist_ok=True)
    try:
        _apt(state, "download", *recipe.packages, folder=packages)
    except CannotProvideError:
        updated.unlink()  # the archive may have moved on since: ask it again next time
        raise
    return sorted(packages.glob("*.deb"))


def _update(state: Path, suite: str) -> None:
    """Fetch the list of the suite's packages; an old suite may have left the mirror for another archive."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    addresses = [_archive(), *filter(None, [os.environ.get(ARCHIVE)])]
    for address in addresses:
        (state / "sources.list").write_text(f"deb [signed-by={_keyring()}] {address} {suite} main\n")
        try:
            _apt(state, "update")
        except CannotProvideError as error:
            if address == addresses[-1]:
                raise CannotProvideError(f"{error}; {ARCHIVE} can name an archive that carries {suite}") from error
        else:
            return


def _archive() -> str:
    """Return the address of the Debian archive that this machine's apt is set up with."""
    shown = _run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)", "Created-By: Packages"])
    for line in shown.splitlines():
        match line.split():
            case [address, "Debian", "Debian"]:
                return address
    if not shown.strip():  # no lists yet, as in a fresh container: ask apt what it would fetch
        for line in _run(["apt-get", "update", "--print-uris"]).splitlines():
            address, found, suite = line.partition(" ")[0].strip("'").partition("/dists/")
            if found and "-security" not in suite:
                return address
    raise CannotProvideError("this machine's apt knows no Debian archive")


def _keyring() -> str:
    for keyring in KEYRINGS:
        if Path(keyring).exists():
            return keyring
    raise CannotProvideError("Debian's keys are not on this machine; install the package debian-archive-keyring")


def _apt(state: Path, *arguments: str, folder: Path = SERVERS) -> None:
    options = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::preferences": "-",
        "Dir::Etc::preferencesparts": "-",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Sandbox::User": _user(),  # apt's own user may not read the checkout
        "APT::Update::Error-Mode": "any",
    }
    _run(["apt-get", "-q", *(f"-o{name}={value}" for name, value in options.items()), *arguments], folder)


def _user() -> str:
    return "root" if os.geteuid() == 0 else ""


def _run(line: list[str], folder: Path = SERVERS) -> str:
    try:
        done = subprocess.run(line, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CannotProvideError(f"there is no {line[0]} here") from None
    if done.returncode:
        complaints = [text for text in done.stderr.splitlines() if text.startswith(("E:", "dpkg-deb: error"))]
        raise CannotProvideError(
            f"{line[0]} failed: {(complaints or done.stderr.splitlines() or ['no reason given'])[0]}"
        )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
