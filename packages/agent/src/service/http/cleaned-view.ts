import type { ServiceState, ServiceView } from "../model.js";

/** `view`, with `clean` applied to every text in its states. Events are left as they are. */
export function cleanedView(view: ServiceView, clean: (text: string) => string): ServiceView {
  const cleanedState = (state: ServiceState): ServiceState => cleaned(state, clean) as ServiceState;
  return {
    state: () => cleanedState(view.state()),
    subscribe: ({ onChange, onEvent }) =>
      view.subscribe({
        ...(onChange
          ? {
              onChange: (state) => {
                onChange(cleanedState(state));
              },
            }
          : {}),
        ...(onEvent ? { onEvent } : {}),
      }),
  };
}

function cleaned(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === "string") return clean(value);
  if (Array.isArray(value)) return value.map((item) => cleaned(item, clean));
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cleaned(item, clean)]));
}
