// Before an experience opens for the first time: what it asks for, why, and the owner's answer.

import { useState } from "preact/hooks";
import { html } from "/-/html.js";
import { errorText, useModel } from "../model.js";
import { grantNeeds } from "../owner-actions.js";

/** @param {{ experience: import("../model.js").ExperienceInfo, needs: import("../model.js").ExperienceInfo["needs"] }} props */
export function Consent({ experience, needs }) {
  const capabilities = useModel((state) => state.capabilities);
  const [problem, setProblem] = useState("");
  const allow = () => grantNeeds(experience).catch((error) => setProblem(`Nothing was opened: ${errorText(error)}`));
  const titleOf = (/** @type {string} */ name) => capabilities.find((item) => item.name === name)?.title ?? name;
  return html`
    <div class="consent">
      <span class="glyph"><img src=${`/icons/${experience.name}`} alt="" /></span>
      <div class="section">
        <h1>${experience.title} asks for access</h1>
        <p class="soft">${experience.description}</p>
      </div>
      <ul class="rows">
        ${needs.map(
          (need) => html`
            <li class="need" key=${need.capability}>
              <span class="row-title">${titleOf(need.capability)}</span>
              <p>${need.reason}</p>
              <p class="soft small mono">${need.methods.join(", ")}</p>
            </li>
          `,
        )}
      </ul>
      <p class="soft small">
        It reaches nothing else: no network, no other experience, no other data. You can take this back at any time
        under Grants.
      </p>
      ${problem && html`<p class="notice bad" role="alert">${problem}</p>`}
      <div class="page-actions">
        <button class="button primary" data-focus onClick=${allow}>Allow and open</button>
        <button class="button" onClick=${() => history.back()}>Not now</button>
      </div>
    </div>
  `;
}
