// Reads `experience.json` as the stranger's text it is: strict and bounded.

import { LIMITS } from "../base/limits.ts";
import type { ExperienceManifest } from "./experience.ts";
import { ADDRESS_RULE, VERSION_RULE } from "./manifest-file.ts";
import {
  type Place,
  expectFields,
  expectList,
  expectMatch,
  expectNames,
  expectText,
  refuse,
  within,
} from "./strict-shape.ts";

// The name is the first part of a host label NAME--TOKEN, which it must not blur; browsers decode
// labels that begin with xn--.
const EXPERIENCE_NAME_RULE = {
  pattern: /^(?!xn$)[a-z](?:[a-z0-9]|-(?=[a-z0-9])){0,31}$/u,
  form: "a name of a-z, 0-9 and single -, at most 32 characters, beginning with a letter, not ending with -, and not xn",
} as const;
const METHOD_RULE = { pattern: /^[a-z][a-z0-9_]{0,63}$/u, form: "a method name" } as const;
const ICON_RULE = { pattern: /\.(?:svg|png)$/u, form: "the path of an SVG or PNG file" } as const;
const START_RULE = { pattern: /\.html$/u, form: "the path of an HTML file" } as const;

/**
 * The manifest that `value`, parsed JSON, holds. Throws `TWIN_EXPERIENCE_INVALID` with the path of
 * the first field that is missing, unknown or malformed. Whether its files exist is for the shelf.
 */
export function parseExperienceManifest(value: unknown): ExperienceManifest {
  const place: Place = { path: "", code: "TWIN_EXPERIENCE_INVALID" };
  const fields = expectFields(value, place, {
    required: ["name", "version", "title", "description", "icon", "start", "needs", "objects"],
  });
  expectMatch(fields["name"], within(place, "name"), EXPERIENCE_NAME_RULE);
  expectMatch(fields["version"], within(place, "version"), VERSION_RULE);
  expectText(fields["title"], within(place, "title"), 64);
  expectText(fields["description"], within(place, "description"), 1_000);
  expectMatch(fields["icon"], within(place, "icon"), ICON_RULE);
  expectMatch(fields["start"], within(place, "start"), START_RULE);
  const needed = expectList(fields["needs"], within(place, "needs"), {
    most: LIMITS.packages.permissionCount,
    read: checkNeed,
  });
  if (new Set(needed).size !== needed.length) refuse(within(place, "needs"), "each capability once", needed);
  expectNames(fields["objects"], within(place, "objects"), {
    most: 2,
    read: (item, at) => expectMatch(item, at, { pattern: /^(?:put|get)$/u, form: "put or get" }),
  });
  return value as ExperienceManifest;
}

function checkNeed(value: unknown, place: Place): string {
  const need = expectFields(value, place, { required: ["capability", "methods", "reason"] });
  expectText(need["reason"], within(place, "reason"), 300);
  expectNames(need["methods"], within(place, "methods"), {
    least: 1,
    most: LIMITS.packages.methodCount,
    read: (method, at) => expectMatch(method, at, METHOD_RULE),
  });
  return expectMatch(need["capability"], within(place, "capability"), ADDRESS_RULE);
}
