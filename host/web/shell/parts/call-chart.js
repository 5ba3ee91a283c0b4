// Calls per minute over the last half hour, failures on top.

import { count } from "/-/wording.js";
import { html } from "/-/html.js";

const MINUTES = 30;
const MINUTE_MS = 60_000;
const BAR_WIDTH = 10;
const HEIGHT = 72;

/** @param {{ receipts: readonly import("../model.js").Receipt[], now: number }} props */
export function CallChart({ receipts, now }) {
  const bars = callsPerMinute(receipts, now);
  const peak = Math.max(4, ...bars.map((bar) => bar.ok + bar.error));
  const total = bars.reduce((sum, bar) => sum + bar.ok + bar.error, 0);
  const scale = (/** @type {number} */ amount) => (amount / peak) * (HEIGHT - 4);
  return html`
    <figure>
      <svg
        class="chart"
        viewBox=${`0 0 ${MINUTES * BAR_WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label=${`${count(total, "call")} in the last ${MINUTES} minutes, at most ${peak} in one minute`}
      >
        <line
          class="base"
          x1="0"
          x2=${MINUTES * BAR_WIDTH}
          y1=${HEIGHT - 0.5}
          y2=${HEIGHT - 0.5}
          vector-effect="non-scaling-stroke"
        />
        ${bars.map((bar, index) => {
          const x = index * BAR_WIDTH + 1.5;
          const okHeight = scale(bar.ok);
          const errorHeight = scale(bar.error);
          return html`
            <g key=${index}>
              <rect class="ok" x=${x} width=${BAR_WIDTH - 3} y=${HEIGHT - okHeight} height=${okHeight} />
              <rect
                class="error"
                x=${x}
                width=${BAR_WIDTH - 3}
                y=${HEIGHT - okHeight - errorHeight}
                height=${errorHeight}
              />
            </g>
          `;
        })}
      </svg>
      <figcaption class="chart-axis">
        <span>${MINUTES} minutes ago</span><span>${count(total, "call")}</span><span>now</span>
      </figcaption>
    </figure>
  `;
}

/** @param {readonly import("../model.js").Receipt[]} receipts newest first @param {number} now */
function callsPerMinute(receipts, now) {
  const bars = Array.from({ length: MINUTES }, () => ({ ok: 0, error: 0 }));
  for (const receipt of receipts) {
    const age = Math.max(0, Math.floor((now - receipt.atMs) / MINUTE_MS));
    if (age >= MINUTES) break;
    const bar = bars[MINUTES - 1 - age];
    if (bar) bar[receipt.outcome] += 1;
  }
  return bars;
}
