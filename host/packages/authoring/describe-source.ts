// What a capability's source says of itself: its methods with their schemas, and its events.

import { findSchedules } from "./find-schedules.ts";
import { checkKeptClasses, checkMethod, checkStrays, checkWorld, undecorated } from "./check-source.ts";
import type { JsonSchema, Manifest, Method, MethodKind } from "../manifest.ts";
import {
  type FunctionDeclaration,
  type ParameterDeclaration,
  type SourceFile,
  type SourceFiles,
  decoratorOf,
  sourceProblem,
} from "./source-model.ts";
import { classOf, schemaOfFields, schemaOfType } from "./source-schema.ts";

/** A method and the function that it is. */
export interface SourceMethod {
  readonly declaration: FunctionDeclaration;
  readonly description: Method;
  /** The class that is the whole payload, or else undefined: each parameter is a field of it. */
  readonly payload: string | undefined;
}

/** What the source adds to `capability.json`. */
export interface SourceDescription {
  readonly methods: readonly SourceMethod[];
  readonly events: Manifest["events"];
}

const KINDS: readonly MethodKind[] = ["query", "command", "task"];

/** Reads methods and events from the source. Throws `TWIN_PACKAGE_INVALID` at the first line that has to change. */
export function describeSource(index: SourceFile, files: SourceFiles): SourceDescription {
  const methods: SourceMethod[] = [];
  checkStrays(files);
  for (const file of files.values()) {
    if (!file.isSdk) {
      checkWorld(file);
      checkKeptClasses(file, files);
    }
    for (const declaration of file.functions) {
      const kind = kindOf(declaration);
      if (file !== index && kind !== undefined) {
        throw sourceProblem(declaration.place, `methods stand in index.ts; move ${declaration.name} there.`);
      }
      if (file !== index || (kind === undefined && declaration.exportStart === undefined)) continue;
      if (kind === undefined) throw undecorated(declaration);
      checkMethod(
        declaration,
        methods.map((method) => method.declaration),
      );
      methods.push(describeMethod(declaration, kind, { index, files }));
    }
  }
  if (methods.length === 0) {
    const place = { file: index.name, line: 1, column: 1 };
    throw sourceProblem(place, "there is no method; write @query, @command or @task in front of an exported function.");
  }
  checkSchedules(files, methods);
  return { methods, events: describeEvents(files) };
}

/** What is to be called later has to be a method, and one that changes something. */
function checkSchedules(files: SourceFiles, methods: readonly SourceMethod[]): void {
  for (const file of files.values()) {
    if (file.isSdk) continue;
    for (const { method, place } of findSchedules(file)) {
      const kind = methods.find(({ declaration }) => declaration.name === method)?.description.kind;
      if (kind === undefined) throw sourceProblem(place, `there is no command or task ${method} here to call later.`);
      if (kind === "query")
        throw sourceProblem(place, `${method} is a query; what is called later is a @command or @task.`);
    }
  }
}

function kindOf(declaration: FunctionDeclaration): MethodKind | undefined {
  const kinds = KINDS.filter((kind) => decoratorOf(declaration, kind) !== undefined);
  if (kinds.length > 1)
    throw sourceProblem(declaration.place, `${declaration.name} is one of @query, @command and @task.`);
  return kinds[0];
}

function describeMethod(
  declaration: FunctionDeclaration,
  kind: MethodKind,
  { index, files }: { readonly index: SourceFile; readonly files: SourceFiles },
): SourceMethod {
  const { name, place, doc, parameters, result } = declaration;
  if (declaration.exportStart === undefined) throw sourceProblem(place, `write export in front of function ${name}.`);
  if (doc === "")
    throw sourceProblem(place, `say in a comment /** ... */ above ${name} what it does; callers read it.`);
  const scope = { files, file: index };
  const [first] = parameters;
  const whole = parameters.length === 1 && first!.initial === undefined && classOf(first!.type, scope) !== undefined;
  const params = whole
    ? schemaOfType(first!.type, { ...scope, direction: "in" })
    : schemaOfFields(parameters, optionalOf(parameters), { ...scope, direction: "in" });
  const exposed = decoratorOf(declaration, "exposeTo");
  if (exposed !== undefined && (exposed.args.length === 0 || exposed.args.some((arg) => typeof arg !== "string"))) {
    throw sourceProblem(exposed.place, '@exposeTo is written @exposeTo("contacts"), with names of circles.');
  }
  return {
    declaration,
    payload: whole ? first!.type.name : undefined,
    description: {
      kind,
      doc,
      params,
      result: result.name === "void" ? NOTHING : schemaOfType(result, { ...scope, direction: "out" }),
      ...(exposed === undefined ? {} : { exposeTo: exposed.args as string[] }),
    },
  };
}

/** What a method without a result answers. */
const NOTHING: JsonSchema = { type: "object", properties: {}, additionalProperties: false };

function optionalOf(parameters: readonly ParameterDeclaration[]): Set<string> {
  return new Set(parameters.filter(({ initial }) => initial !== undefined).map(({ name }) => name));
}

function describeEvents(files: SourceFiles): Manifest["events"] {
  const events: Record<string, JsonSchema> = {};
  for (const file of files.values()) {
    for (const declared of file.classes.values()) {
      const event = decoratorOf(declared, "event");
      if (event === undefined) continue;
      const [topic] = event.args;
      if (typeof topic !== "string") {
        throw sourceProblem(event.place, '@event is written @event("guestbook.signed"), with the topic.');
      }
      if (Object.hasOwn(events, topic)) {
        throw sourceProblem(event.place, `${topic} is the topic of another class already; an event has one form.`);
      }
      const type = { name: declared.name, args: [], nullable: false, place: declared.place, span: [0, 0] } as const;
      events[topic] = schemaOfType(type, { files, file, direction: "out" });
    }
  }
  return events;
}
