import { CARD_STYLE } from "./style-card.js";

// Colours are calm while all is well; what needs a look has more of them. Every text has a contrast of 4.5 or more against what it stands on.

/** `/status.css`. */
export const STYLE = `:root {
  color-scheme: light dark;
  --ground: #f4f6f8;
  --card: #ffffff;
  --text: #1c232e;
  --muted: #586373;
  --edge: #dfe4ea;
  --track: #e6eaef;
  --accent: #2f6f8f;
  --current: #1b7a4a;
  --behind: #8a5a00;
  --failing: #b8400a;
  --damaged: #b3151f;
  --starting: #586373;
  --cut: #ffffff;
  --alarm: #fdf0ee;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11151b;
    --card: #191f27;
    --text: #e4e8ee;
    --muted: #9aa6b5;
    --edge: #2a323d;
    --track: #2a323d;
    --accent: #6fb3d2;
    --current: #52c48f;
    --behind: #e2ab46;
    --failing: #ff9462;
    --damaged: #ff7a78;
    --starting: #9aa6b5;
    --cut: #11151b;
    --alarm: #2b1d1c;
  }
}
* {
  box-sizing: border-box;
}
body {
  margin: 0 auto;
  padding: 1.5rem clamp(0.75rem, 3vw, 2rem) 2rem;
  max-width: 84rem;
  background: var(--ground);
  color: var(--text);
  overflow-wrap: anywhere;
}
h1,
h2,
h3,
p,
ul,
dl,
dd {
  margin: 0;
}
main {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr));
  gap: 1rem;
}
.summary,
#notices,
.server {
  grid-column: 1 / -1;
}
#notices:empty,
#notices:not(:has(*)) {
  display: none;
}
.icon {
  flex: none;
}
.icon .fill {
  fill: var(--tone);
}
.icon .line {
  fill: none;
  stroke: var(--tone);
  stroke-width: 2.4;
  stroke-linecap: round;
}
.icon .dashed {
  stroke-dasharray: 3 4;
}
.icon .cut {
  fill: none;
  stroke: var(--cut);
  stroke-width: 2.4;
  stroke-linecap: round;
  stroke-linejoin: round;
}
.current {
  --tone: var(--current);
}
.behind {
  --tone: var(--behind);
}
.failing {
  --tone: var(--failing);
}
.damaged {
  --tone: var(--damaged);
}
.starting {
  --tone: var(--starting);
}
.summary {
  display: flex;
  align-items: center;
  gap: 0.75rem;
}
.summary .icon {
  width: 2.25rem;
  height: 2.25rem;
}
h1 {
  font-size: 1.5rem;
  line-height: 1.25;
  font-weight: 650;
}
.server {
  margin-bottom: 0.5rem;
}
.muted,
.type,
dt {
  color: var(--muted);
}
.bad {
  color: var(--damaged);
  font-weight: 600;
}
.notice {
  border-left: 4px solid var(--damaged);
  background: var(--alarm);
  padding: 0.75rem 1rem;
  border-radius: 6px;
}
.notice + .notice,
.server .notice {
  margin-top: 0.75rem;
}
.notice h2 {
  font-size: 1.05rem;
}
#connection {
  position: sticky;
  top: 0.5rem;
  z-index: 1;
  margin-bottom: 1rem;
  padding: 0.6rem 1rem;
  border-radius: 6px;
  background: var(--damaged);
  color: var(--cut);
  font-weight: 600;
}
#connection:empty {
  display: none;
}
#connection:not(:empty) + main {
  opacity: 0.55;
}
${CARD_STYLE}footer {
  margin-top: 1.5rem;
  color: var(--muted);
  font-size: 0.9rem;
  display: flex;
  flex-wrap: wrap;
  gap: 0.25rem 1.5rem;
  justify-content: space-between;
}
a {
  color: var(--accent);
}
`;
