// The tests' own check of signatures, against the examples that Amazon publishes ("Signature Calculations for the
// Authorization Header: Transferring Payload in a Single Chunk", Amazon S3 API Reference).

import { expect, it } from "vitest";
import { type SignedRequest, sha256Hex, signatureFault } from "../../support/signature-v4.js";

const ACCOUNT = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  region: "us-east-1",
};
const HOST = { host: "examplebucket.s3.amazonaws.com", "x-amz-date": "20130524T000000Z" };
const NOTHING = { ...HOST, "x-amz-content-sha256": sha256Hex("") };

const authorization = (headers: string, signature: string): string =>
  `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${headers},Signature=${signature}`;

const EXAMPLES: readonly [string, SignedRequest][] = [
  [
    "GET Object",
    {
      method: "GET",
      url: "/test.txt",
      headers: {
        ...NOTHING,
        range: "bytes=0-9",
        authorization: authorization(
          "host;range;x-amz-content-sha256;x-amz-date",
          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
      },
    },
  ],
  [
    "PUT Object",
    {
      method: "PUT",
      url: "/test%24file.text",
      headers: {
        ...HOST,
        date: "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-content-sha256": sha256Hex("Welcome to Amazon S3."),
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        authorization: authorization(
          "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
      },
    },
  ],
  [
    "GET Bucket Lifecycle",
    {
      method: "GET",
      url: "/?lifecycle",
      headers: {
        ...NOTHING,
        authorization: authorization(
          "host;x-amz-content-sha256;x-amz-date",
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
      },
    },
  ],
  [
    "GET Bucket (List Objects)",
    {
      method: "GET",
      url: "/?max-keys=2&prefix=J",
      headers: {
        ...NOTHING,
        authorization: authorization(
          "host;x-amz-content-sha256;x-amz-date",
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
      },
    },
  ],
];

it.each(EXAMPLES)("takes the published signature of %s, and no other", (_name, request) => {
  expect(signatureFault(request, ACCOUNT)).toBeUndefined();
  expect(signatureFault({ ...request, url: `${request.url}x` }, ACCOUNT)).toBe("SignatureDoesNotMatch");
  expect(signatureFault(request, { ...ACCOUNT, secretAccessKey: "x" })).toBe("SignatureDoesNotMatch");
});
