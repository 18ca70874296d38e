import { expect } from "chai";
import type { NotificationChannel } from "../../dist/config/notifications-types.js";
import { SETTLE } from "../../dist/service/notifications/gather.js";
import type { Message } from "../../dist/service/notifications/message.js";
import {
  type Notifications,
  startNotifications,
} from "../../dist/service/notifications/start-notifications.js";
import { HttpReceiver } from "./http-receiver.js";
import {
  channelOf,
  errorOf,
  eventually,
  failed,
  FakeClock,
  FakeView,
  HOUR,
  memoryLog,
  MINUTE,
  recovered,
  secretsOf,
  sinkOf,
  stateOf,
} from "./support.js";

describe("the notifications of a service", () => {
  let receiver: HttpReceiver;
  let notifications: Notifications;
  const clock = (): FakeClock => scene.clock;
  let scene: {
    readonly clock: FakeClock;
    readonly view: FakeView;
    readonly lines: ReturnType<typeof memoryLog>["lines"];
    readonly warnings: string[];
  };

  function start(channels: readonly NotificationChannel[], env: Record<string, string> = {}): void {
    const { log, lines } = memoryLog();
    const warnings: string[] = [];
    scene = {
      clock: new FakeClock(),
      view: new FakeView(stateOf([sinkOf("nas"), sinkOf("s3")])),
      lines,
      warnings,
    };
    const secrets = secretsOf(env, warnings);
    for (const value of Object.values(env)) secrets.redactor.add(value);
    notifications = startNotifications({
      channels,
      view: scene.view,
      log,
      secrets,
      host: "backup-1",
      clock: scene.clock,
      now: scene.clock.date,
    });
  }
  beforeEach(async () => {
    receiver = await HttpReceiver.start();
  });
  afterEach(async () => {
    await notifications.close();
    await receiver.close();
  });

  /** Lets the time pass in which what has one cause is gathered. */
  const settle = (): void => {
    clock().advance(SETTLE);
  };
  const hook = (more: Partial<NotificationChannel> = {}): NotificationChannel =>
    channelOf({ kind: "webhook", url: `${receiver.url}/hook`, timeout: 5000 }, more);
  const received = (): readonly Message[] => receiver.requests.map(({ body }) => JSON.parse(body) as Message);
  const arrived = (count: number): Promise<void> =>
    eventually(() => receiver.requests.length >= count, `${count} messages arrive`);

  it("tell of a failure what, where, since when and what to do, and of its end", async () => {
    start([hook()]);
    scene.view.emit(
      failed("nas", {
        attempts: 3,
        error: errorOf("can't write to /mnt/nas", { causes: ["no space left"], remedy: "Make room." }),
      }),
    );
    clock().advance(2 * MINUTE + SETTLE);
    await arrived(1);
    const [message] = received() as [Message];
    expect(message).to.deep.include({
      version: 1,
      event: "failed",
      severity: "error",
      host: "backup-1",
      server: "axonserver-1",
      sink: "nas",
      job: "restore-point",
      attempts: 3,
      time: "2026-11-24T15:32:30.000Z",
      since: "2026-11-24T15:30:00.000Z",
      reminder: false,
      error: {
        message: "can't write to /mnt/nas",
        causes: ["no space left"],
        remedy: "Make room.",
        problems: [],
      },
      subject: "axon-backup on backup-1: sink nas: making restore points fails",
    });
    for (const text of [
      "since 2026-11-24 15:30:00 UTC (2 min 30 s)",
      "can't write to /mnt/nas",
      "no space left",
      "Make room.",
    ])
      expect(message.text).to.include(text);
    clock().advance(MINUTE);
    scene.view.emit(recovered("nas"));
    settle();
    await arrived(2);
    expect(received()[1]).to.deep.include({ event: "recovered", severity: "info", sink: "nas" });
  });

  it("hold nothing up and fail nobody, whatever a channel does", async () => {
    start([
      channelOf({ kind: "webhook", url: { env: "NOT_SET" }, timeout: 1000 }, { name: "broken" }),
      channelOf({ kind: "command", run: ["/no/such/program"], timeout: 1000 }),
      hook({ after: 0 }),
    ]);
    scene.view.emit(failed("nas"));
    clock().advance(2 * MINUTE + SETTLE);
    await arrived(1);
    await eventually(
      () => scene.lines.filter(({ level }) => level === "warn").length >= 2,
      "both are logged",
    );
    const warnings = scene.lines.filter(({ level }) => level === "warn").map(({ message }) => message);
    expect(warnings.find((line) => line.includes("broken"))).to.include("Set NOT_SET");
    expect(warnings.find((line) => line.includes("command"))).to.include("/no/such/program");
  });

  it("tell no secrets, in no form, and nothing that steers a terminal", async () => {
    start([hook({ after: 0 })], { TOKEN: "sesame-open" });
    const text = `denied for sesame-open ${Buffer.from("sesame-open").toString("base64")} \u001b[2J`;
    scene.view.emit(failed("nas", { error: errorOf(text, { causes: [text], remedy: text, stack: text }) }));
    settle();
    await arrived(1);
    const body = receiver.requests[0]?.body ?? "";
    expect(body).to.include("[secret]").and.not.include("sesame").and.not.include("c2VzYW1l");
    expect(body).not.to.include("\\u001b[2J");
    expect(JSON.stringify(scene.lines)).not.to.include("sesame");
  });

  it("cut what is too long", async () => {
    start([hook({ after: 0 })]);
    const error = errorOf("x".repeat(100_000));
    const objects = Array.from({ length: 5000 }, (_, i) => `contexts/default/${i}`);
    scene.view.emit(failed("nas", { error }));
    scene.view.emit({ kind: "damage", sink: "nas", at: clock().date(), objects });
    settle();
    await arrived(2);
    for (const { body } of receiver.requests) expect(body.length).to.be.below(16_384);
    const damage = received()[0];
    expect(damage).to.include({ damagedObjects: 5000 });
    expect(damage?.objects).to.have.length(20);
    expect(damage?.text).to.include("and 4,980 others");
  });

  it("go on with a new configuration, and what was told isn't told again", async () => {
    start([hook({ after: 0 })]);
    scene.view.emit(failed("nas"));
    settle();
    await arrived(1);
    notifications.take([hook({ after: MINUTE }), hook({ name: "second", after: 0 })]);
    scene.view.emit(failed("nas", { attempts: 2 }));
    settle();
    await arrived(2);
    scene.view.emit(recovered("nas"));
    settle();
    await arrived(4);
    expect(received().map(({ event }) => event)).to.deep.equal([
      "failed",
      "failed",
      "recovered",
      "recovered",
    ]);
    notifications.take([]);
    expect(clock().timers).to.equal(0);
  });

  it("hand what is being gathered over to the channel's new configuration, and tell it at the end", async () => {
    start([hook({ after: 0 })]);
    scene.view.emit(failed("nas"));
    notifications.take([hook({ after: 0, remind: HOUR })]);
    scene.view.emit(failed("s3"));
    settle();
    await arrived(2);
    expect(received().map(({ sink }) => sink)).to.have.members(["nas", "s3"]);
    scene.view.emit(failed("nas", { job: "verify" }));
    await notifications.close();
    expect(received()).to.have.length(3);
    expect(received()[2]).to.include({ job: "verify" });
  });

  it("tell of a server that is away, and of its return, once for all sinks", async () => {
    start([hook()]);
    for (const sink of ["nas", "s3"])
      for (const job of ["follow", "restore-point"] as const)
        scene.view.emit(failed(sink, { job, cause: "server", error: errorOf("connection refused") }));
    clock().advance(2 * MINUTE + SETTLE);
    await arrived(1);
    // Late, as a consequence; told together when the next message may be sent.
    for (const sink of ["nas", "s3"])
      scene.view.emit({
        kind: "late",
        sink,
        at: clock().date(),
        what: "restorePoint",
        reason: "3 h old",
        contexts: [],
      });
    clock().advance(5 * MINUTE);
    await arrived(2);
    for (const sink of ["nas", "s3"]) {
      for (const job of ["follow", "restore-point"] as const) scene.view.emit(recovered(sink, job));
      scene.view.emit({ kind: "on-time", sink, at: clock().date(), what: "restorePoint" });
    }
    settle();
    await arrived(3);
    const [away, late, back] = received() as [Message, Message, Message];
    expect(away).to.include({ event: "failed", sink: null, severity: "error" });
    expect(away.subject).to.equal("axon-backup on backup-1: the server can't be asked: 2 sinks fail");
    expect(away.also.map(({ sink, job }) => `${String(sink)} ${String(job)}`)).to.have.length(3);
    for (const text of ["connection refused", "sink nas:", "sink s3:"]) expect(away.text).to.include(text);
    expect([late.event, late.also.map(({ event }) => event)]).to.deep.equal(["late", ["late"]]);
    expect(back).to.include({ event: "recovered", severity: "info" });
    expect(back.subject).to.contain("2 sinks work again");
    expect(back.also).to.have.length(5);
    clock().advance(HOUR);
    await notifications.close();
    expect(received()).to.have.length(3);
  });

  it("tell in a reminder how far behind a sink is now, and why", async () => {
    start([hook({ remind: HOUR })]);
    const late = { kind: "late", sink: "nas", at: clock().date(), what: "lag", contexts: [] } as const;
    scene.view.emit({ ...late, reason: "behind by 5 events" });
    settle();
    await arrived(1);
    const retrying = {
      since: clock().date(),
      attempts: 9,
      retry: clock().date(),
      error: errorOf("no route"),
    };
    scene.view.change(
      stateOf([sinkOf("nas", { late: { lag: "behind by 70,000 events" }, retrying }), sinkOf("s3")]),
    );
    clock().advance(HOUR + SETTLE);
    await arrived(2);
    const [first, reminder] = received() as [Message, Message];
    expect(first.text).to.include("behind by 5 events");
    expect(reminder).to.include({ event: "late", reminder: true });
    expect(reminder.text).to.include("behind by 70,000 events").and.include("Why: no route");
    expect(reminder.text).not.to.include("behind by 5 events");
  });

  it("hand what is waiting over to the channel's new configuration", async () => {
    start([hook({ after: 0 })]);
    receiver.answer = 503;
    scene.view.emit(failed("nas"));
    settle();
    await eventually(() => clock().timers > 1, "it is tried again");
    const wrong = receiver;
    receiver = await HttpReceiver.start();
    notifications.take([hook({ after: 0 })]);
    await arrived(1);
    expect(received()[0]).to.include({ event: "failed", sink: "nas" });
    await wrong.close();
  });

  it("tell what is waiting at the end, and say what couldn't be told", async () => {
    start([hook({ after: 0 })]);
    receiver.answer = 503;
    scene.view.emit(failed("nas"));
    settle();
    await eventually(() => clock().timers > 1, "it is tried again");
    await notifications.close();
    expect(receiver.requests).to.have.length(2);
    expect(scene.lines.at(-1)).to.deep.include({ level: "error" });
    expect(scene.lines.at(-1)?.message).to.include("not told: axon-backup on backup-1: sink nas");
    expect(scene.view.listeners.size).to.equal(0);
    expect(clock().timers).to.equal(0);
  });

  it("ping as long as all is well, and another address when it isn't", async () => {
    start([
      channelOf(
        {
          kind: "ping",
          url: `${receiver.url}/up`,
          failUrl: `${receiver.url}/down`,
          when: "current",
          every: MINUTE,
          timeout: 5000,
        },
        { after: 0 },
      ),
    ]);
    await arrived(1);
    scene.view.change(stateOf([sinkOf("nas", { health: "failing" }), sinkOf("s3")]));
    scene.view.emit(failed("nas"));
    await eventually(() => {
      clock().advance(100);
      return receiver.requests.length === 2;
    }, "the other address is fetched");
    clock().advance(HOUR);
    scene.view.emit(recovered("nas"));
    scene.view.change(stateOf([sinkOf("nas"), sinkOf("s3")]));
    await arrived(3);
    expect(receiver.requests.map(({ method, path }) => `${method} ${path}`)).to.deep.equal([
      "GET /up",
      "GET /down",
      "GET /up",
    ]);
  });
});
