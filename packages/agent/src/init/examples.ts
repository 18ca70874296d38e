import type { Template } from "./commented-yaml.js";

type Examples = Readonly<Record<string, unknown>>;

/** What stands at the keys of agent.yaml that aren't set: the defaults, where there are any. */
const AGENT: Examples = {
  "server.tls": { ca: "/etc/axon-backup/ca.pem" },
  "server.tls.cert": "/etc/axon-backup/client.pem",
  "server.tls.key": "/etc/axon-backup/client-key.pem",
  "server.tls.server_name": "axonserver.example.com",
  "server.storage": ["/var/lib/axonserver/data"],
  "server.control_db": ["/var/lib/axonserver/backup"],
  "server.paths": [{ server: "/axonserver/data", local: "/mnt/axonserver/data" }],
  "server.timeouts": { connect: "10s", request: "30s", control_db: "5m" },
  contexts: ["default"],
  log: { level: "info", format: "auto" },
  service: { listen: "127.0.0.1:9464" },
  notifications: [
    {
      email: {
        host: "smtp.example.com",
        tls: "starttls",
        user: "axon-backup",
        password: { file: "/etc/axon-backup/secrets/smtp-password" },
        from: "axon-backup@example.com",
        to: ["operations@example.com"],
      },
    },
    {
      webhook: {
        url: "https://hooks.example.com/axon-backup",
        secret: { file: "/etc/axon-backup/secrets/webhook" },
      },
    },
    { command: { run: ["/usr/local/bin/tell-operations"] } },
    { ping: { url: "https://ping.example.com/axon-backup", when: "current" } },
  ],
  "service.token": { file: "/etc/axon-backup/secrets/service-token" },
};

/** Sections that agent.yaml and sinks' files have. */
const SERVICE: Examples = {
  schedule: { every: "1h" },
  "schedule.cron": "0 * * * *",
  "schedule.timezone": "Europe/Berlin",
  "schedule.jitter": "2m",
  continuous: { enabled: true, interval: "1s", max_put_rate: "60/h" },
  verify: { cron: "30 3 * * *", jitter: "15m", budget: "5%" },
  "verify.every": "1d",
  "verify.timezone": "Europe/Berlin",
  "verify.for": "30m",
  "verify.depth": "data",
  prune: { cron: "0 5 * * *", jitter: "15m" },
  "prune.every": "1d",
  "prune.timezone": "Europe/Berlin",
  promise: { lag: "2m", restore_point: "130m" },
};

/** What stands at the agent's keys of a sink's file. */
const SINK: Examples = {
  connections: 4,
  limits: { upload: "50MiB", download: "50MiB" },
  timeouts: { stall: "60s" },
  retries: { for: "2m", attempts: 3, max_wait: "30s" },
  retention: { keep_last: 3, keep_within: "14d", keep_daily: 7, keep_weekly: 5, keep_monthly: 12 },
  "retention.keep_hourly": 24,
  "retention.keep_yearly": 10,
  "retention.keep_abandoned": "30d",
};

/** What stands at the options of the types that come with the agent. */
const OPTIONS: Readonly<Record<string, Examples>> = {
  local: {},
  s3: {
    prefix: "axon/production",
    endpoint: "https://minio.example.com:9000",
    region: "eu-central-1",
    path_style: false,
    access_key_id: "AKIAIOSFODNN7EXAMPLE",
    encryption: { type: "sse-s3" },
    "encryption.key_id": "alias/axon-backup",
    "encryption.context": { application: "axon-backup" },
    storage_class: { "closed-segment": "STANDARD_IA" },
    "storage_class.index": "STANDARD_IA",
    "storage_class.control-db": "STANDARD_IA",
    "storage_class.replication-log": "STANDARD_IA",
    tags: { application: "axon-backup" },
    leftovers_after: 24,
  },
  azure: {
    prefix: "axon/production",
    account: "axonbackup",
    client_id: "00000000-0000-0000-0000-000000000000",
    endpoint: "https://axonbackup.blob.core.windows.net",
    tier: { "closed-segment": "cool" },
    block_size: 4 * 1024 * 1024,
  },
  sftp: {
    private_key_file: "/etc/axon-backup/secrets/sftp-key",
    agent: true,
    known_hosts: "/etc/axon-backup/known_hosts",
    host_key: `SHA256:${"A".repeat(43)}`,
  },
};

/** The examples of agent.yaml. */
export const agentExample: Template["example"] = (path) => AGENT[path] ?? SERVICE[path];

/** The examples of a sink's file. */
export function sinkExample(type: string): Template["example"] {
  const options = Object.hasOwn(OPTIONS, type) ? OPTIONS[type] : undefined;
  return (path) => options?.[path] ?? SINK[path] ?? SERVICE[path];
}
