/** The part of `/status.css` that is for a sink's card. */
export const CARD_STYLE = `.card {
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
