"""What was published, in the record of what was done: by a command, a schedule or a person.

Belongs here: one entry for each state of the streams that consumers could fetch. Does not belong
here: publishing (``assets.feed``), the other entries (``pipelines.audit``).
"""

from __future__ import annotations

import hashlib

from assets.workspace import Workspace
from signals.feed import manifest

KIND = "publication"


def recorded(workspace: Workspace) -> bool:
    """Put what is published now on record, unless it is already; return whether it was new.

    A run killed between the two finds it missing and adds it. The entry names no account: the
    hash is that of all manifests, which name every file by its own hash.
    """
    found = sorted(workspace.exports.glob(f"**/{manifest.NAME}"))
    whole = hashlib.sha256()
    for path in found:
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    serving = {
        name: version.id
        for name in workspace.store.datasets()
        if (version := workspace.store.current(name)) is not None
    }
    facts = {"manifests": whole.hexdigest(), "streams": len(found), "serves": serving}
    audit = workspace.suppressions.audit
    known = [entry.facts for entry in audit.entries() if entry.kind == KIND]
    if known and known[-1] == facts:
        return False
    audit.append(KIND, facts, workspace.clock.now())
    return True
