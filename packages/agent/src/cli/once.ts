import { UsageError } from "../errors/usage-error.js";

/** Takes the value of an option that may be given once: which of two was meant can't be told. */
export function once(name: string): (value: string) => string {
  let given = false;
  return (value) => {
    if (given) throw new UsageError(`${name} is given twice`, "Leave one of them out.");
    given = true;
    return value;
  };
}
