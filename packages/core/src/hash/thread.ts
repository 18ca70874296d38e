import { createHash, type Hash } from "node:crypto";
import { parentPort } from "node:worker_threads";
import type { Answer, Order } from "./protocol.js";

/** The other side of `HashThread`: keeps the hashes, and sends every buffer back. */

const hashes = new Map<number, Hash>();

function hashOf(id: number): Hash {
  const hash = hashes.get(id) ?? createHash("sha256");
  hashes.set(id, hash);
  return hash;
}

function answer(message: Answer, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

parentPort?.on("message", (order: Order) => {
  switch (order.kind) {
    case "update":
      hashOf(order.id).update(new Uint8Array(order.buffer, 0, order.length));
      answer({ kind: "buffer", buffer: order.buffer }, [order.buffer]);
      return;
    case "digest":
      answer({ kind: "digest", request: order.request, value: hashOf(order.id).copy().digest("hex") });
      return;
    case "forget":
      hashes.delete(order.id);
  }
});
