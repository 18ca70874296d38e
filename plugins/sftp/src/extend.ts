import {
  type CallOptions,
  type ObjectKey,
  SinkError,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import { type Tools, tidy, withFiles } from "./call.js";
import { foreignError, missing } from "./errors.js";
import { rejectMissing } from "./missing.js";
import { confirm } from "./put.js";
import { explainFailure, refuseUnlessFits } from "./space.js";
import { sendSource } from "./write.js";

/** Grows an object's file in place: cuts it to `keep` bytes and writes the source behind them. */
export function extendFile(
  tools: Tools,
  key: ObjectKey,
  keep: number,
  source: Source,
  { signal, onProgress }: CallOptions = {},
): Promise<StoredObject> {
  const { root } = tools;
  return withFiles(tools, signal, async (files) => {
    if (!Number.isSafeInteger(keep) || keep < 0)
      throw new SinkError("invalid", `can't keep ${keep} bytes: not a number of bytes`);
    const { path } = root.place(key);
    const file = await files
      .open(path, "r+")
      .catch((error: unknown) => rejectMissing(root, files, error, path));
    try {
      const before = await files.fstat(file);
      if (before.isDirectory()) throw missing(path);
      if (!before.isFile()) throw foreignError(path);
      if (before.size < keep)
        throw new SinkError("range", `${path} has ${before.size} bytes, and ${keep} of them were to be kept`);
      await refuseUnlessFits(files, root, keep + source.size - before.size);
      try {
        await files.truncate(file, keep);
        const answers = await sendSource(files, file, keep, source, onProgress);
        await Promise.all([...answers, files.fsync(file)]);
      } catch (error) {
        const explained = await explainFailure(files, root, error, source.size);
        // Only tidy: nobody relies on what is behind `keep`.
        await tidy(files, (steady) => steady.truncate(file, keep));
        throw explained;
      }
      await files.close(file);
    } catch (error) {
      await tidy(files, (steady) => steady.close(file));
      throw error;
    }
    // By its name: whether it is still the file that was written to.
    return confirm(path, key, keep + source.size, await files.lstat(path));
  });
}
