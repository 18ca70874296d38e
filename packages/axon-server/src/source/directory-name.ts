import { AxonServerError } from "../errors.js";
import { quote } from "../text.js";

/** The name of a context, or of a replication group, is one component of paths and of object keys. */
const NAME = /^[A-Za-z0-9_%=@+-][A-Za-z0-9._%=@+-]{0,199}$/;

/** @throws AxonServerError `configuration` if `name`, which somebody has asked for, can't be one of a context or a group. */
export function refuseUnlessName(what: "context" | "replication group", name: string): void {
  if (NAME.test(name)) return;
  throw new AxonServerError(
    "configuration",
    `${quote(name)} is not a name of a ${what}`,
    `Check the ${what}s in the configuration; letters, digits and the characters . _ % = @ + - are allowed.`,
  );
}

/** @throws AxonServerError `refused` if `name`, which the server reports, can't be one of a context or a group. */
export function refuseUnlessReportedName(what: "context" | "replication group", name: string): void {
  if (NAME.test(name)) return;
  throw new AxonServerError(
    "refused",
    `the server reports a ${what} called ${quote(name)}, which can't be the name of a directory`,
    "Axon Server allows no such name: find out what answers there. To back up the others meanwhile, list them under contexts in agent.yaml.",
  );
}
