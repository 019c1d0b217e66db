"""Install from this wheelhouse, without a network, with nothing but the Python that is here.

    python3 -I install.py                         everything, for the user who runs it
    python3 -I install.py --venv DIR              into a virtual environment, which is made if it is not there
    python3 -I install.py --from URL              the same from a web server
    python3 -I install.py numpy pandas            only these and what they need
    python3 -I install.py -r requirements.txt     what a file of yours lists, and what it needs
    python3 -I install.py --show                  what would be chosen, and why
    python3 -I install.py --uninstall             take away what it installed

-I keeps Python from importing what somebody laid beside this file; without it, this file sees to that itself.
Signature, manifest and every file are checked first. Exit codes: 0 done, 2 wrong use, 5 no folder for this host,
6 the server does not answer, 7 a file is not what the manifest says, 11 pip cannot install it, 12 no space or
permission, 13 no pip, 14 refused.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from typing import List, NamedTuple, Optional

from wheelyard.host.basepython import carried_python_target, find_python, python_folder, unpack_python
from wheelyard.host.choice import Choice, choose
from wheelyard.host.download import fetch_files, fetch_sealed, is_url
from wheelyard.host.first_use import is_fingerprint, signers_named, signers_of_first_use, trust_at_first
from wheelyard.host.installing import Job, check_first, install_job, recorded_distributions, uninstall
from wheelyard.host.journal import Journal, journal_at, settle_unfinished
from wheelyard.host.machine import in_words, this_host
from wheelyard.host.manifest import TargetInfo
from wheelyard.host.pipcall import carried_pip, find_pip, wanted
from wheelyard.host.plain import say
from wheelyard.host.policy import Policy, put_policy, read_policy
from wheelyard.host.records import all_records, channel_folder, journal_path
from wheelyard.host.refusal import EXIT_STORAGE, EXIT_USAGE, Refused
from wheelyard.host.scheme import (
    STAGED,
    Place,
    externally_managed,
    in_venv,
    make_venv,
    place_for,
    running_python,
    scheme_paths,
)
from wheelyard.host.smallfiles import read_text
from wheelyard.host.source import (
    Source,
    check_folder,
    generation_mark,
    needed_files,
    open_source,
    opened,
    read_sealed,
)
from wheelyard.host.sshsig import fingerprint, parse_signers, signer_name
from wheelyard.host.trust import DANGERS, advanced, believed, check_order, positive, trust_for

# A wheelhouse that was accepted, and what is to be remembered of it, where.
Believed = NamedTuple("Believed", [("source", Source), ("folder", str), ("policy", Policy)])

_PLACES = ("venv", "prefix", "home", "target", "root")


def _parser() -> argparse.ArgumentParser:
    text = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(
        prog="install.py",
        description=text[0],
        epilog="\n\n".join(text[1:]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("requirements", nargs="*", metavar="REQUIREMENT", help="default: the whole lock")
    parser.add_argument(
        "-r", "--requirement", dest="files", action="append", metavar="FILE", help="what a requirements file lists"
    )
    place = parser.add_argument_group("where to (default: --user, or the virtual environment that runs this)")
    one = place.add_mutually_exclusive_group()
    one.add_argument("--user", action="store_true", help="for you alone, below ~/.local")
    for name in _PLACES:
        one.add_argument("--" + name, metavar="DIR", help="as pip's" if name != "venv" else "a virtual environment")
    what = parser.add_argument_group("what to do")
    what.add_argument("--show", action="store_true", help="say what would be chosen, and why; change nothing")
    what.add_argument("--dry-run", action="store_true", help="check everything and ask pip, but change nothing")
    what.add_argument("--list", action="store_true", help="list what was installed by this program")
    what.add_argument("--uninstall", action="store_true", help="take away what was installed by this program")
    what.add_argument("--upgrade", action="store_true", help="replace older versions that would do")
    what.add_argument("--with-python", action="store_true", help="use the Python that the wheelhouse carries")
    what.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    what.add_argument("--variant", metavar="NAME", help="a variant by name, or auto: the best one for this CPU")
    what.add_argument(
        "--from", dest="source", metavar="DIR", help="the wheelhouse's folder or URL; default: where this file lies"
    )
    what.add_argument("--quiet", "-q", action="store_true", help="show pip's output only if it fails")
    packages = what.add_mutually_exclusive_group()
    packages.add_argument(
        "--system-packages",
        action="store_true",
        default=None,
        help="leave alone what the system's own packages satisfy (default for --user)",
    )
    packages.add_argument("--no-system-packages", dest="system_packages", action="store_false", help="the opposite")
    what.add_argument("--break-system-packages", action="store_true", help="install despite PEP 668")
    trust = parser.add_argument_group("whom to trust (remembered from the first time)")
    trust.add_argument(
        "--trust", metavar="FILE", help="a public key, allowed signers (OpenSSH's format), or a key's SHA256:…"
    )
    trust.add_argument("--revoked", metavar="FILE", help="public keys or fingerprints that are no longer trusted")
    trust.add_argument("--threshold", type=positive, metavar="N", help="so many keys must have signed (remembered)")
    for danger in DANGERS:
        if danger != "gap":
            trust.add_argument("--allow-" + danger, action="store_true", help="accept this danger")
    return parser


def _place_from(options: argparse.Namespace) -> Place:
    for kind in _PLACES:
        where: Optional[str] = getattr(options, kind)
        if where:
            return place_for(kind, where)
    here = options.here or (in_venv() and not options.user)
    return place_for("here" if here else "user", "")


def _forbidden(place: Place, options: argparse.Namespace) -> None:
    """Refuse what PEP 668 forbids, and say what to do instead."""
    if place.kind != "user" and not (place.kind == "here" and not in_venv()):
        return
    mark = externally_managed(place.python)
    if mark and not options.break_system_packages:
        raise Refused(
            "externally-managed",
            "this Python belongs to the system, which forbids pip to change it ({})".format(mark),
            hint="install into an environment of your own: --venv ~/venv",
            code=EXIT_USAGE,
        )


def _believe(options: argparse.Namespace) -> Believed:
    """Return the wheelhouse and the policy under which its manifest was accepted, with what that teaches.

    Nothing of the manifest is parsed before its signature fits, but the channel, which says whose signature it must be.
    """
    if options.url:
        fetch_sealed(options.url, options.source)
    sealed = read_sealed(options.source)
    folder = channel_folder(sealed.channel)
    signers = ""
    if options.trust:
        named = is_fingerprint(options.trust)
        signers = signers_named(sealed.signature, options.trust) if named else read_text(options.trust)
    revoked = read_text(options.revoked) if options.revoked else ""
    allowed = [name for name in DANGERS if getattr(options, "allow_" + name.replace("-", "_"), False)]
    trust = trust_at_first(sealed.signature, trust_for(folder, signers, revoked, options.threshold, allowed))
    if sealed.signature and not trust.signers and "unsigned" not in trust.allowed:
        signers = signers_of_first_use(sealed.signature, trust)
        options.confirmed = fingerprint(parse_signers(signers)[0].key)
        trust = trust_for(folder, signers, revoked, options.threshold, allowed)
    if revoked and not (options.show or options.dry_run):  # it stays revoked, even if this is refused
        put_policy(folder, read_policy(folder)._replace(revoked=trust.policy.revoked))
    manifest, good = believed(sealed.content, sealed.signature, trust)
    check_order(manifest, sealed.digest, trust, gap=False)
    policy = advanced(sealed.root, manifest, sealed.digest, trust, good)
    who = ", ".join(signer_name(signer) for signer in good)
    if good:
        say("signed by {}".format(who))
    elif sealed.signature:
        say("WARNING: the signature was not checked: you allowed it")
    return Believed(source=opened(sealed, manifest), folder=folder, policy=policy)


def _advance(done: int, total: int) -> None:
    _percent("checking files", done, total)


def _fetched(done: int, total: int) -> None:
    _percent("fetching files", done, total)


def _percent(what: str, done: int, total: int) -> None:
    if sys.stdout.isatty():
        end = "\n" if done >= total else ""
        sys.stdout.write("\r{}: {:3d} %{}".format(what, 100 * done // max(total, 1), end))
        sys.stdout.flush()


def _checked(options: argparse.Namespace, source: Source, target: TargetInfo, with_python: bool = False) -> List[str]:
    """Return the wheels of a target's folder, all files fetched where they are on a server, and checked."""
    if options.url:
        fetch_files(options.url, source.root, needed_files(source.manifest, target, with_python), _fetched)
    return check_folder(source, target, _advance, with_python)


