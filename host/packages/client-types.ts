// TypeScript for the client of an experience (`/-/twin.js`), from the schemas of capabilities. What it
// says of an answer holds: the host checks every payload against the same schema.

import { docComment } from "./doc-comment.ts";
import type { JsonSchema, Manifest, Method } from "./manifest.ts";
import { isRecord } from "./strict-shape.ts";

/** What the types are written from. */
export type DescribedCapability = Pick<Manifest, "name" | "version" | "title" | "description" | "methods">;

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/u;

/** What the client offers besides capabilities (docs/guides/write-an-experience.md). */
const CLIENT = `  export interface CallOptions {
    /** Repeating a command under the same id does nothing twice. */
    readonly callId?: string;
    readonly fuel?: number;
    readonly timeoutMs?: number;
    /** What led to the call (W3C Trace Context). */
    readonly traceparent?: string;
  }

  /** Something that a capability emitted. */
  export interface TwinEvent {
    readonly capability: string;
    readonly topic: string;
    readonly payload: any;
    readonly sequence: number;
    readonly atMs: number;
  }

  export interface ObjectInfo {
    readonly id: string;
    readonly sizeBytes: number;
    readonly type: string;
    readonly name: string;
    readonly durability: "local" | "dispersed";
  }

  /** A refusal or failure; \`details.code\` is the capability's own code for TWIN_GUEST_FAILED. */
  export class TwinError extends Error {
    readonly code: string;
    readonly details: Record<string, unknown>;
  }

  export interface TwinClient {
    about(): Promise<{
      readonly experience: string;
      readonly granted: readonly { readonly capability: string; readonly methods: readonly string[] }[];
    }>;
    call(capability: string, method: string, params?: unknown, options?: CallOptions): Promise<any>;
    on(
      capability: string,
      handler: (event: TwinEvent) => void,
      options?: { after?: number; onGap?: () => void },
    ): Promise<() => void>;
    put(
      file: Blob,
      options?: { name?: string; type?: string; onProgress?: (done: number, total: number) => void; signal?: AbortSignal },
    ): Promise<ObjectInfo>;
    blob(object: string, type?: string, options?: { signal?: AbortSignal }): Promise<Blob>;
    download(object: string, name: string, type?: string): Promise<void>;
    open(url: string): Promise<void>;
    readonly kept: string | undefined;
    keep(text: string): void;
    readonly shown: boolean;
    onShown(handler: (shown: boolean) => void): () => void;
  }

  /** The twin, as far as this experience was granted it. */
  export type Twin = TwinClient & Capabilities;

  export function connect(): Promise<Twin>;
`;

/** A declaration file for these capabilities. Deterministic: they come in the order of their names. */
export function clientTypes(capabilities: readonly DescribedCapability[]): string {
  const sorted = capabilities.toSorted((left, right) => (left.name < right.name ? -1 : 1));
  const blocks = sorted.map(
    (capability) =>
      `${docComment(`${capability.title} ${capability.version}: ${capability.description}`, "    ")}    ${propertyName(capability.name)}: {\n${methodsText(capability.methods)}    };\n`,
  );
  return [
    "// Written by `twin client` from what the capabilities say of themselves. Do not edit: write it again.\n\n",
    'declare module "*/-/twin.js" {\n',
    `  export interface Capabilities {\n${blocks.join("")}  }\n\n`,
    CLIENT,
    "}\n",
  ].join("");
}

function methodsText(methods: Readonly<Record<string, Method>>): string {
  return Object.entries(methods)
    .map(([name, { kind, doc, params, result }]) => {
      const asked = typeText(params, "      ");
      const optional = isOptional(params) ? "?" : "";
      return `${docComment(`${doc} (${kind})`, "      ")}      ${propertyName(name)}(params${optional}: ${asked}, options?: CallOptions): Promise<${typeText(result, "      ")}>;\n`;
    })
    .join("");
}

/** Whether an empty object would do. */
function isOptional(schema: JsonSchema): boolean {
  if (!isRecord(schema) || schema["type"] !== "object") return false;
  const { required } = schema;
  return !Array.isArray(required) || required.length === 0;
}

function typeText(schema: unknown, indent: string): string {
  if (!isRecord(schema)) return schema === false ? "never" : "any";
  if (Array.isArray(schema["enum"])) return schema["enum"].map((value) => JSON.stringify(value)).join(" | ");
  if (Object.hasOwn(schema, "const")) return JSON.stringify(schema["const"]);
  if (Array.isArray(schema["anyOf"])) return union(schema["anyOf"].map((part) => typeText(part, indent)));
  const types = Array.isArray(schema["type"]) ? (schema["type"] as unknown[]) : [schema["type"]];
  return union(types.map((type) => plainText(type, schema, indent)));
}

function plainText(type: unknown, schema: Readonly<Record<string, unknown>>, indent: string): string {
  switch (type) {
    case "string":
    case "boolean":
    case "null":
    case "number":
      return type;
    case "integer":
      return "number";
    case "array":
      return `readonly ${grouped(typeText(schema["items"], indent))}[]`;
    case "object":
      return objectText(schema, indent);
    default:
      return "any";
  }
}

function objectText(schema: Readonly<Record<string, unknown>>, indent: string): string {
  const { properties, required, additionalProperties: more } = schema;
  if (!isRecord(properties)) return more === false ? "{}" : `Readonly<Record<string, ${typeText(more, indent)}>>`;
  const names = Object.keys(properties);
  if (names.length === 0) return more === false ? "Readonly<Record<string, never>>" : "Readonly<Record<string, any>>";
  const inside = `${indent}  `;
  const fields = names.map((name) => {
    const field = properties[name];
    const doc =
      isRecord(field) && typeof field["description"] === "string" ? docComment(field["description"], inside) : "";
    const optional = Array.isArray(required) && required.includes(name) ? "" : "?";
    return `${doc}${inside}readonly ${propertyName(name)}${optional}: ${typeText(field, inside)};\n`;
  });
  return `{\n${fields.join("")}${indent}}`;
}

function union(parts: readonly string[]): string {
  return [...new Set(parts)].join(" | ");
}

function grouped(text: string): string {
  return text.includes(" | ") || text.startsWith("readonly ") ? `(${text})` : text;
}

function propertyName(name: string): string {
  return IDENTIFIER.test(name) ? name : JSON.stringify(name);
}
