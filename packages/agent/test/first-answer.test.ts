import { isSinkError, type SinkError } from "@axon-backup/sink";
import { expect } from "chai";
import { firstAnswer, noAnswer } from "../dist/checks/first-answer.js";
import { rejection } from "./support.js";

const quiet = (): void => undefined;
const waiting = (patience: number, signal = new AbortController().signal) => ({
  signal,
  say: quiet,
  patience,
});
const never = new Promise<never>(quiet);

describe("a check's first answer", () => {
  it("is what comes in time", async () => {
    expect(await firstAnswer("it", waiting(10_000), () => Promise.resolve(5))).to.equal(5);
    const own = new RangeError("its own");
    expect(
      await rejection(
        firstAnswer("it", waiting(10_000), () => Promise.reject(own)),
        RangeError,
      ),
    ).to.equal(own);
  });

  it("isn't waited for longer than that, though the work takes no notice; what comes late is given back", async () => {
    let seen: AbortSignal | undefined;
    let arrive: (value: string) => void = quiet;
    const work = (signal: AbortSignal) => {
      seen = signal;
      return new Promise<string>((resolve) => {
        arrive = resolve;
      });
    };
    const givenBack = new Promise<string>((resolve) => {
      const late = (value: string): Promise<void> => {
        resolve(value);
        return Promise.resolve();
      };
      firstAnswer("the storage", waiting(20), work, noAnswer, late).catch((error: unknown) => {
        expect(isSinkError(error, "transient")).to.equal(true);
        expect((error as SinkError).message).to.equal("no answer from the storage within 1 s");
        expect((error as SinkError).remedy).to.include("firewall");
        expect(seen?.aborted).to.equal(true);
        arrive("late");
      });
    });
    expect(await givenBack).to.equal("late");
  });

  it("ends with the signal's reason", async () => {
    const controller = new AbortController();
    const reason = new RangeError("interrupted");
    const promise = rejection(
      firstAnswer("it", waiting(10_000, controller.signal), () => never),
      RangeError,
    );
    controller.abort(reason);
    expect(await promise).to.equal(reason);
  });

  it("that takes a while is said to be waited for", async () => {
    const said = new Promise<string>((say) => {
      const controller = new AbortController();
      firstAnswer(
        "the server",
        {
          signal: controller.signal,
          say: (text) => {
            say(text);
            controller.abort(new Error("enough"));
          },
        },
        () => never,
      ).catch(quiet);
    });
    expect(await said).to.equal("waiting for the server, 15 s at most");
  });
});