def _show_choice(choice: Choice) -> None:
    say("this host: {}".format(in_words(this_host())))
    say("chosen: targets/{}".format(choice.target.folder))
    for reason in choice.reasons:
        say("  {}".format(reason))


def _uninstall(options: argparse.Namespace) -> int:
    place = _place_from(options)
    explicit = options.user or options.here or any(getattr(options, kind) for kind in _PLACES)
    # Never the installation of another Python: it may need what it has below the same folder.
    records = [
        record for record in all_records() if record.get("python") == running_python() or record.get("kind") == "venv"
    ]
    chosen = [record for record in records if record.get("kind") == place.kind and record.get("base") == place.base]
    if not explicit and not chosen:
        chosen = [record for record in records if record.get("python") == running_python()]
    if len(chosen) != 1:
        none = "nothing of this Python ({}) is installed there".format(running_python())
        message = none if not chosen else "several installations are recorded"
        raise Refused(
            "not-installed", message, hint="install.py --list shows them, with their options", code=EXIT_USAGE
        )
    gone = uninstall(chosen[0], options.requirements)
    for dist in gone:
        say("removed {} {}".format(dist.name, dist.version))
    return 0


def _list() -> int:
    for record in all_records():
        option = {"here": "", "user": "--user"}.get(record["kind"], "--{} {}".format(record["kind"], record["base"]))
        place = option or record["base"]
        line = "{} ({}, channel {}, sequence {})"
        say(line.format(place, record.get("python"), record["channel"], record["sequence"]))
        for dist in recorded_distributions(record):
            say("  {} {}".format(dist.name, dist.version))
    return 0


