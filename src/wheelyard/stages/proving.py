"""Every folder proven, each as its target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wheelyard.domain.errors import ProofError
from wheelyard.domain.events import Reporter
from wheelyard.domain.folder import FilledFolder
from wheelyard.domain.proof import Proof
from wheelyard.prove import stage
from wheelyard.prove.container import Hosts
from wheelyard.prove.pips import HostPips
from wheelyard.stages import variants
from wheelyard.stages.options import Options
from wheelyard.stages.plan import Plan
from wheelyard.stages.withheld import Withheld
from wheelyard.store.blobs import Store
from wheelyard.toolchain.find import Toolchains


def prove_folders(
    plans: Sequence[Plan],
    filled: Mapping[str, FilledFolder],
    toolchains: Toolchains,
    pips: HostPips,
    withheld: Withheld,
    *,
    store: Store,
    options: Options,
    report: Reporter,
) -> Mapping[str, Proof]:
    """Prove every folder; of a variant also what was chosen, and nothing of one that this machine must not run.

    One that does not install, import or calculate is withheld.
    """
    if not options.prove:
        return {name: Proof(target=name, outcome="not run", reason="left out by --no-prove") for name in filled}
    proofs = stage.prove_all(
        [_question(plan, filled[plan.name]) for plan in plans],
        store=store,
        sandbox=toolchains.local_sandbox,
        hosts=Hosts(plans[0].config.build),
        host_pip=pips,
        report=report,
        failed=withheld.add,
    )
    for name, proof in proofs.items():
        if proof.outcome == "failed":
            hint = proof.hint or "--no-prove publishes unproven"
            withheld.add(name, ProofError(proof.reason, where=f"targets/{name}", hint=hint))
    return proofs


def _question(plan: Plan, folder: FilledFolder) -> stage.Question:
    rules = plan.config.packages.items()
    return stage.Question(
        folder=folder,
        imports={name: rule.imports for name, rule in rules if rule.imports is not None},
        probes=variants.probes_of(plan, {name: facts.modules for name, facts in folder.facts.items()}),
        not_run=variants.not_run_here(plan.variant) if plan.variant else "",
    )
