"""What an operator can set, from the environment or a ``.env`` file.

Belongs here: names, defaults and checks of settings. Does not belong here: what is done
with them.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import pydantic_settings
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from opendata.clock import Clock
from opendata.errors import SettingsError
from opendata.shares import MOST

ROOT = Path(__file__).resolve().parent.parent
DATAGOUV_HOST = "www.data.gouv.fr"
_NO_CREDENTIALS = (
    "an address may hold no credentials; they have variables of their own in the environment of "
    "the process"
)


class Settings(BaseSettings):
    """Settings of a run; every one is an environment variable ``SIGNALS_<NAME>``.

    Usage:
        ``SIGNALS_DATA_DIR=/srv/signals SIGNALS_LEADS=/srv/leads.csv company-signals run``
    """

    model_config = SettingsConfigDict(
        env_prefix="SIGNALS_",
        env_file=(ROOT / ".env", ".env"),
        extra="ignore",
        hide_input_in_errors=True,
    )

    data_dir: Path = Field(
        default=ROOT / "data", description="where everything a run makes is kept"
    )
    datasets: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="datasets that `run`, `fetch`, `doctor --live` and the schedules ask, by name, "
        "separated by commas; all that their description enables if not set",
    )
    leads: Path | None = Field(
        default=None, description="file of leads: CSV, XLSX, Parquet or JSON lines"
    )
    profiles: Path | None = Field(
        default=None,
        description="YAML file of what each account wants: ideal customers, weights, caps, "
        "discovery (docs/scoring.md)",
    )
    default_account: str = Field(
        default="default", description="account of the leads whose file has no account column"
    )
    leads_complete: bool = Field(
        default=True,
        description="the file of leads is the whole list of each account it names: leads that are "
        "no longer in it leave, with their signals",
    )
    leads_floor: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="least share of an account's leads that a whole list must still have for the "
        "others to leave; 0 lets any number leave",
    )
    retention_days: int = Field(
        default=1095,
        ge=1,
        description="days without use after which `retention` forgets a lead (CNIL: three years)",
    )
    datagouv_url: str = Field(
        default=f"https://{DATAGOUV_HOST}", description="base URL of the data.gouv.fr portal"
    )
    base_urls: dict[str, str] = Field(
        default_factory=dict,
        description="official host → base URL, for every other portal (JSON)",
    )
    at: date | datetime | None = Field(
        default=None, description="the date or instant a run takes as now; the system's if not set"
    )
    warehouse_personal: bool = Field(
        default=False,
        description="put columns that may describe sole traders (names) into the warehouse too",
    )
    umask: str = Field(
        default="077",
        pattern=r"^0?[0-7]{3}$",
        description="rights that no file of a run gets (octal); 027 lets the group of the service "
        "read tables, warehouse and exports, never what is private (docs/operations/access.md)",
    )
    memory_limit: str = Field(
        default="8GB",
        pattern=r"^\d+(\.\d+)? ?([KMGT]i?B)$",
        description="memory DuckDB may take before it spills",
    )
    changed_ceilings: dict[str, float] = Field(
        default_factory=dict,
        description="dataset → share of keys that may change before a version is held (JSON)",
    )
    attempts: int = Field(default=6, ge=1, description="how often a request is tried in all")
    feed_days: int | None = Field(
        default=None,
        ge=30,
        description="days for which the rows of a stream are kept; older ones only count for the "
        "snapshot, and a consumer away for longer starts from it. All are kept if not set",
    )
    export_url: str = Field(
        default="",
        description="object store that the exports are mirrored to, s3://bucket/prefix; its key is "
        "read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    )
    export_endpoint: str = Field(
        default="",
        description="base URL of that store if it is not AWS, e.g. "
        "https://ACCOUNT.eu.r2.cloudflarestorage.com",
    )
    export_region: str = Field(
        default="us-east-1", description="region of that store; `auto` for Cloudflare R2"
    )
    feedback: str = Field(
        default="",
        description="folder, or s3://bucket/prefix of the same store, where platforms leave what "
        "they say of signals and how far they have read (docs/consume.md)",
    )
    export_encryption: str = Field(
        default="",
        description="encryption at rest asked of that store: AES256, aws:kms or aws:kms:KEY; "
        "the bucket's own if not set",
    )
    lake: str = Field(
        default="",
        description="catalogue of a DuckLake that gets the tables of the warehouse too, e.g. "
        "postgres:dbname=lake host=db user=signals; its password is read from PGPASSWORD "
        "(docs/operations/scale-out.md). None if not set",
    )
    lake_data: str = Field(
        default="",
        description="where the files of the lake are: a folder, or s3://bucket/prefix of the store "
        "of the exports",
    )
    lake_days: int = Field(
        default=30, ge=1, description="days for which earlier states of the lake can be read"
    )
    shares: int = Field(
        default=1,
        ge=1,
        le=MOST,
        description="into how many shares matching, detection and writing to the lake are cut; "
        "each is a step of its own, and the result is the same",
    )
    executor: Literal["in_process", "multiprocess", "k8s"] = Field(
        default="in_process",
        description="what runs the steps of a run that Dagster starts: one process, a process "
        "each, or a pod each (docs/operations/scale-out.md)",
    )
    alert_smtp: str = Field(
        default="",
        description="mail server that alerts go through, smtp://host:587 (STARTTLS) or "
        "smtps://host:465; none if not set (docs/operations/dagster.md)",
    )
    alert_from: str = Field(default="", description="sender of alerts by e-mail")
    alert_to: str = Field(
        default="", description="recipients of alerts by e-mail, separated by commas"
    )

    @field_validator("datasets", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(name.strip() for name in value.split(",") if name.strip())

    @field_validator("base_urls")
    @classmethod
    def _hosts_only(cls, value: dict[str, str]) -> dict[str, str]:
        for host, url in value.items():
            _plain(url)
            if "/" in host or not urlsplit(url).hostname:
                raise ValueError(f"what is given for {host.partition('/')[0]!r} is not host → URL")
        return value

    @field_validator(
        "datagouv_url",
        "export_url",
        "export_endpoint",
        "feedback",
        "alert_smtp",
        "lake",
        "lake_data",
    )
    @classmethod
    def _without_credentials(cls, value: str) -> str:
        if "://" in value:
            _plain(value)
        if re.search(r"(?i)\bpassword\s*=", value):
            raise ValueError(_NO_CREDENTIALS)
        return value

    @field_validator("data_dir")
    @classmethod
    def _a_folder(cls, value: Path) -> Path:
        if value.exists() and not value.is_dir():
            raise ValueError(f"{value.name} is a file, a folder is needed")
        return value

    @field_validator("leads", "profiles")
    @classmethod
    def _a_file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"there is no file {value.name}")
        return value

    @property
    def bases(self) -> dict[str, str]:
        """Return official host → base URL for every portal that is not at its official place."""
        bases = dict(self.base_urls)
        if self.datagouv_url.rstrip("/") != f"https://{DATAGOUV_HOST}":
            bases[DATAGOUV_HOST] = self.datagouv_url.rstrip("/")
        return bases

    @property
    def clock(self) -> Clock:
        """Return the clock of the run."""
        return Clock.at(self.at) if self.at else Clock()


def _plain(url: str) -> None:
    """Refuse an address with credentials in it: pages and metadata show settings.

    Raises:
        ValueError: it has some, or is malformed; it is not repeated.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("this is not an address") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(_NO_CREDENTIALS)


def load_settings(**overrides: object) -> Settings:
    """Read the settings; arguments that are not ``None`` win over the environment.

    Raises:
        SettingsError: a value cannot be used; the message names it.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except pydantic_settings.SettingsError as error:
        raise SettingsError(
            f"a setting is not the JSON it must be ({error})",
            next_step="correct that setting; docs/settings.md lists them all",
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"][:1]).upper()
        raise SettingsError(
            f"SIGNALS_{name}: {first['msg']}",
            next_step="correct that setting; docs/settings.md lists them all",
            # The cause would repeat what was set.
        ) from None
