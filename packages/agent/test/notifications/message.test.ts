import { expect } from "chai";
import { messageOf } from "../../dist/service/notifications/message.js";
import { errorOf, START } from "./support.js";

describe("a notification's message", () => {
  it("has what is wrong in a configuration that isn't taken, and where, without secrets", () => {
    const problems = [
      { file: "/etc/axon-backup/agent.yaml", line: 3, column: 5, key: "server.urll", message: "unknown key" },
      { file: "/etc/axon-backup/sinks.d", key: "", message: "hunter2 can't be read" },
    ];
    const trouble = { kind: "configuration-rejected", error: errorOf("it is wrong", { problems }) } as const;
    const message = messageOf(
      { event: "configuration-rejected", trouble, since: START, reminder: false },
      {
        id: "1",
        now: START,
        host: "backup-1",
        server: undefined,
        redact: (text) => text.replaceAll("hunter2", "***"),
      },
    );
    expect(message.error?.problems).to.deep.equal([
      problems[0],
      { file: "/etc/axon-backup/sinks.d", line: null, column: null, key: "", message: "*** can't be read" },
    ]);
  });
});
