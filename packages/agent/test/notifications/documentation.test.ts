import { readFileSync } from "node:fs";
import { expect } from "chai";
import { installedPlugins } from "../../dist/composition/plugins.js";
import { loadConfiguration } from "../../dist/config/load.js";
import { NOTIFIED_EVENTS } from "../../dist/config/notifications-types.js";
import { environmentOf } from "../../dist/service/notifications/senders/command.js";
import { signatureOf } from "../../dist/service/notifications/senders/webhook.js";
import { folder, removeFolders } from "../support.js";
import { messageNamed } from "./support.js";

const page = readFileSync(new URL("../../../../docs/notifications.md", import.meta.url), "utf8");
const blocks = (language: string): readonly string[] =>
  [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , text = ""]) => text);

type IsGenuine = (headers: Readonly<Record<string, string>>, body: Buffer, secret: string) => boolean;

describe("docs/notifications.md", () => {
  afterEach(removeFolders);

  it("has configuration that is right", async () => {
    const yaml = blocks("yaml");
    expect(yaml.length).to.be.at.least(5);
    for (const text of yaml) {
      const notifications = text.includes("notifications:")
        ? text
        : `notifications:\n${text.replace(/^/gm, "  ")}`;
      const directory = folder({ "agent.yaml": `server: {url: "http://localhost:8024"}\n${notifications}` });
      const { notifications: channels } = await loadConfiguration(directory, installedPlugins());
      expect(channels.length).to.be.at.least(1);
    }
  });

  it("describes each event, member and variable", () => {
    const [example] = blocks("json") as [string];
    const names = Object.keys(messageNamed("x"));
    expect(Object.keys(JSON.parse(example) as object)).to.have.members(names);
    for (const event of NOTIFIED_EVENTS) expect(page).to.include(`| \`${event}\``);
    for (const name of Object.keys(environmentOf(messageNamed("x"), {})))
      expect(page).to.include(`\`${name}\``);
  });

  it("tells receivers how to verify what they get", async () => {
    const [code] = blocks("js") as [string];
    const { isGenuine } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
      isGenuine: IsGenuine;
    };
    const body = JSON.stringify(messageNamed("Zürich"));
    const signed = (seconds: number) => {
      const timestamp = String(Math.floor(Date.now() / 1000) - seconds);
      return {
        "x-axon-backup-timestamp": timestamp,
        "x-axon-backup-signature": signatureOf("secret", timestamp, body),
      };
    };
    expect(isGenuine(signed(0), Buffer.from(body), "secret")).to.equal(true);
    expect(isGenuine(signed(0), Buffer.from(`${body} `), "secret")).to.equal(false);
    expect(isGenuine(signed(0), Buffer.from(body), "another")).to.equal(false);
    expect(isGenuine(signed(400), Buffer.from(body), "secret")).to.equal(false);
    expect(isGenuine({}, Buffer.from(body), "secret")).to.equal(false);
  });
});
