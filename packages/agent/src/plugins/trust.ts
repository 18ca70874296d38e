import { realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";

const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/**
 * Who else could change the code that is about to run with the agent's rights: a warning for each file or folder, from the module up to
 * the root, that everybody can write to, or that belongs to somebody who is neither root nor the agent's user.
 */
export async function distrust(
  entry: string,
  {
    user = process.getuid?.(),
    root = 0,
  }: { readonly user?: number | undefined; readonly root?: number } = {},
): Promise<readonly string[]> {
  const warnings: string[] = [];
  const file = await realpath(entry);
  for (let at = file, child = ""; at !== child; child = at, at = dirname(at)) {
    const { mode, uid } = await stat(at);
    // In a folder with the sticky bit (/tmp), only its owner can replace what is there.
    const open = (mode & OTHERS_WRITE) !== 0 && (at === file || (mode & STICKY) === 0);
    const foreign = user !== undefined && uid !== root && uid !== user;
    if (open || foreign)
      warnings.push(
        `${open ? "everybody" : `the user ${uid}`} can change ${at}, and with it the plugin, which runs with the agent's rights: ` +
          (open ? `chmod o-w ${at}` : "install it as root or as the agent's user"),
      );
  }
  return warnings;
}
