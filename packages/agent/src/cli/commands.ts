import type { Command } from "commander";
import { addBackup } from "./commands/backup.js";
import { addCheck } from "./commands/check.js";
import { addCompletion } from "./commands/completion.js";
import { addDemo } from "./commands/demo.js";
import { addDiff } from "./commands/diff.js";
import { addInit } from "./commands/init.js";
import { addList } from "./commands/list.js";
import { addPrune } from "./commands/prune.js";
import { addRun } from "./commands/run.js";
import { addRestore } from "./commands/restore.js";
import { addSchema } from "./commands/schema.js";
import { addShow } from "./commands/show.js";
import { addStatus } from "./commands/status.js";
import { addTestNotifications } from "./commands/test-notifications.js";
import { addUnlock } from "./commands/unlock.js";
import { addVerify } from "./commands/verify.js";
import type { Choose } from "./commands/shared.js";

/** Adds every command, in the order of the help. What a command does is loaded when it is chosen. */
export function addCommands(program: Command, choose: Choose): void {
  addDemo(program, choose);
  addInit(program, choose);
  addCheck(program, choose);
  addBackup(program, choose);
  addRun(program, choose);
  addStatus(program, choose);
  addList(program, choose);
  addShow(program, choose);
  addDiff(program, choose);
  addVerify(program, choose);
  addRestore(program, choose);
  addPrune(program, choose);
  addUnlock(program, choose);
  addTestNotifications(program, choose);
  addSchema(program, choose);
  addCompletion(program, choose);
}
