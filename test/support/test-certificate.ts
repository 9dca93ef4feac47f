// A key and a certificate of localhost and 127.0.0.1 for the tests: signed by itself, good for a hundred years, and no
// secret.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export const TEST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvHI3VpzzAB6AlhTh
JKApSeGxo3t9pOoxuUkm7Za0iiahRANCAAQs332DtfQ4FOh/iDjFLpDlTa67O2+s
MyzMl+RV3u6EzHtrTpwmN77wmAc3O5TFZEqXElX73n38hg9THxPgH1E4
-----END PRIVATE KEY-----
`;

export const TEST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUXP6j8inDN0J8A+yYjuirtnBNULEwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNzAzNDk0OVoYDzIxMjYxMTAz
MDM0OTQ5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQs332DtfQ4FOh/iDjFLpDlTa67O2+sMyzMl+RV3u6EzHtrTpwmN77w
mAc3O5TFZEqXElX73n38hg9THxPgH1E4o28wbTAdBgNVHQ4EFgQU5982cKYo2C/l
pvPNPC7odccOJ6owHwYDVR0jBBgwFoAU5982cKYo2C/lpvPNPC7odccOJ6owDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgCIW8lW1F3lNnf43kwj27khN7KMX7boMSjo1SHUtR5KACIB05
BCkAvxOAOi0PdM6Z/F6RmdWE1veSNt/95vSb/LTa
-----END CERTIFICATE-----
`;

/** Writes both below a folder; answers the `tls` section of reel.json. */
export async function certificateFiles(folder: string): Promise<{ certificate: string; key: string }> {
  await mkdir(folder, { recursive: true });
  const paths = { certificate: join(folder, "certificate.pem"), key: join(folder, "key.pem") };
  await writeFile(paths.certificate, TEST_CERTIFICATE);
  await writeFile(paths.key, TEST_KEY);
  return paths;
}
