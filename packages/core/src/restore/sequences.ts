/** Slots to begin with. A power of two. */
const SLOTS = 1024;

/**
 * For aggregates that have snapshots: the highest sequence number among those, and the last one among the events that were seen. It is asked once for every event of a store, so it
 * keeps no strings: an aggregate is known by 64 bits of a hash, and takes 24 to 48 bytes. That two of a million share these, and one has events that prove the other's snapshot, is less likely than a
 * disk that lies about a checksum.
 */
export class Sequences {
  #size = 0;
  #unproven = 0;
  #keys = new Uint32Array(2 * SLOTS);
  /** Of each slot: the highest of a snapshot, and the last of an event; -1 for none, a free slot has -1 for both. */
  #numbers = new Float64Array(2 * SLOTS).fill(-1);

  /** How many aggregates have a snapshot beyond the events that were seen. */
  get unproven(): number {
    return this.#unproven;
  }

  addSnapshot(aggregate: string, number: number): void {
    // Below 0 means a free slot; there is no such event.
    const sequence = Math.max(0, number);
    const at = this.#find(aggregate);
    const known = this.#numbers[at] ?? -1;
    if (known === -1) {
      this.#hold(at);
      this.#numbers[at] = sequence;
      this.#unproven++;
      if (++this.#size * 2 > this.#numbers.length / 2) this.#grow();
    } else if (sequence > known) {
      const event = this.#numbers[at + 1] ?? -1;
      if (known <= event && sequence > event) this.#unproven++;
      this.#numbers[at] = sequence;
    }
  }

  /** An event of any aggregate; only those that have a snapshot count. */
  addEvent(aggregate: string, sequence: number): void {
    this.#addEvent(this.#find(aggregate), sequence);
  }

  /** The same, with the identifier's bytes from `from` to `to` of `bytes`. */
  addEventOf(bytes: Uint8Array, from: number, to: number, sequence: number): void {
    this.#addEvent(this.#findBytes(bytes, from, to), sequence);
  }

  #addEvent(at: number, sequence: number): void {
    const snapshot = this.#numbers[at] ?? -1;
    const event = this.#numbers[at + 1] ?? -1;
    if (snapshot === -1 || sequence <= event) return;
    this.#numbers[at + 1] = sequence;
    if (event < snapshot && sequence >= snapshot) this.#unproven--;
  }

  /** The sequence number of an aggregate's last event; -1 for none. For aggregates that have a snapshot. */
  last(aggregate: string): number {
    return this.#numbers[this.#find(aggregate) + 1] ?? -1;
  }

  /** The hash that `#find` has just made. */
  #low = 0;
  #high = 0;

  #find(aggregate: string): number {
    const bytes = Buffer.from(aggregate);
    return this.#findBytes(bytes, 0, bytes.length);
  }

  #findBytes(bytes: Uint8Array, from: number, to: number): number {
    let low = 0x811c9dc5;
    let high = 0x9747b28c;
    for (let index = from; index < to; index++) {
      const byte = bytes[index] ?? 0;
      low = Math.imul(low ^ byte, 0x01000193);
      high = Math.imul(high ^ byte ^ (low >>> 15), 0x85ebca6b);
    }
    this.#low = (low ^ (low >>> 16)) >>> 0;
    this.#high = (high ^ (high >>> 13)) >>> 0;
    return this.#slot(this.#low, this.#high);
  }

  /** Where these are, or would be: the index of a pair. */
  #slot(low: number, high: number): number {
    const mask = this.#numbers.length - 1;
    for (let at = (low * 2) & mask; ; at = (at + 2) & mask)
      if ((this.#keys[at] === low && this.#keys[at + 1] === high) || this.#numbers[at] === -1) return at;
  }

  #hold(at: number): void {
    this.#keys[at] = this.#low;
    this.#keys[at + 1] = this.#high;
  }

  #grow(): void {
    const [keys, numbers] = [this.#keys, this.#numbers];
    this.#keys = new Uint32Array(2 * keys.length);
    this.#numbers = new Float64Array(2 * numbers.length).fill(-1);
    for (let from = 0; from < numbers.length; from += 2) {
      if (numbers[from] === -1) continue;
      const to = this.#slot(keys[from] ?? 0, keys[from + 1] ?? 0);
      this.#keys.set(keys.subarray(from, from + 2), to);
      this.#numbers.set(numbers.subarray(from, from + 2), to);
    }
  }
}
