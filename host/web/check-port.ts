// Whether the web's port can be had, asked before anything else of a host is made.

import { bindAll, closeAll } from "./listen.ts";

/** Resolves when `openWeb` could listen there now. Throws `TWIN_HOST_PORT`, as it would. */
export async function checkPortFree(host: string, port: number): Promise<void> {
  if (port === 0) return;
  await closeAll(await bindAll({ address: host, port }));
}
