// The jobs of a put, on a worker that dies of the plaintext "die".

import { utf8Encode, equalBytes } from "../../host/base/bytes.ts";
import { jobs as putJobs, type PutJobs } from "../../host/vault/put-jobs.ts";

/** As the vault's own. */
export const jobs: PutJobs = {
  ...putJobs,
  seal: (kernels, input) => {
    if (equalBytes(input.plain, utf8Encode("die"))) process.exit(1);
    return putJobs.seal(kernels, input);
  },
};