def _prepare_venv(place: Place, choice: Choice, source: Source, system_packages: bool, journal: Journal) -> None:
    """Make the virtual environment that is asked for, if it is not there yet."""
    if place.kind != "venv" or os.path.exists(place.python):
        return
    if os.path.isdir(place.base) and os.listdir(place.base):
        raise Refused("not-a-venv", "a folder is there that is no virtual environment", place.base, code=EXIT_USAGE)
    carried = carried_pip(source.root, choice.target, place.python)
    journal.note(base=place.base, venv=place.base)
    try:
        make_venv(place.base, True, system_packages)
    except Refused:
        if carried is None:
            raise
        make_venv(place.base, False, system_packages)  # Debian has no ensurepip: the carried pip does the work


def _install(options: argparse.Namespace) -> int:
    accepted = _believe(options)
    source = accepted.source
    choice = choose(list(source.manifest.targets), this_host(), options.variant)
    _show_choice(choice)
    place = _place_from(options)
    requirements = list(options.requirements)
    for path in options.files or ():
        if not os.path.isfile(path):
            raise Refused("usage", "there is no such file", where=path, code=EXIT_USAGE)
        requirements += ["-r", os.path.abspath(path)]
    system_packages = place.kind == "user" if options.system_packages is None else options.system_packages
    if system_packages and place.kind not in ("user", "venv", "here"):
        raise Refused("usage", "--system-packages has no meaning with --" + place.kind, code=EXIT_USAGE)
    _forbidden(place, options)
    wheels = _checked(options, source, choice.target)
    windows = sys.platform == "win32"
    if options.show or windows:
        pip = find_pip(sys.executable, source.root, choice.target, wheels)
        arguments = wanted(source.root, choice.target, requirements)
        command = " ".join(pip.command) + " install " + " ".join(arguments)
        if windows and not options.show:
            message = "everything is as the manifest says, but this program does not install on Windows itself"
            raise Refused("windows", message, hint="let pip do it: " + command)
        say("with: {}\nas: {}".format(pip.why, command))
        return 0
    with journal_at(journal_path(place.kind, place.base, running_python())) as journal:
        _prepare_venv(place, choice, source, system_packages, journal)
        pip = find_pip(place.python, source.root, choice.target, wheels)
        say("with: {}".format(pip.why))
        job = Job(
            source=source,
            target=choice.target,
            wheels=wheels,
            requirements=requirements,
            place=place,
            pip=pip,
            upgrade=options.upgrade,
            system_packages=system_packages,
            break_system_packages=options.break_system_packages,
            quiet=options.quiet,
        )
        check_first(job, ask_pip=options.dry_run or place.kind not in STAGED)
        if options.dry_run:
            say("everything can be installed; nothing was changed")
            return 0
        put_policy(accepted.folder, accepted.policy)  # first: a kill while pip works must not forget a revocation
        new = install_job(job, journal)
    _say_what_next(place, len(new))
    return 0


