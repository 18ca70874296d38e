import type { SinkHealth } from "../../model.js";
import { type Html, html } from "./html.js";

// Each state has a shape of its own: colours alone tell nothing to some, and on some displays. The word stands beside it, so it is hidden from those who hear the page.

const SHAPES: Readonly<Record<SinkHealth, Html>> = {
  current: html`<circle cx="12" cy="12" r="10" class="fill" /><path d="M7.5 12.5l3 3 6-6.5" class="cut" />`,
  behind: html`<circle cx="12" cy="12" r="9" class="line" /><path d="M12 6.5V12l4 2.5" class="line" />`,
  failing: html`<path d="M12 2.5L22.5 21h-21z" class="fill" /><path d="M12 9.5v5M12 17.4v.2" class="cut" />`,
  damaged: html`<path d="M12 1l11 11-11 11L1 12z" class="fill" /><path
      d="M8.5 8.5l7 7m0-7l-7 7"
      class="cut"
    />`,
  starting: html`<circle cx="12" cy="12" r="9" class="line dashed" /><circle
      cx="12"
      cy="12"
      r="2"
      class="fill"
    />`,
};

/** The picture of a state. */
export function icon(health: SinkHealth): Html {
  return html`<svg
    class="icon"
    viewBox="0 0 24 24"
    width="24"
    height="24"
    aria-hidden="true"
    focusable="false"
  >
    ${SHAPES[health]}
  </svg>`;
}

/** What a browser shows in the tab. */
export const FAVICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="5" fill="#2f6f8f"/><g fill="none" stroke="#fff" stroke-width="1.8"><ellipse cx="12" cy="7" rx="6.5" ry="2.6"/><path d="M5.5 7v10c0 1.4 2.9 2.6 6.5 2.6s6.5-1.2 6.5-2.6V7M5.5 12c0 1.4 2.9 2.6 6.5 2.6s6.5-1.2 6.5-2.6"/></g></svg>\n`;
