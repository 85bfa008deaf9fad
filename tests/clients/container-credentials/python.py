"""boto3 that takes its credentials from a container's endpoint, as the variables of the environment say.

usage: python.py BUCKET KEY SECONDS PAUSE_MILLISECONDS

Asks STS who it is and reads the object, again and again with one session, until its standard input ends or SECONDS
are over. Prints a line of JSON for each round: {"arn": …, "bytes": …, "key": …} or {"error": …}.
"""

import json
import select
import sys
import time

import boto3


def main(bucket, key, seconds, pause):
    session = boto3.Session()
    clients = None
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        try:
            # Without credentials no client can be made; with a session, a later round tries again.
            clients = clients or (session.client("sts"), session.client("s3"))
            sts, s3 = clients
            arn = sts.get_caller_identity()["Arn"]
            body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            said = {"arn": arn, "bytes": len(body), "key": session.get_credentials().access_key}
        except Exception as error:
            said = {"error": " ".join(str(error).split())}
            session, clients = boto3.Session(), None
        print(json.dumps(said), flush=True)
        if select.select([sys.stdin], [], [], float(pause) / 1000)[0] and not sys.stdin.read(1):
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
