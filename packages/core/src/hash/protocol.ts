/** What `HashThread` says to its thread. */
export type Order =
  | { readonly kind: "update"; readonly id: number; readonly buffer: ArrayBuffer; readonly length: number }
  | { readonly kind: "digest"; readonly id: number; readonly request: number }
  | { readonly kind: "forget"; readonly id: number };

/** What the thread says. */
export type Answer =
  | { readonly kind: "buffer"; readonly buffer: ArrayBuffer }
  | { readonly kind: "digest"; readonly request: number; readonly value: string };
