// Tests that need the compilers of other languages: see test/languages/.

import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["test/languages/*.languages.ts"], testTimeout: 120_000 } });
