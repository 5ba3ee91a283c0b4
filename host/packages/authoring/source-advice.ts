// What to do about what the compiler says: its words assume someone who knows where AssemblyScript ends.

/** One kind of mistake. */
interface Advice {
  readonly message: RegExp;
  /** What stands in the source there. */
  readonly at?: RegExp;
  readonly advice: string;
}

const LOOP = "write for (let index = 0; index < list.length; index++)";

const ADVICE: readonly Advice[] = [
  {
    message: /expected|not implemented/iu,
    at: /^(?:export )?async\b/u,
    advice: "there is no async: a call runs to its end at once",
  },
  { message: /Expression expected/u, at: /^await\b/u, advice: "there is no await: a call runs to its end at once" },
  { message: /^Type expected/u, advice: "every parameter, field and result says its type, such as name: string" },
  {
    message: /^Type argument expected/u,
    advice: "say the type, such as list.map<string>(...) or JSON.parse<Line>(text)",
  },
  {
    message: /union types/u,
    advice: "a value has one type, or is an object or text | null; make a class with a field for each",
  },
  { message: /: Exceptions/u, advice: "nothing can be caught: ask before, or end the call by fail(code, message)" },
  { message: /: Iterators/u, advice: LOOP },
  { message: /: Regular expressions/u, advice: "use the methods of string, or @pattern on what comes in" },
  { message: /: Closures/u, advice: `functions do not see the variables around them; pass what they need, or ${LOOP}` },
  { message: /Identifier expected/u, at: /^\{?\s*\.\.\./u, advice: "there is no spreading: give each field or item" },
  {
    message: /Identifier expected/u,
    at: /^(?:const |let )?[{[]/u,
    advice: "there is no destructuring: write a line for each name",
  },
  { message: /Identifier expected/u, at: /^\*/u, advice: "there are no generators: answer an array" },
  { message: /Expression expected/u, at: /^\./u, advice: "there is no ?. here: test for null first" },
  { message: /has no initializer/u, advice: 'give it an initial value, such as text: string = ""' },
  {
    message: /cannot be nullable/u,
    advice: "only objects and text can be null; use a value that means nothing, or JSON.Box<i64> | null",
  },
  {
    message: /^Package '/u,
    advice: 'packages of npm do not compile to a capability; import files of this folder, or what "twin" offers',
  },
  { message: /^File '/u, advice: "imports are relative to the file, without .ts at the end" },
  { message: /'string' is not assignable to type '[iuf]\d/u, advice: "parse it: i32.parse(text), f64.parse(text)" },
  { message: /'[iuf]\d+' is not assignable to type 'string'/u, advice: "write .toString() behind it" },
  {
    message: /^Type '[^']* \| null' is not assignable/u,
    advice: "test for null first, or write ! behind what cannot be null",
  },
  { message: /Object is possibly 'null'/u, advice: "test for null first, or write ! behind what cannot be null" },
];

/** What a capability does not have, and what takes its place. */
const ABSENT_NAMES: Readonly<Record<string, string>> = {
  fetch: "a @task has http.get(url)",
  setTimeout: "schedule(atMs, method, payload) calls a command later",
  setInterval: "schedule(atMs, method, payload) calls a command later",
  console: "log.info(text) writes into the log",
  Promise: "a call runs to its end at once",
  Date: "nowMs() is the time of the call",
  crypto: "randomBytes(size) gives random bytes",
  process: "a capability has no environment",
  localStorage: "kv and Table keep what must stay",
  undefined: "there is only null",
  any: "every value has a type; make a @json class",
  unknown: "every value has a type; make a @json class",
  object: "every value has a type; make a @json class",
  number: "write i64 for whole numbers, f64 for others",
};

/** What takes the place of a name that JavaScript has and a capability has not. */
export function adviceOnName(name: string): string | undefined {
  return Object.hasOwn(ABSENT_NAMES, name) ? ABSENT_NAMES[name] : undefined;
}

/** What to do about `message`, when `source` stands where it points; undefined when it says enough. */
export function adviceOn(message: string, source: string): string | undefined {
  const name = /^Cannot find name '(\w+)'/u.exec(message)?.[1];
  if (name !== undefined) {
    return adviceOnName(name) ?? (SDK_NAMES.has(name) ? `import { ${name} } from ${SDK}` : undefined);
  }
  return ADVICE.find((each) => each.message.test(message) && each.at?.test(source) !== false)?.advice;
}

/** The compiler's message without the paths in its names of types. */
export function plainMessage(message: string): string {
  const missing = /^File '~lib\/(.+)\.ts' not found/u.exec(message)?.[1];
  if (missing !== undefined) return `Package '${missing}' not found`;
  return message
    .replaceAll(/~lib\/string\/String/gu, "string")
    .replaceAll(/(?:~lib\/|\b(?=[\w/.-]*\/[A-Za-z_]))[\w/.-]*\//gu, "")
    .replaceAll(/(?:type )?'twin__(\w+)'/gu, "the payload of $1")
    .replace(/\.$/u, "");
}

/** What authors import the SDK by, and what it offers. */
const SDK = '"twin"';
const SDK_NAMES = new Set(
  "kv Entry blobs call emit schedule send unschedule Caller caller fail log nowMs randomBytes randomId require Table ordered ObjectId TimeMs TwinId ABSENT some http HttpRequest HttpAnswer ask PeerAnswer".split(
    " ",
  ),
);
