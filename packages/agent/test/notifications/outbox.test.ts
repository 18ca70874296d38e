import { expect } from "chai";
import type { Message } from "../../dist/service/notifications/message.js";
import { Outbox } from "../../dist/service/notifications/outbox.js";
import { DeliveryError, type Sender } from "../../dist/service/notifications/senders/sender.js";
import { eventually, FakeClock, HOUR, memoryLog, messageNamed, MINUTE } from "./support.js";

const unreachable = new DeliveryError("ops can't be reached", "Look.", { refused: false });
const refused = new DeliveryError("ops says no", "Look.", {
  refused: true,
  output: "the password is sesame",
});

/** A receiver that the test breaks. */
class FakeSender implements Sender {
  readonly attempts: (readonly string[])[] = [];
  readonly received: string[] = [];
  problem: ((subjects: readonly string[]) => Error | undefined) | undefined;
  warning: string | undefined;

  constructor(readonly together = 1) {}

  send(messages: readonly Message[]): Promise<string | undefined> {
    const subjects = messages.map(({ subject }) => subject);
    this.attempts.push(subjects);
    const problem = this.problem?.(subjects);
    if (problem !== undefined) return Promise.reject(problem);
    this.received.push(...subjects);
    return Promise.resolve(this.warning);
  }
}

function scene<S extends Sender = FakeSender>(sender: S, timeout = 10_000) {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const redact = (text: string): string => text.replaceAll("sesame", "[secret]");
  const outbox = new Outbox({ channel: "ops", sender, timeout, clock, log, redact });
  /** Each attempt comes when the wait before it is over. */
  const pass = async (milliseconds: number, step = 1000): Promise<void> => {
    const end = clock.time + milliseconds;
    for (;;) {
      for (let i = 0; i < 20; i++) await new Promise(setImmediate);
      const before = clock.time;
      if (before >= end) return;
      clock.advance(Math.min(step, end - before));
    }
  };
  const at = (level: string): readonly string[] =>
    lines.filter((line) => line.level === level).map(({ message }) => message);
  return { clock, sender, outbox, lines, pass, at };
}

describe("the messages of a channel", () => {
  it("are delivered in their order", async () => {
    const { outbox, sender, pass } = scene(new FakeSender());
    for (const subject of ["one", "two", "three"]) outbox.push(messageNamed(subject));
    await pass(0);
    expect(sender.received).to.deep.equal(["one", "two", "three"]);
    outbox.push(messageNamed("four"));
    await pass(0);
    expect(sender.received).to.deep.equal(["one", "two", "three", "four"]);
  });

  it("wait for a receiver that can't be reached, with longer and longer pauses, and are logged once", async () => {
    const { outbox, sender, pass, at } = scene(new FakeSender());
    sender.problem = () => unreachable;
    outbox.push(messageNamed("one"));
    await pass(0);
    outbox.push(messageNamed("two"));
    await pass(HOUR);
    // 1 s, 2 s, 4 s, … 256 s, then 5 minutes each: some 19 in an hour, rather than 3600.
    expect(sender.attempts.length).to.be.within(15, 22);
    expect(at("warn")).to.have.length(1);
    sender.problem = undefined;
    await pass(5 * MINUTE);
    expect(sender.received).to.deep.equal(["one", "two"]);
    expect(at("info")).to.include("notifications: ops: works again");
    expect(at("error")).to.deep.equal([]);
  });

  it("that are refused don't hold the others up for ever, and are named in the log, without secrets", async () => {
    const { outbox, sender, pass, at, lines } = scene(new FakeSender());
    sender.problem = ([subject]) => (subject === "bad" ? refused : undefined);
    outbox.push(messageNamed("bad"));
    outbox.push(messageNamed("good"));
    await pass(MINUTE);
    expect(sender.received).to.deep.equal(["good"]);
    expect(sender.attempts.filter(([subject]) => subject === "bad")).to.have.length(5);
    expect(at("error")).to.have.length(1);
    expect(at("error")[0]).to.include("bad").and.include("ops says no");
    expect(JSON.stringify(lines)).not.to.include("sesame");
    expect(JSON.stringify(lines)).to.include("the password is [secret]");
  });

  it("are no more than 100; the oldest go, and that is logged", async () => {
    const { outbox, sender, pass, at } = scene(new FakeSender());
    sender.problem = () => unreachable;
    for (let i = 0; i < 130; i++) outbox.push(messageNamed(`${i}`));
    await pass(0);
    sender.problem = undefined;
    await pass(MINUTE);
    expect(sender.received).to.have.length(100);
    expect(sender.received.at(-1)).to.equal("129");
    expect(at("error")).to.have.length(30);
  });

  it("are given up after a day", async () => {
    const { outbox, sender, pass, at } = scene(new FakeSender());
    sender.problem = () => unreachable;
    outbox.push(messageNamed("old"));
    await pass(23 * HOUR, MINUTE);
    outbox.push(messageNamed("young"));
    await pass(2 * HOUR, MINUTE);
    sender.problem = undefined;
    await pass(10 * MINUTE);
    expect(sender.received).to.deep.equal(["young"]);
    expect(at("error")).to.have.length(1);
    expect(at("error")[0]).to.include("old");
  });

  it("are gathered for a moment where they can be sent as one", async () => {
    const { outbox, sender, pass } = scene(new FakeSender(20));
    for (const subject of ["one", "two"]) outbox.push(messageNamed(subject));
    await pass(1000);
    outbox.push(messageNamed("three"));
    expect(sender.attempts).to.deep.equal([]);
    await pass(2000);
    expect(sender.attempts).to.deep.equal([["one", "two", "three"]]);
  });

  it("that a receiver never answers for are tried again", async () => {
    let calls = 0;
    const sender: Sender = {
      together: 1,
      send: (_messages, signal) =>
        calls++ > 0
          ? Promise.resolve(undefined)
          : new Promise((_resolve, reject) => {
              signal.addEventListener("abort", () => {
                reject(signal.reason as Error);
              });
            }),
    };
    const { outbox, at, clock } = scene(sender, 20);
    outbox.push(messageNamed("one"));
    await eventually(() => at("warn").length > 0, "it is too slow");
    expect(at("warn")[0]).to.include("no answer within 0.02 s");
    await eventually(() => clock.timers > 0, "it waits");
    clock.advance(1000);
    await eventually(() => calls === 2, "it is tried again");
  });

  it("are tried once more at the end, and what isn't delivered is given back", async () => {
    const { outbox, sender, pass } = scene(new FakeSender());
    sender.problem = () => unreachable;
    for (const subject of ["one", "two"]) outbox.push(messageNamed(subject));
    await pass(10 * MINUTE);
    const before = sender.attempts.length;
    expect((await outbox.close(1000)).map(({ subject }) => subject)).to.deep.equal(["one", "two"]);
    expect(sender.attempts.length).to.be.within(before + 1, before + 2);
  });

  it("get through at the end where they can", async () => {
    const { outbox, sender, pass, clock } = scene(new FakeSender(20));
    outbox.push(messageNamed("one"));
    await pass(0);
    expect(await outbox.close(1000)).to.deep.equal([]);
    expect(sender.received).to.deep.equal(["one"]);
    expect(clock.timers).to.equal(0);
  });

  it("end in time, though the receiver never answers", async () => {
    const sender: Sender = {
      together: 1,
      send: (_messages, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reject(signal.reason as Error);
          });
        }),
    };
    const { outbox, pass } = scene(sender);
    outbox.push(messageNamed("one"));
    await pass(0);
    expect(await outbox.close(20)).to.have.length(1);
  });
});
