"""Every parser under test; a new one is added here."""

from __future__ import annotations

import archive_targets
import description_targets
import feed_targets
import file_targets
import lead_targets
import portal_targets
from fuzzing import Target

TARGETS: tuple[Target, ...] = (
    *file_targets.TARGETS,
    *archive_targets.TARGETS,
    *portal_targets.TARGETS,
    *description_targets.TARGETS,
    *lead_targets.TARGETS,
    *feed_targets.TARGETS,
)
