/**
 * Real storage servers on 127.0.0.1 for tests, and a proxy that makes trouble between them and a client. All of them end with the process that
 * started them, however it ends.
 * @packageDocumentation
 */
export { type AzuriteOptions, type AzuriteServer, startAzurite } from "./azurite.js";
export { type RestartOptions } from "./child.js";
export { canHaveDisk } from "./disk.js";
export { startFaultProxy, type FaultProxy, type FaultProxyOptions } from "./fault-proxy.js";
export { type Availability, findServer, type ServerKind } from "./find.js";
export {
  azureError,
  type HttpAnswer,
  type HttpFaultProxy,
  s3Error,
  startHttpFaultProxy,
} from "./http-fault-proxy.js";
export { type MochaContext, pendingWithoutServer } from "./pending.js";
export { type Direction } from "./pipe.js";
export {
  canChroot,
  type HostKey,
  type HostKeyType,
  type SshdOptions,
  type SshdServer,
  startSshd,
} from "./sshd.js";
export { type BucketOptions, type S3Server, startVersityGw, type VersityGwOptions } from "./versitygw.js";
