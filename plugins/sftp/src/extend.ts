import {
  type CallOptions,
  type ObjectKey,
  SinkError,
  type Source,
  type StoredObject,
  checkKeep,
} from "@axon-backup/sink";
import { type Tools, tidy, withFiles } from "./call.js";
import { foreignError, missing } from "./errors.js";
import { rejectMissing } from "./missing.js";
import { confirm } from "./put.js";
import { explainFailure, refuseUnlessFits } from "./space.js";
import { sendSource } from "./write.js";

/**
 * Grows an object's file in place: writes the source behind `keep` bytes, and cuts off what is longer than the result. A request of a call that failed
 * may be carried out after the call was tried again, on a server that hangs or a network that holds it back: so nothing is cut before that, or to
 * tidy up. What is behind `keep` after a failure is nobody's concern.
 */
export function extendFile(
  tools: Tools,
  key: ObjectKey,
  keep: number,
  source: Source,
  { signal, onProgress }: CallOptions = {},
): Promise<StoredObject> {
  const { root } = tools;
  return withFiles(tools, signal, async (files) => {
    checkKeep(keep);
    const { path } = root.place(key);
    const file = await files
      .open(path, "r+")
      .catch((error: unknown) => rejectMissing(root, files, error, path));
    const size = keep + source.size;
    try {
      const before = await files.fstat(file);
      if (before.isDirectory()) throw missing(path);
      if (!before.isFile()) throw foreignError(path);
      if (before.size < keep)
        throw new SinkError("range", `${path} has ${before.size} bytes, and ${keep} of them were to be kept`);
      await refuseUnlessFits(files, root, size - before.size);
      try {
        const answers = await sendSource(files, file, keep, source, onProgress);
        const cut = before.size > size ? [files.truncate(file, size)] : [];
        await Promise.all([...answers, ...cut, files.fsync(file)]);
      } catch (error) {
        throw await explainFailure(files, root, error, source.size);
      }
      await files.close(file);
    } catch (error) {
      await tidy(files, (steady) => steady.close(file));
      throw error;
    }
    // By its name: whether it is still the file that was written to.
    return confirm(path, key, size, await files.lstat(path));
  });
}
