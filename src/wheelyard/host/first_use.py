"""The first time that a host sees a wheelhouse: one that nobody signed, or one signed by a key that nobody told it."""

import sys
from typing import List, Optional

from wheelyard.host.plain import say
from wheelyard.host.refusal import Refused
from wheelyard.host.sshsig import Signer, fingerprint, parse_signature, signer_line, split_signatures
from wheelyard.host.trust import Trust

_UNSIGNED = """\
This wheelhouse is not signed. Every file is compared with its list of files: that finds damage on the way,
but not a change by somebody who could write to both."""
_QUESTION = """\
This wheelhouse is signed with {}
that this account has not seen before:
  {}
Ask the admin of the wheelhouse for the fingerprint of their key, by another way than this copy came
(they see it with: ssh-keygen -lf KEY.pub). Install only if it is the same."""


def _signing(signature: str) -> List[Signer]:
    """Return the keys that a signature says it is of; whether it fits is seen when they are trusted."""
    keys = {parse_signature(armored).key: True for armored in split_signatures(signature)}
    return [Signer(principals="*", key=key, namespaces=None, valid_after=None, valid_before=None) for key in keys]


def _confirmed(marks: List[str]) -> bool:
    """Whether who sits at the terminal says that the key is the right one."""
    say(_QUESTION.format("a key" if len(marks) == 1 else "keys", "\n  ".join(marks)))
    sys.stdout.write("Is it the same? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def is_fingerprint(text: Optional[str]) -> bool:
    """Whether ``--trust`` was given a key's fingerprint instead of a file."""
    return text is not None and text.startswith("SHA256:")


def signers_named(signature: Optional[str], mark: str) -> str:
    """Return the allowed signers that a fingerprint stands for: the key of this name that the signature is of.

    :raises Refused: ``unknown-key`` if another key, or none, has signed.
    """
    for signer in _signing(signature) if signature else ():
        if fingerprint(signer.key) == mark:
            return signer_line(signer)
    raise Refused("unknown-key", "the wheelhouse is not signed with this key", where=mark)


def signers_of_first_use(signature: str, trust: Trust) -> str:
    """Return the allowed signers of a signed wheelhouse of which no key is known: its own, if somebody says yes.

    :raises Refused: ``no-trust`` if nobody does, or nobody is there to be asked.
    """
    signers = [signer for signer in _signing(signature) if fingerprint(signer.key) not in trust.policy.revoked]
    marks = [fingerprint(signer.key) for signer in signers]
    if marks and sys.stdin.isatty() and _confirmed(marks):
        return "".join(signer_line(signer) for signer in signers)
    raise Refused(
        "no-trust",
        "signed with a key that this account does not know: {}".format(", ".join(marks)),
        hint="compare it with the admin's, then pass --trust {}".format(marks[0] if marks else "FILE"),
    )


def trust_at_first(signature: Optional[str], trust: Trust) -> Trust:
    """Return the trust that holds for a wheelhouse: without a signature it may go, unless a policy asks for one."""
    asked_for = trust.signers or trust.policy.threshold > 1 or "unsigned" in trust.allowed
    if (signature or "").strip() or asked_for:
        return trust
    say(_UNSIGNED)
    return trust._replace(allowed=trust.allowed | {"unsigned"})
