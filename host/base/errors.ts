// The one error class and the one table of codes. Every operating error a user, an author or a
// peer can meet has a code here, and a section in docs/errors.md (a test compares the two).

/** How a code maps to HTTP, and whether trying the same call again can help. */
interface ErrorCode {
  readonly status: number;
  readonly retry: boolean;
}

/** Code -> HTTP status and retry. `TWIN_<NOUN>_<WHAT>`; nothing is ever renamed. */
export const ERROR_CODES = {
  // input and host
  TWIN_INPUT_INVALID: { status: 400, retry: false },
  TWIN_LIMIT_EXCEEDED: { status: 413, retry: false },
  TWIN_CONFIG_INVALID: { status: 400, retry: false },
  TWIN_HOST_FOLDER: { status: 500, retry: false },
  TWIN_HOST_BUSY: { status: 503, retry: true },
  TWIN_HOST_PORT: { status: 500, retry: false },
  TWIN_HOST_INTERNAL: { status: 500, retry: false },
  TWIN_TIMEOUT: { status: 504, retry: true },
  TWIN_ABORTED: { status: 499, retry: true },
  // identity
  TWIN_PHRASE_INVALID: { status: 400, retry: false },
  TWIN_KEYSTORE_INVALID: { status: 500, retry: false },
  TWIN_ID_INVALID: { status: 400, retry: false },
  // kernels
  TWIN_SEAL_BROKEN: { status: 500, retry: false },
  TWIN_CODE_LOST: { status: 500, retry: false },
  TWIN_KERNEL_QUEUE: { status: 503, retry: true },
  TWIN_KERNEL_RESTARTED: { status: 503, retry: true },
  // state
  TWIN_STATE_BROKEN: { status: 500, retry: false },
  TWIN_STATE_FULL: { status: 507, retry: false },
  // vault
  TWIN_OBJECT_UNKNOWN: { status: 404, retry: false },
  TWIN_OBJECT_RANGE: { status: 416, retry: false },
  TWIN_OBJECT_LOST: { status: 500, retry: false },
  TWIN_STORE_FAILED: { status: 503, retry: true },
  TWIN_STORE_FULL: { status: 507, retry: true },
  TWIN_STORE_NEEDED: { status: 409, retry: false },
  // sandbox: admission
  TWIN_MODULE_INVALID: { status: 400, retry: false },
  TWIN_MODULE_FEATURE: { status: 400, retry: false },
  TWIN_MODULE_IMPORT: { status: 400, retry: false },
  TWIN_MODULE_EXPORT: { status: 400, retry: false },
  TWIN_MODULE_LIMIT: { status: 400, retry: false },
  // sandbox: calls
  TWIN_GUEST_FUEL: { status: 429, retry: false },
  TWIN_GUEST_DEPTH: { status: 500, retry: false },
  TWIN_GUEST_MEMORY: { status: 500, retry: false },
  TWIN_GUEST_TRAP: { status: 500, retry: false },
  TWIN_GUEST_ABI: { status: 500, retry: false },
  TWIN_GUEST_DEADLINE: { status: 504, retry: true },
  TWIN_GUEST_FAILED: { status: 422, retry: false },
  TWIN_GUEST_DENIED: { status: 403, retry: false },
  TWIN_SANDBOX_RESTARTED: { status: 503, retry: true },
  // packages
  TWIN_PACKAGE_INVALID: { status: 400, retry: false },
  TWIN_PACKAGE_SIGNATURE: { status: 400, retry: false },
  TWIN_PACKAGE_CONFLICT: { status: 409, retry: false },
  TWIN_PACKAGE_UNKNOWN: { status: 404, retry: false },
  TWIN_PACKAGE_NEEDED: { status: 409, retry: false },
  TWIN_PACKAGE_CONSENT: { status: 409, retry: false },
  TWIN_PACKAGE_DEPENDENCY: { status: 409, retry: false },
  TWIN_PACKAGE_REVIEW: { status: 409, retry: false },
  TWIN_PACKAGE_REFUSED: { status: 403, retry: false },
  TWIN_REGISTRY_FAILED: { status: 502, retry: true },
  TWIN_PACKAGE_MIGRATION: { status: 422, retry: false },
  TWIN_EXPERIENCE_INVALID: { status: 400, retry: false },
  TWIN_EXPERIENCE_UNKNOWN: { status: 404, retry: false },
  // engine and grants
  TWIN_CALL_DENIED: { status: 403, retry: false },
  TWIN_CALL_UNKNOWN: { status: 404, retry: false },
  TWIN_CALL_PARAMS: { status: 400, retry: false },
  TWIN_CALL_RESULT: { status: 500, retry: false },
  TWIN_CALL_CYCLE: { status: 508, retry: false },
  TWIN_CALL_QUEUE: { status: 429, retry: true },
  TWIN_ENGINE_RESTARTED: { status: 503, retry: true },
  TWIN_FETCH_DENIED: { status: 403, retry: false },
  TWIN_FETCH_FAILED: { status: 502, retry: true },
  TWIN_GRANT_UNKNOWN: { status: 404, retry: false },
  // peers
  TWIN_PEER_UNKNOWN: { status: 404, retry: false },
  TWIN_PEER_OFFLINE: { status: 503, retry: true },
  TWIN_PEER_IMPOSTOR: { status: 403, retry: false },
  TWIN_PEER_PROTOCOL: { status: 400, retry: false },
  TWIN_RECORD_INVALID: { status: 400, retry: false },
  TWIN_CHAIN_FAILED: { status: 502, retry: true },
  TWIN_CHAIN_REFUSED: { status: 422, retry: false },
  TWIN_INVITE_INVALID: { status: 400, retry: false },
  TWIN_INVITE_USED: { status: 410, retry: false },
  // web
  TWIN_LOGIN_REFUSED: { status: 401, retry: false },
  TWIN_ORIGIN_REFUSED: { status: 403, retry: false },
  TWIN_PATH_UNKNOWN: { status: 404, retry: false },
} as const satisfies Readonly<Record<string, ErrorCode>>;

