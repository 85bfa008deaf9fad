import com.amazonaws.auth.DefaultAWSCredentialsProviderChain;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.s3.AmazonS3;
import com.amazonaws.services.s3.AmazonS3ClientBuilder;
import com.amazonaws.services.s3.model.S3Object;
import com.amazonaws.services.securitytoken.AWSSecurityTokenService;
import com.amazonaws.services.securitytoken.AWSSecurityTokenServiceClientBuilder;
import com.amazonaws.services.securitytoken.model.GetCallerIdentityRequest;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The SDK for Java, which takes its credentials from a container's endpoint, as the variables of the environment say.
 * Arguments, rounds and lines are those of ../python.py.
 *
 * <p>It is version 1 of the SDK, as version 2 is in no package that tests may use; AWS_ENDPOINT_URL is younger.
 */
public final class Client {
    public static void main(String[] arguments) throws Exception {
        String bucket = arguments[0];
        String key = arguments[1];
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.parseLong(arguments[2]));
        long pause = Long.parseLong(arguments[3]);
        EndpointConfiguration endpoint =
            new EndpointConfiguration(System.getenv("AWS_ENDPOINT_URL"), System.getenv("AWS_REGION"));
        AWSSecurityTokenService sts =
            AWSSecurityTokenServiceClientBuilder.standard().withEndpointConfiguration(endpoint).build();
        AmazonS3 objects =
            AmazonS3ClientBuilder.standard()
                .withEndpointConfiguration(endpoint)
                .withPathStyleAccessEnabled(true)
                .build();
        CountDownLatch ended = endOfInput();
        do {
            String said;
            try (S3Object object = objects.getObject(bucket, key)) {
                String arn = sts.getCallerIdentity(new GetCallerIdentityRequest()).getArn();
                int bytes = object.getObjectContent().readAllBytes().length;
                String id = DefaultAWSCredentialsProviderChain.getInstance().getCredentials().getAWSAccessKeyId();
                said = String.format("{\"arn\": \"%s\", \"bytes\": %d, \"key\": \"%s\"}", arn, bytes, id);
            } catch (Exception error) {
                String text = String.valueOf(error).replaceAll("\\s+", " ").replaceAll("[\\\\\"]", "'");
                said = String.format("{\"error\": \"%s\"}", text);
            }
            System.out.println(said);
        } while (!ended.await(pause, TimeUnit.MILLISECONDS) && System.nanoTime() < end);
        System.exit(0);
    }

    private static CountDownLatch endOfInput() {
        CountDownLatch ended = new CountDownLatch(1);
        Thread reader = new Thread(() -> {
            try {
                System.in.readAllBytes();
            } catch (java.io.IOException error) {
                System.err.println(error);
            }
            ended.countDown();
        });
        reader.setDaemon(true);
        reader.start();
        return ended;
    }
}
