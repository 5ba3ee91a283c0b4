// Trace context of calls, as W3C Trace Context has it (https://www.w3.org/TR/trace-context/, version 00)
// and OpenTelemetry reads it: a trace is what one cause has led to, a span one call of it.

import { hexEncode, utf8Encode } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import type { Kernels } from "../kernels/kernels.ts";

/** A call's place in a trace. */
export interface TraceSpan {
  /** Id of the trace: 32 lower-case hex digits. */
  readonly id: string;
  /** Id of this call in it: 16 lower-case hex digits. */
  readonly span: string;
  /** The span that led to it; absent for the first one. */
  readonly parent?: string | undefined;
}

const TRACE_ID_SIZE = 16;
const SPAN_ID_SIZE = 8;
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/u;

/** The span that a `traceparent` names; undefined for what is none. */
export function parseTraceparent(text: string): TraceSpan | undefined {
  const [, version, id = "", span = "", rest] = TRACEPARENT.exec(text) ?? [];
  // Later versions may say more behind these fields; 00 may not, and ff is none.
  if (version === undefined || version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  return /[^0]/u.test(id) && /[^0]/u.test(span) ? { id, span } : undefined;
}

/** The `traceparent` of calls that the span leads to. */
export function formatTraceparent({ id, span }: TraceSpan): string {
  return `00-${id}-${span}-01`;
}

/** A fresh span: the child of `parent`, or the first one of a fresh trace. */
export function createSpan(random: Random, parent?: TraceSpan): TraceSpan {
  const span = hexEncode(random.bytes(SPAN_ID_SIZE));
  if (parent !== undefined) return { id: parent.id, span, parent: parent.span };
  return { id: hexEncode(random.bytes(TRACE_ID_SIZE)), span };
}

/**
 * The span of a call that has led to nothing and that nothing but its caller led to: its ids cost no
 * chance and no room. `prefix`: 16 hex digits of the twin's own. They are shown, never sent.
 */
export function lonelySpan(prefix: string, sequence: number): TraceSpan {
  const span = sequence.toString(16).padStart(2 * SPAN_ID_SIZE, "0");
  return { id: prefix + span, span };
}

/** Of a {@link lonelySpan} its prefix; undefined for others. */
export function lonelyPrefix({ id, span, parent }: TraceSpan): string | undefined {
  return parent === undefined && id.endsWith(span) ? id.slice(0, -span.length) : undefined;
}

/** The prefix of a twin's {@link lonelySpan}s. */
export function tracePrefix(twin: string, kernels: Pick<Kernels, "hash">): string {
  return hexEncode(kernels.hash(utf8Encode(`trace ${twin}`)).subarray(0, SPAN_ID_SIZE));
}
