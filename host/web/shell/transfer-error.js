// Refusals of transfers, as the host words them.

/** A refusal with a code. */
export class TransferError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "TransferError";
    this.code = code;
  }
}

/** What the host refused with. @param {number} status @param {string} text its answer */
export function refusalOf(status, text) {
  const answer = parseJson(text);
  return new TransferError(answer?.code ?? "TWIN_HOST_INTERNAL", answer?.message ?? `The host answered ${status}.`);
}

/** @param {string} text @returns {any} */
export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
