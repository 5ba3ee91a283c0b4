// Property tests begin with a fresh seed on a developer's machine and find new things there; in CI with the
// same one each time, so that a red run speaks of the change.

import fc from "fast-check";

if (process.env["CI"] !== undefined) fc.configureGlobal({ seed: 1_000 });
