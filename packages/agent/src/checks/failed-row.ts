import { problemText } from "../config/problem.js";
import { describeError } from "../errors/describe-error.js";
import { type CheckRow, failed } from "./types.js";

/** An error as a row. */
export function failedRow(check: string, subject: string, error: unknown): CheckRow {
  const { message, causes, problems, remedy } = describeError(error);
  const detail = problems ? problems.map(problemText).join("; ") : [message, ...causes].join(": ");
  return failed(check, subject, detail, remedy ?? null);
}
