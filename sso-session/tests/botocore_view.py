"""What botocore makes of configuration files: JSON for `differential.rs`.

usage: botocore_view.py FOLDER

Reads each FOLDER/NAME.ini, with FOLDER/NAME.credentials as the credentials file, and prints
{"NAME": {"PROFILE": view, ...}, ...}; {"NAME": {"error": text}} where the file cannot be read.
No process is started, no variable and no network is used.
"""

import hashlib
import json
import os
import pathlib
import sys
import tempfile

for variable in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[variable]
os.environ["HOME"] = tempfile.gettempdir()
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"

import botocore.configprovider
import botocore.credentials
import botocore.exceptions
import botocore.session
import botocore.utils

# They look at the machine and not at the profile.
OUTSIDE = {"ec2-credentials-file", "boto-config", "container-role", "iam-role"}


class Source:
    """Stands for credentials that would have to be fetched to be seen."""

    def __init__(self, kind):
        self.kind = kind


def load_process(provider):
    return None if provider._credential_process is None else Source("process")


def load_login(provider):
    profile = provider._load_config()["profiles"].get(provider._profile_name, {})
    return Source("login") if "login_session" in profile else None


botocore.credentials.ProcessProvider.load = load_process
botocore.credentials.LoginProvider.load = load_login
botocore.credentials.CanonicalNameCredentialSourcer.source_credentials = lambda _, name: Source(f"from {name}")


def sha1(text):
    return hashlib.sha1(text.encode("utf-8")).hexdigest()


def registration_key(session, start_url, region):
    """As the AWS CLI v2 has it, which alone registers clients; botocore only reads tokens."""
    scopes = session.get("sso_registration_scopes")
    if scopes is not None:
        scopes = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    arguments = {
        "tool": "botocore",
        "startUrl": start_url,
        "region": region,
        "scopes": scopes,
        "session_name": session.get("name"),
    }
    return sha1(json.dumps(arguments, sort_keys=True))


def sso(session, fetcher):
    name = fetcher._sso_session_name
    keys = {}
    if fetcher._token_provider is not None:
        # Looks at the session's own section, as `aws sso login` does; else it fails only at the first call.
        found = fetcher._token_provider._load_sso_config()
        assert found["session_name"] == name
        keys = dict(session.full_config["sso_sessions"][name], name=name)
    botocore.utils.validate_region_name(fetcher._sso_region)
    token_key = botocore.utils.SSOTokenLoader()._generate_cache_key(fetcher._start_url, name)
    view = {
        "kind": "sso",
        "session": name,
        "start_url": fetcher._start_url,
        "sso_region": fetcher._sso_region,
        "account": fetcher._account_id,
        "role": fetcher._role_name,
        "token": token_key,
        "registration": registration_key(keys, fetcher._start_url, fetcher._sso_region),
        "roles": [],
    }
    ignored = session.get_config_variable("ignore_configured_endpoint_urls")
    for service in ["sso", "sso-oidc", "sts"]:
        provider = botocore.configprovider.ConfiguredEndpointProvider(
            session.full_config, session.get_scoped_config(), service
        )
        view[f"endpoint {service}"] = None if ignored else provider.provide()
    return view


def describe(session, credentials):
    if credentials is None:
        return {"kind": "nothing"}
    if isinstance(credentials, Source):
        return {"kind": credentials.kind}
    if not isinstance(credentials, botocore.credentials.DeferredRefreshableCredentials):
        return {"kind": "keys"}
    fetcher = getattr(credentials._refresh_using, "__self__", None)
    if fetcher is None:
        return {"kind": "mfa"}
    if isinstance(fetcher, botocore.credentials.SSOCredentialFetcher):
        return sso(session, fetcher)
    if isinstance(fetcher, botocore.credentials.AssumeRoleWithWebIdentityCredentialFetcher):
        return {"kind": "web identity"}
    view = describe(session, fetcher._source_credentials)
    if view["kind"] != "sso":
        return {"kind": "role, " + view["kind"].removeprefix("role, ")}
    arguments = fetcher._assume_kwargs
    view["roles"].append(
        {
            "arn": arguments["RoleArn"],
            "session": None if fetcher._using_default_session_name else arguments["RoleSessionName"],
            "external_id": arguments.get("ExternalId"),
            "seconds": arguments.get("DurationSeconds"),
        }
    )
    return view


def view(profile):
    session = botocore.session.Session(profile=profile)
    try:
        region = session.get_scoped_config().get("region")
        resolver = botocore.credentials.create_credential_resolver(session)
        resolver.providers = [one for one in resolver.providers if one.METHOD not in OUTSIDE]
        return dict(describe(session, resolver.load_credentials()), region=region or None)
    # Some of its failures are a KeyError or an AttributeError.
    except Exception as error:
        return {"kind": "error", "text": f"{type(error).__name__}: {error}"}


def views(config):
    os.environ["AWS_CONFIG_FILE"] = str(config)
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(config.with_suffix(".credentials"))
    try:
        names = botocore.session.Session().available_profiles
    except botocore.exceptions.ConfigParseError as error:
        return {"error": str(error)}
    return {"profiles": {name: view(name) for name in names}}


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    print(json.dumps({config.stem: views(config) for config in sorted(folder.glob("*.ini"))}))
