"""A loopback portal that serves a folder of bundled files as the real portals do.

Belongs here: the answers of data.gouv.fr, of Opendatasoft, of DiDo and of INSEE's API, at a chosen
date, for whatever ``portal.yml`` describes. Does not belong here: what the files are about, and
any code of the pipeline, which must not be able to tell this portal from the real ones.
"""

from __future__ import annotations

from opendata.sample_portal.drift import Kind
from opendata.sample_portal.server import SamplePortal

__all__ = ["Kind", "SamplePortal"]
