"""boto3 as a program of its own uses it: one long-lived process, told what to do line by line.

usage: boto3_session.py PROFILE

  identity   asks AWS who the profile is, in a new session; prints its ARN
  renew      looks at the token as a new program would, which renews one of less than 15 minutes;
             prints `renewed`, `kept` (not due) or `refused` (due, but AWS does not take the refresh token)

Prints one line for each; `failed: …` for an exception.
"""

import logging
import sys

import boto3
import botocore.session
from botocore.tokens import SSOTokenProvider


class Outcome(logging.Handler):
    """What botocore says of the renewal: it tells nobody else whether there was one."""

    word = "kept"

    def emit(self, record):
        text = record.getMessage()
        if "refresh succeeded" in text:
            self.word = "renewed"
        elif "refresh attempt failed" in text:
            self.word = "refused"


def main(profile):
    outcome = Outcome()
    logger = logging.getLogger("botocore.tokens")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(outcome)
    provider = SSOTokenProvider(botocore.session.Session(profile=profile))

    def identity():
        session = boto3.Session(profile_name=profile)
        return session.client("sts").get_caller_identity()["Arn"]

    def renew():
        outcome.word = "kept"
        provider.load_token().get_frozen_token()
        return outcome.word

    commands = {"identity": identity, "renew": renew}
    for line in sys.stdin:
        try:
            said = commands[line.strip()]()
        except Exception as error:
            said = "failed: " + " ".join(str(error).split())
        print(said, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
