// JSX without a compiler: `html` is htm bound to Preact. Its page brings the import map of both.

import { h } from "preact";
import htm from "htm";

export const html = htm.bind(h);
