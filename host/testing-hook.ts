// Loaded before the tests of a capability (`node --import`): lets them name the lab by the package's
// name, also where the package is not installed beside them.

import { registerHooks } from "node:module";

const LAB = import.meta.resolve(import.meta.filename.endsWith(".ts") ? "./testing.ts" : "./testing.js");

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    nextResolve(specifier === "digital-twin-host/testing" ? LAB : specifier, context),
});
