// What another twin may know of a failure here.

import { type ErrorWire, TwinError } from "../base/errors.ts";

/** Its code, message and the guest's own reason: not our receipts, nor how much work was done. */
export function errorForPeer({ code, message, details }: TwinError): ErrorWire {
  const reason = code === "TWIN_GUEST_FAILED" ? details["code"] : undefined;
  return { code, message, details: reason === undefined ? {} : { code: reason } };
}
