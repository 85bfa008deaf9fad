// The SDK for JavaScript v3, which takes its credentials from a container's endpoint, as the variables of the
// environment say. Arguments, rounds and lines are those of ../python.py.

const { GetObjectCommand, S3Client } = require("@aws-sdk/client-s3");
const { GetCallerIdentityCommand, STSClient } = require("@aws-sdk/client-sts");
const { fromContainerMetadata, fromHttp } = require("@aws-sdk/credential-providers");

const [bucket, key, seconds, pause] = process.argv.slice(2);
const providers = { http: fromHttp, metadata: fromContainerMetadata };

async function main() {
  // The default chain asks the endpoint by one of these two; PROVIDER names one by itself.
  const provider = providers[process.env.PROVIDER];
  const options = provider ? { credentials: provider() } : {};
  const connect = () => [new STSClient(options), new S3Client({ ...options, forcePathStyle: true })];
  let [sts, s3] = connect();
  let asked = true;
  process.stdin.on("end", () => (asked = false)).resume();
  const end = Date.now() + Number(seconds) * 1000;
  while (asked && Date.now() < end) {
    let said;
    try {
      const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
      const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      const bytes = (await object.Body.transformToByteArray()).length;
      said = { arn: Arn, bytes, key: (await sts.config.credentials()).accessKeyId };
    } catch (error) {
      said = { error: `${error.name}: ${error.message}`.replace(/\s+/g, " ") };
      // Its default chain gives its first failure again for ever; later versions of the SDK ask again.
      [sts, s3] = connect();
    }
    console.log(JSON.stringify(said));
    await new Promise((go) => setTimeout(go, Number(pause)));
  }
  process.exit(0);
}

main();
