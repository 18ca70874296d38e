/** When an object may be put: decided by the server, in one step with the put. */
export type Condition = { readonly IfNoneMatch: "*" } | { readonly IfMatch: string } | Record<string, never>;
