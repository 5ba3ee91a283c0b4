// A self-signed certificate for the name `localhost`, from 2020 to 2120, with its key: for tests alone.
// Made by OpenSSL (`openssl ca -selfsign`, P-256).

/** PEM. Not a secret: nothing trusts it but a test that says so. */
export const LOCALHOST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqHxadwlAX62TAsEC
5mI+36Aqy6vOF2wwfT05k1DtYW+hRANCAAR8l+Jc7I6Vqot6r5nLt5HMHM+oeuXl
MACfKnnExQi2qDddcIXdEAHn6PoEP0s+aaWZnu0/plC3ZLDTc885qJFv
-----END PRIVATE KEY-----
`;

/** PEM. */
export const LOCALHOST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBYTCCAQegAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHyX4lzsjpWqi3qv
mcu3kcwcz6h65eUwAJ8qecTFCLaoN11whd0QAefo+gQ/Sz5ppZme7T+mULdksNNz
zzmokW+jSDBGMBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAPBgNVHRMBAf8EBTADAQH/
MB0GA1UdDgQWBBSN6Xuq1J/JBlS+YXoMF340SIndrzAKBggqhkjOPQQDAgNIADBF
AiAJ4nbe6qtcdxSZIx812eyumYtkUi1h7Hk/9Tn2JuRjXwIhAKIsHdKunG1/njOn
vJZwhaWL075iT075bFE+7p9Ktpyl
-----END CERTIFICATE-----
`;
