// The jobs of a put, on a worker that dies of plaintext that begins with "die".

import { utf8Encode, equalBytes } from "../../host/base/bytes.ts";
import { jobs as putJobs, type PutJobs } from "../../host/vault/put-jobs.ts";

const DEADLY = utf8Encode("die");

/** As the vault's own. */
export const jobs: PutJobs = {
  ...putJobs,
  pack: (kernels, input) => {
    if (equalBytes(input.order.plain.subarray(0, DEADLY.length), DEADLY)) process.exit(1);
    return putJobs.pack(kernels, input);
  },
};
