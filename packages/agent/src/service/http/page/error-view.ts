import { problemText } from "../../../config/problem.js";
import type { ErrorDescription } from "../../../errors/describe-error.js";
import { type Html, html } from "./html.js";

/** What failed, why, and what to do. */
export function errorView({ message, causes, remedy, problems = [] }: ErrorDescription): Html {
  const problemList =
    problems.length > 0 &&
    html`<ul>
      ${problems.map((problem) => html`<li><code>${problemText(problem)}</code></li>`)}
    </ul> `;
  return html`<p class="message">${message}</p>
    ${problemList}${causes.map((cause) => html`<p class="cause">because: ${cause}</p> `)}${remedy !== undefined && html`<p class="remedy">→ ${remedy}</p> `}`;
}