def _install_one_generation(options: argparse.Namespace) -> int:
    """Install; once more, if what was refused lay in a wheelhouse that was published anew in between."""
    while True:
        mark = generation_mark(options.source)
        try:
            return _install(options)
        except (Refused, FileNotFoundError):
            if generation_mark(options.source) in (mark, ()):
                raise
        say("the wheelhouse was published anew in between: once more")


def _say_what_next(place: Place, count: int) -> None:
    """Say what was done, and how to use it, to somebody who wants to go on with other work."""
    packages = "{} package{}".format(count, "" if count == 1 else "s")
    say("installed {} into {}".format(packages, place.base) if count else "everything was there already")
    if place.kind == "venv":
        activate = os.path.join(place.base, "bin", "activate")
        say("to use it, type in each new terminal:\n  source {}\nand then start python".format(shlex.quote(activate)))
        return
    if place.kind not in ("user", "here"):
        return
    scripts = scheme_paths(place)[1]
    say("to use it, start {}".format(os.path.basename(place.python)))
    if os.path.isdir(scripts) and scripts not in os.environ.get("PATH", "").split(os.pathsep):
        say("programs are in {}; to start them by name: export PATH={}:$PATH".format(scripts, shlex.quote(scripts)))


def _with_python(options: argparse.Namespace, arguments: List[str]) -> int:
    """Unpack the carried Python if it is not there yet, and go on in it."""
    options.show = options.dry_run = True  # what is remembered, the other Python remembers
    look = options.uninstall or options.list
    source = open_source(options.source) if look else _believe(options).source
    target = carried_python_target(list(source.manifest.targets), this_host())
    folder = python_folder(target)
    python = find_python(folder)
    if python is None:
        if look:
            raise Refused("not-installed", "the carried Python is not here", where=folder, code=EXIT_USAGE)
        _checked(options, source, target, with_python=True)
        python = unpack_python(os.path.join(source.root, target.python_archive or ""), folder)
        say("unpacked Python {}: {}".format(target.python, python))
    rest = [argument for argument in arguments if argument != "--with-python"]
    place = [] if any(getattr(options, kind) for kind in _PLACES) or options.user else ["--here"]
    if options.confirmed:  # nobody is asked twice
        rest += ["--trust", options.confirmed]
    sys.stdout.flush()
    code = subprocess.call([python, "-I", os.path.abspath(__file__), "--from", source.root, *place, *rest])
    if options.uninstall and code == 0 and not options.requirements:
        shutil.rmtree(folder, ignore_errors=True)
    return code


def install_main(arguments: Optional[List[str]] = None) -> int:
    """Run the program and return its exit code."""
    options = _parser().parse_args(arguments)
    options.url = options.source if is_url(options.source or "") else None
    options.confirmed = None
    if options.url is None:
        options.source = os.path.abspath(options.source or os.path.dirname(os.path.abspath(__file__)))
        return _run(options, arguments)
    with tempfile.TemporaryDirectory(prefix="wheelyard-") as options.source:
        return _run(options, arguments)


def _run(options: argparse.Namespace, arguments: Optional[List[str]]) -> int:
    """Do what the options say and return the exit code."""
    try:
        if not (options.show or options.dry_run):
            for base in settle_unfinished():
                say("an installation into {} was cut off: it was undone".format(base))
        if options.with_python:
            return _with_python(options, sys.argv[1:] if arguments is None else arguments)
        if options.list:
            return _list()
        if options.uninstall:
            return _uninstall(options)
        return _install(options) if options.url else _install_one_generation(options)
    except Refused as refused:
        sys.stdout.flush()
        say("install.py: {} [{}]".format(refused, refused.name), sys.stderr)
        return refused.code
    except KeyboardInterrupt:
        say("install.py: interrupted; nothing was left half-done", sys.stderr)
        return 130
    except OSError as error:
        say("install.py: {}".format(error), sys.stderr)
        return EXIT_STORAGE


if __name__ == "__main__":
    sys.exit(install_main())
