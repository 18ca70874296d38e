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
.card {
  background: var(--card);
  border: 1px solid var(--edge);
  border-top: 3px solid var(--tone);
  border-radius: 8px;
  padding: 1rem 1.1rem 1.1rem;
  display: grid;
  align-content: start;
  gap: 0.8rem;
  min-width: 0;
}
.card > header {
  display: flex;
  align-items: center;
  gap: 0.6rem;
}
.card h2 {
  flex: 1;
  display: flex;
  flex-wrap: wrap;
  align-items: baseline;
  gap: 0 0.5rem;
  font-size: 1.15rem;
  line-height: 1.3;
  min-width: 0;
}
.type {
  font-size: 0.9rem;
  font-weight: 400;
}
.word {
  margin-left: auto;
  color: var(--tone);
}
h3 {
  font-size: 0.9rem;
  font-weight: 600;
}
.reasons {
  padding-left: 1.1rem;
}
.reasons li::marker {
  color: var(--tone);
}
.activity .pulse {
  display: inline-block;
  width: 0.55rem;
  height: 0.55rem;
  margin-right: 0.5rem;
  border-radius: 50%;
  background: var(--accent);
}
.idle {
  color: var(--muted);
}
@media (prefers-reduced-motion: no-preference) {
  .activity .pulse {
    animation: pulse 2s ease-in-out infinite;
  }
  @keyframes pulse {
    50% {
      opacity: 0.25;
    }
  }
}
progress {
  appearance: none;
  display: block;
  width: 100%;
  height: 0.5rem;
  border: 0;
  border-radius: 4px;
  background: var(--track);
  overflow: hidden;
}
progress::-webkit-progress-bar {
  background: var(--track);
}
progress::-webkit-progress-value {
  background: var(--accent);
}
progress::-moz-progress-bar {
  background: var(--accent);
}
.activity + progress,
progress + .progress {
  margin-top: -0.4rem;
}
.progress,
.more,
.failure .muted,
.restore-points .muted {
  font-size: 0.9rem;
}
.progress {
  color: var(--muted);
  font-variant-numeric: tabular-nums;
}
.failure {
  border-left: 4px solid var(--tone);
  background: var(--alarm);
  border-radius: 6px;
  padding: 0.6rem 0.8rem;
}
.cause {
  color: var(--muted);
}
.remedy {
  font-weight: 500;
}
table {
  width: 100%;
  border-collapse: collapse;
  font-size: 0.9rem;
  font-variant-numeric: tabular-nums;
}
th,
td {
  padding: 0.25rem 0.5rem 0.25rem 0;
  text-align: right;
  vertical-align: baseline;
  border-bottom: 1px solid var(--edge);
  white-space: nowrap;
}
td:last-child,
th:last-child {
  padding-right: 0;
}
th:first-child {
  text-align: left;
  white-space: normal;
}
thead th {
  color: var(--muted);
  font-weight: 400;
}
tbody th {
  font-weight: 500;
}
.level {
  color: var(--muted);
}
.strip {
  display: flex;
  gap: 2px;
  height: 1.25rem;
  margin: 0.35rem 0;
}
.strip span {
  flex: 0 0 calc((100% - 49 * 2px) / 50);
  border-radius: 2px;
  background: var(--current);
  color: transparent;
  font-size: 0;
}
.strip .missed {
  align-self: flex-end;
  height: 40%;
  background: repeating-linear-gradient(45deg, var(--damaged) 0 2px, transparent 2px 3px);
  border: 1px solid var(--damaged);
}
dl {
  display: grid;
  gap: 0.2rem;
  font-size: 0.9rem;
}
.field {
  display: grid;
  grid-template-columns: 6.5rem 1fr;
}
footer {
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
@media (max-width: 30rem) {
  th,
  td {
    white-space: normal;
  }
  thead th:nth-child(5),
  tbody td:nth-child(5) {
    display: none;
  }
}
`;
