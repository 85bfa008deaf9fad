// The SDK for Go v2, which takes its credentials from a container's endpoint, as the variables of the environment say.
// Arguments, rounds and lines are those of ../python.py.
//
// Built with Debian's packages, which are older than AWS_ENDPOINT_URL: the endpoint is set here.
package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

type said struct {
	Arn   string `json:"arn,omitempty"`
	Bytes int    `json:"bytes,omitempty"`
	Key   string `json:"key,omitempty"`
	Error string `json:"error,omitempty"`
}

func main() {
	bucket, key := os.Args[1], os.Args[2]
	seconds, pause := number(os.Args[3]), number(os.Args[4])
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	everyone := aws.EndpointResolverWithOptionsFunc(
		func(_, region string, _ ...interface{}) (aws.Endpoint, error) {
			return aws.Endpoint{URL: os.Getenv("AWS_ENDPOINT_URL"), SigningRegion: region, HostnameImmutable: true}, nil
		})
	settings, err := config.LoadDefaultConfig(context.TODO(), config.WithEndpointResolverWithOptions(everyone))
	if err != nil {
		panic(err)
	}
	objects := s3.NewFromConfig(settings, func(options *s3.Options) { options.UsePathStyle = true })
	identity := sts.NewFromConfig(settings)
	out := json.NewEncoder(os.Stdout)
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	for time.Now().Before(end) {
		line, err := round(settings, identity, objects, bucket, key)
		if err != nil {
			line = said{Error: strings.Join(strings.Fields(err.Error()), " ")}
		}
		_ = out.Encode(line)
		select {
		case <-ended:
			return
		case <-time.After(time.Duration(pause * float64(time.Millisecond))):
		}
	}
}

func round(settings aws.Config, identity *sts.Client, objects *s3.Client, bucket, key string) (said, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	caller, err := identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return said{}, err
	}
	object, err := objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return said{}, err
	}
	defer object.Body.Close()
	body, err := io.ReadAll(object.Body)
	if err != nil {
		return said{}, err
	}
	credentials, err := settings.Credentials.Retrieve(ctx)
	if err != nil {
		return said{}, err
	}
	return said{Arn: *caller.Arn, Bytes: len(body), Key: credentials.AccessKeyID}, nil
}

func number(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return value
}
