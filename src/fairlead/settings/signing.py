"""Who signs the requests of an upstream: AWS credentials and a region, from the configuration or the environment."""

import re
from collections.abc import Mapping
from typing import Final

from fairlead.domain.secrets import Secret
from fairlead.providers.known_providers import KnownProvider
from fairlead.providers.signing import Identity
from fairlead.settings.sheet import Path, Sheet
from fairlead.settings.upstream_schema import UpstreamSection

_REGION: Final = re.compile(r"[a-z0-9-]{1,40}")
_KEY_ID: Final = "AWS_ACCESS_KEY_ID"
_SECRET_KEY: Final = "AWS_SECRET_ACCESS_KEY"
_TOKEN: Final = "AWS_SESSION_TOKEN"
_DEFAULT_SERVICE: Final = "bedrock"


def identity_of(
    section: UpstreamSection,
    known: KnownProvider | None,
    env: Mapping[str, str],
    sheet: Sheet,
    path: Path,
    warnings: list[str],
) -> Identity | None:
    """Who signs; None when this upstream's requests are not signed.

    Raises: ConfigError when they are, and something is missing.
    """
    if not _signs(section, known, env):
        if section.aws is not None:
            sheet.refuse((*path, "aws"), "these credentials would not be used: write `auth: sigv4`, without api_key")
        return None
    if section.api_key is not None:
        sheet.refuse((*path, "api_key"), "`auth: sigv4` sends no key: remove one of the two")
    if section.aws is not None and section.aws.secret_access_key and _secret_place(path) not in sheet.expanded:
        what = f"a secret stands in the file itself; write ${{{_SECRET_KEY}}} and set that variable"
        warnings.append(sheet.complaint(_secret_place(path), what))
    key_id, secret, token = _credentials(section, env, sheet, path)
    for value in (key_id, secret, token or ""):
        if not value.isascii() or not value.isprintable() or " " in value:
            sheet.refuse(path, "the AWS credentials hold a character that none have", at_key=True)
    region = _region(section, known, env, sheet, path)
    service = (known.signs_as if known else None) or _DEFAULT_SERVICE
    return Identity(key_id, Secret(secret), Secret(token) if token else None, region, service)


def region_of(section: UpstreamSection, known: KnownProvider | None, env: Mapping[str, str]) -> str | None:
    """The region as the configuration or the environment states it."""
    if section.aws is not None and section.aws.region is not None:
        return section.aws.region if _REGION.fullmatch(section.aws.region) else None
    return None if known is None else known.region_in(env)


def _secret_place(path: Path) -> Path:
    return (*path, "aws", "secret_access_key")


def _signs(section: UpstreamSection, known: KnownProvider | None, env: Mapping[str, str]) -> bool:
    if section.auth is not None:
        return section.auth == "sigv4"
    if known is None or known.signs_as is None or section.api_key is not None:
        return False
    return section.aws is not None or known.key_in(env) is None or section.base_url is not None


def _credentials(
    section: UpstreamSection, env: Mapping[str, str], sheet: Sheet, path: Path
) -> tuple[str, str, str | None]:
    aws = section.aws
    if aws is not None and (aws.access_key_id or aws.secret_access_key):
        if not aws.access_key_id or not aws.secret_access_key:
            sheet.refuse((*path, "aws"), "give both access_key_id and secret_access_key, or neither")
        return aws.access_key_id.strip(), aws.secret_access_key.strip(), (aws.session_token or "").strip() or None
    # As with keys: the environment's credentials go to the provider's own address only, unless they are asked for.
    found = (env.get(_KEY_ID, "").strip(), env.get(_SECRET_KEY, "").strip(), env.get(_TOKEN, "").strip() or None)
    if section.base_url is not None or not found[0] or not found[1]:
        mend = f"aws: {{access_key_id: ${{{_KEY_ID}}}, secret_access_key: ${{{_SECRET_KEY}}}}}"
        have = "" if section.base_url is not None else f"set {_KEY_ID} and {_SECRET_KEY}, or "
        sheet.refuse(path, f"no credentials to sign with: {have}write {mend}", at_key=True)
    return found


def _region(
    section: UpstreamSection, known: KnownProvider | None, env: Mapping[str, str], sheet: Sheet, path: Path
) -> str:
    region = region_of(section, known, env)
    if region is None:
        variable = f"set {known.region_env[0]}, or " if known is not None and known.region_env else ""
        sheet.refuse(path, f"no region to sign for: {variable}write aws: {{region: eu-west-1}}", at_key=True)
    return region
