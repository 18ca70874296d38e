import { readFile } from "node:fs/promises";
import {
  BlobServiceClient,
  type ContainerClient,
  StorageSharedKeyCredential,
  type StoragePipelineOptions,
} from "@azure/storage-blob";
import type { TokenCredential } from "@azure/identity";
import { SinkError } from "@axon-backup/sink";
import { type Redact, redactor, secretsIn } from "./redact.js";
import { checkSas, parseSas } from "./sas.js";
import type { Access, Settings } from "./settings.js";

/** The container, ready to be asked, and what takes the secrets of this connection out of texts. */
export interface Connection {
  readonly container: ContainerClient;
  readonly redact: Redact;
}

/** Makes the client. Nothing is sent yet. */
export async function connect(settings: Settings, purpose: "read" | "write"): Promise<Connection> {
  const { access, endpoint = "", container } = settings;
  const options = await pipelineOptions(settings);
  const redact = redactor(secretsOf(access));
  return {
    container: (await service(access, endpoint, options, purpose)).getContainerClient(container),
    redact,
  };
}

async function service(
  access: Access,
  endpoint: string,
  options: StoragePipelineOptions,
  purpose: "read" | "write",
): Promise<BlobServiceClient> {
  switch (access.kind) {
    case "connection-string":
      return fromConnectionString(access.text.reveal(), options);
    case "key":
      return new BlobServiceClient(
        endpoint,
        new StorageSharedKeyCredential(access.account, access.key.reveal()),
        options,
      );
    case "sas":
      checkSas(parseSas(access.token), purpose, new Date());
      return new BlobServiceClient(`${endpoint}?${access.token.reveal()}`, undefined, options);
    case "identity":
      return new BlobServiceClient(endpoint, await tokenCredential(access), options);
  }
}

function fromConnectionString(text: string, options: StoragePipelineOptions): BlobServiceClient {
  try {
    return BlobServiceClient.fromConnectionString(text, options);
  } catch {
    // The SDK's error is left out: it may quote the string.
    throw new SinkError("invalid", "connection_string isn't a connection string of a storage account", {
      remedy: "Copy it from the portal (Access keys, or Shared access signature) as one line.",
    });
  }
}

/** Loaded when it is used: it is large. */
async function tokenCredential(access: Access & { readonly kind: "identity" }): Promise<TokenCredential> {
  const { DefaultAzureCredential, ManagedIdentityCredential } = await import("@azure/identity");
  const { clientId, managed } = access;
  const options = { retryOptions: { maxRetries: 0 } };
  if (managed)
    return new ManagedIdentityCredential(clientId === undefined ? options : { ...options, clientId });
  return new DefaultAzureCredential(
    clientId === undefined ? options : { ...options, managedIdentityClientId: clientId },
  );
}

/** The engine tries again, the SDK doesn't. */
async function pipelineOptions({ ca }: Settings): Promise<StoragePipelineOptions> {
  const options: StoragePipelineOptions & { tlsOptions?: { ca: string } } = { retryOptions: { maxTries: 1 } };
  if (ca === undefined) return options;
  // Not in the SDK's type, but handed on to the pipeline below it, which knows it.
  return { ...options, tlsOptions: { ca: await readCa(ca) } } as StoragePipelineOptions;
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new SinkError("invalid", `can't read the certificates in ${path}`, {
      cause: error,
      remedy: "Correct ca, or let the user that runs axon-backup read the file.",
    });
  }
}

function secretsOf(access: Access): readonly string[] {
  switch (access.kind) {
    case "connection-string":
      return secretsIn(access.text.reveal());
    case "key":
      return [access.key.reveal()];
    case "sas":
      return secretsIn(access.token.reveal());
    case "identity":
      return [];
  }
}