/** One of the keys of {@link ERROR_CODES}. */
export type TwinErrorCode = keyof typeof ERROR_CODES;

/** Facts of an error that a program can use. Never secrets, never user data. JSON only. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

/** What travels to another process in place of an error: no stack, no cause. */
export interface ErrorWire {
  readonly code: TwinErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

/**
 * An operating error: expected, typed, with a message that says what was expected, what was
 * found, and what to do next. Programmer errors are `TypeError` and `RangeError` instead.
 */
export class TwinError extends Error {
  readonly code: TwinErrorCode;
  readonly details: ErrorDetails;

  constructor(code: TwinErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "TwinError";
    this.code = code;
    this.details = details;
  }

  /** Whether the same call may succeed later without a change by the caller. */
  get retry(): boolean {
    return ERROR_CODES[this.code].retry;
  }

  /** The HTTP status that fits this code. */
  get status(): number {
    return ERROR_CODES[this.code].status;
  }

  /** The parts that may cross a process or network boundary. */
  toWire(): ErrorWire {
    return { code: this.code, message: this.message, details: this.details };
  }
}

/** Whether `value` is one of our codes. */
export function isErrorCode(value: unknown): value is TwinErrorCode {
  return typeof value === "string" && Object.hasOwn(ERROR_CODES, value);
}

/** Rebuilds a {@link TwinError} from what another process sent; unknown shapes become `TWIN_HOST_INTERNAL`. */
export function errorFromWire(wire: unknown): TwinError {
  const { code, message, details } = (wire ?? {}) as Partial<Record<keyof ErrorWire, unknown>>;
  if (!isErrorCode(code) || typeof message !== "string") {
    return new TwinError("TWIN_HOST_INTERNAL", "The other side failed without saying why.");
  }
  return new TwinError(code, message, isDetails(details) ? details : {});
}

/**
 * Any thrown value as a {@link TwinError}. What is not one already is a bug of ours: it becomes
 * `TWIN_HOST_INTERNAL` with the original as its cause, so that a log shows it and a caller does not.
 */
export function toTwinError(thrown: unknown): TwinError {
  if (thrown instanceof TwinError) return thrown;
  return new TwinError("TWIN_HOST_INTERNAL", "The host met an error of its own; its log has the details.", {}, thrown);
}

function isDetails(value: unknown): value is ErrorDetails {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((item) => item === null || ["string", "number", "boolean"].includes(typeof item));
}
