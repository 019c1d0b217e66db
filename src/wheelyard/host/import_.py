"""Import a bundle into a folder that a web server shows, or that pip's -f points into.

    python3 -I import.py --into DIR --trust KEYS BUNDLE...    verify, then publish; DIR/current is the wheelhouse
    python3 -I import.py --into DIR --check                   look at what is published, and name each fault
    python3 -I import.py --into DIR --repair BUNDLE...        heal what is published from a bundle
    python3 -I import.py --into DIR --rollback                publish the generation before
    python3 -I import.py --into DIR --prune 3                 keep three generations

Nothing half-way: until everything is verified and in place, the old wheelhouse stays published. The keys, how many of
them must have signed, and the channel are remembered.
Exit codes: 0 done, 2 wrong use, 7 a file is not what the manifest says, 12 no space or permission, 14 refused.
"""

import argparse
import sys
from typing import List, Optional

from wheelyard.host.applying import import_bundle
from wheelyard.host.generations import prune_generations, roll_back
from wheelyard.host.inspecting import (
    Fault,
    check_bundle,
    check_tree,
    exit_code,
    repair_tree,
    trust_beside,
    wheelhouse_root,
)
from wheelyard.host.plain import say
from wheelyard.host.refusal import EXIT_STORAGE, EXIT_USAGE, Refused
from wheelyard.host.smallfiles import read_text
from wheelyard.host.trust import DANGERS, Trust, positive


def _import_parser() -> argparse.ArgumentParser:
    text = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(
        prog="import.py",
        description=text[0],
        epilog="\n\n".join(text[1:]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", nargs="*", help="the bundle, all its volumes")
    parser.add_argument("--into", metavar="DIR", help="the folder of generations")
    parser.add_argument("--trust", metavar="FILE", help="allowed signers (OpenSSH's format) or a public key")
    parser.add_argument("--revoked", metavar="FILE", help="public keys or fingerprints that are no longer trusted")
    parser.add_argument("--threshold", type=positive, metavar="N", help="so many keys must have signed (remembered)")
    for danger in DANGERS:
        parser.add_argument("--allow-" + danger, action="store_true", help="accept this danger; it is logged")
    parser.add_argument("--check", action="store_true", help="only look, at the bundle or at DIR")
    parser.add_argument("--repair", action="store_true", help="heal what is published from the bundle")
    parser.add_argument("--rollback", action="store_true", help="publish the generation before")
    parser.add_argument("--prune", type=positive, metavar="N", help="keep N generations")
    return parser


def _look(options: argparse.Namespace, trust: Optional[Trust]) -> int:
    faults, taken = check_bundle(options.bundle, trust) if options.bundle else (_tree_faults(options, trust), 0)
    for fault in faults:
        say("{}: {}: {}".format(fault.name, fault.path, fault.message))
    if taken:
        say("a delta: {} files are not in it, and must be published where it goes".format(taken))
    if trust is None:
        say("the signature was not looked at: no key is known (--trust)")
    say("{} faults".format(len(faults)) if faults else "everything is as the manifest says")
    return exit_code(faults)


def _tree_faults(options: argparse.Namespace, trust: Optional[Trust]) -> List[Fault]:
    return check_tree(wheelhouse_root(options.into), trust)


def _repair(options: argparse.Namespace, trust: Trust) -> int:
    for path in repair_tree(wheelhouse_root(options.into), options.bundle, trust):
        say("healed: {}".format(path))
    return 0


def _work(options: argparse.Namespace) -> int:
    signers = read_text(options.trust) if options.trust else ""
    revoked = read_text(options.revoked) if options.revoked else ""
    allowed = [name for name in DANGERS if getattr(options, "allow_" + name.replace("-", "_"))]
    if not options.into and not (options.check and options.bundle):
        raise Refused("usage", "--into DIR is missing", code=EXIT_USAGE)
    if options.check or options.repair:
        trust = trust_beside(options.into or options.bundle[0], signers, revoked, options.threshold, allowed)
        return _repair(options, trust) if options.repair else _look(options, trust if trust.signers else None)
    if options.rollback:
        say("published: {}".format(roll_back(options.into)))
        return 0
    if options.prune is not None:
        for name in prune_generations(options.into, options.prune):
            say("removed {}".format(name))
        return 0
    done = import_bundle(options.bundle, options.into, signers, revoked, options.threshold, allowed)
    who = ", ".join(done.signers)
    say("signed by {}".format(who) if who else "WARNING: the signature was not checked")
    say("published: {} ({} MiB new)".format(done.generation, done.new >> 20))
    return 0


def import_main(arguments: Optional[List[str]] = None) -> int:
    """Run the program and return its exit code."""
    options = _import_parser().parse_args(arguments)
    try:
        return _work(options)
    except Refused as refused:
        say("import.py: {} [{}]".format(refused, refused.name), sys.stderr)
        return refused.code
    except KeyboardInterrupt:
        say("import.py: interrupted; what was published still is", sys.stderr)
        return 130
    except OSError as error:
        say("import.py: {}".format(error), sys.stderr)
        return EXIT_STORAGE


if __name__ == "__main__":
    sys.exit(import_main())
