// Messages of other twins as they cross to the worker: many in one run of bytes, like calls.

import { pack, type Packed, unpack } from "./byte-packing.ts";
import type { IncomingMessage } from "./engine.ts";
import { laneOf, type WorkerRequest } from "./worker-messages.ts";

type DeliveryMessage = WorkerRequest<"deliver">;
/** What the messages of a batch have in common. */
type Form = Omit<IncomingMessage, "sequence" | "payload" | "trace">;

interface Texts {
  readonly forms: readonly Form[];
  /** One per message. */
  readonly traces: readonly (string | null)[];
}

/** Id, slot, time of sending, position of its form, sequence, size of its payload. */
const DELIVERY_LENGTH = 6;

/** Packs requests of deliveries; their payloads stay the caller's. */
export function packDeliveries(deliveries: readonly DeliveryMessage[]): Packed {
  const forms: Form[] = [];
  const numbers: number[] = [];
  let before: IncomingMessage | undefined;
  for (const { id, slot, sentAtMs, args } of deliveries) {
    const { from, circles, capability, method, sequence, payload } = args;
    if (before === undefined || !haveSameForm(before, args)) forms.push({ from, circles, capability, method });
    numbers.push(id, slot, sentAtMs, forms.length - 1, sequence, payload.length);
    before = args;
  }
  const texts: Texts = { forms, traces: deliveries.map(({ args }) => args.trace ?? null) };
  return pack(
    numbers,
    texts,
    deliveries.map(({ args }) => args.payload),
  );
}

/** The requests; each payload is a part of the bytes that came. */
export function unpackDeliveries(packed: Packed): DeliveryMessage[] {
  const { numbers, text, payloads } = unpack(packed);
  const { forms, traces } = text as Texts;
  const deliveries: DeliveryMessage[] = [];
  let offset = 0;
  for (let at = 0; at < numbers.length; at += DELIVERY_LENGTH) {
    const [id, slot, sentAtMs] = [numbers[at]!, numbers[at + 1]!, numbers[at + 2]!];
    const payload = payloads.subarray(offset, (offset += numbers[at + 5]!));
    const trace = traces[deliveries.length] ?? undefined;
    const args: IncomingMessage = { ...forms[numbers[at + 3]!]!, sequence: numbers[at + 4]!, payload, trace };
    const before = deliveries.at(-1);
    const isLaneOfBefore = before?.slot === slot && before.args.from === args.from;
    const { caller, lane } = isLaneOfBefore ? before : laneOf({ slot, name: "deliver", args });
    deliveries.push({ id, slot, caller, lane, name: "deliver", args, sentAtMs });
  }
  return deliveries;
}

/** The circles of a batch are one list. */
function haveSameForm(left: IncomingMessage, right: IncomingMessage): boolean {
  return (
    left.from === right.from &&
    left.circles === right.circles &&
    left.capability === right.capability &&
    left.method === right.method
  );
}
