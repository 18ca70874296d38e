const SHORT = /^(?=\d{14}[._])/;

/**
 * What a store's file is called once the server has renamed it: names of 14 digits, from very old versions, get 20 (docs/axon-server.md, section 3). Tells whether two names are of
 * one file; the sink keeps each under the name that it was stored with.
 */
export function longName(name: string): string {
  return name.replace(SHORT, "000000");
}
