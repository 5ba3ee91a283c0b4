// The jobs of a put, on a worker that dies of plaintext that begins with "die".

import { utf8Encode, equalBytes } from "../../host/base/bytes.ts";
import { jobs as vaultJobs, type VaultJobs } from "../../host/vault/vault-jobs.ts";

const DEADLY = utf8Encode("die");

/** As the vault's own. */
export const jobs: VaultJobs = {
  ...vaultJobs,
  pack: (kernels, input) => {
    if (equalBytes(input.order.plain.subarray(0, DEADLY.length), DEADLY)) process.exit(1);
    return vaultJobs.pack(kernels, input);
  },
};
