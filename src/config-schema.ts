import { type Static, Type } from '@sinclair/typebox'

// Used only by the build and the tests: `scripts/generate-config-check.ts` generates what programs need from it.

const SECOND = 1000
const MINUTE = 60 * SECOND
const DAY = 24 * 60 * MINUTE
const KiB = 1024

const positive = (defaultValue: number, description: string) =>
  Type.Integer({ minimum: 1, default: defaultValue, description })

/** Comma-separated, or an array if set in code; `listOf` reads both. */
const list = (description: string) =>
  Type.Optional(
    Type.Unsafe<string | readonly string[]>(
      // Some env files leave quotes around a value; they would become part of the name, which would then never match.
      Type.Array(Type.String({ minLength: 1, maxLength: 512, pattern: '^[^"\'\\s]+$' }), {
        minItems: 1,
        maxItems: 32,
        description,
      }),
    ),
  )

/** Every setting. Each is read from the environment variable of its name with the prefix `FLEETWIRE_`. */
export const ConfigSchema = Type.Object({
  HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 3000, description: 'Port to listen on; 0: any free port' }),
  DATA_DIR: Type.String({ default: './data', description: 'Folder of the log and the generated secret' }),
  JWT_SECRET: Type.Optional(
    Type.String({
      minLength: 32,
      description: 'HS256 secret, at least 32 characters; generated into DATA_DIR/secret when absent',
    }),
  ),
  JWT_PUBLIC_KEY: Type.Optional(
    Type.String({ description: 'PEM public key: tokens are minted elsewhere and only verified here' }),
  ),
  JWKS_URL: Type.Optional(Type.String({ description: 'URL of a JWKS: like JWT_PUBLIC_KEY, with key rotation' })),
  JWKS_ALLOW_HTTP: Type.Boolean({ default: false, description: 'Fetch the JWKS over http from other machines too' }),
  JWT_AUDIENCE: list(
    'Audiences, comma-separated: one must be in aud. A JWKS needs this or JWT_ISSUER; any: aud is not checked',
  ),
  JWT_ISSUER: list('Issuers, comma-separated: iss must equal one of them exactly'),
  JWT_ROLE_CLAIM: Type.String({
    minLength: 1,
    maxLength: 256,
    default: 'role',
    description: 'Claim that names the role: a name or a path; the highest known role counts',
  }),
  JWT_LEEWAY_MS: Type.Integer({
    minimum: 0,
    maximum: 5 * MINUTE,
    default: 5 * SECOND,
    description: 'How far the clock of an issuer may be off',
  }),
  MAX_REVOCATIONS: positive(
    100_000,
    'Revocations that are kept; above this, revocations of subjects and of foreign tokens are refused',
  ),
  TOKEN_MAX_TTL_MS: positive(365 * DAY, 'Longest life of a token that is minted over REST'),
  ALLOWED_ORIGINS: Type.String({
    default: '',
    description: 'Comma-separated origins that browsers may use besides the server’s own; *: any',
  }),
  ALLOW_QUERY_TOKEN: Type.Boolean({
    default: true,
    description: 'Accept ?token= for sockets and event streams; false: only header and subprotocol',
  }),
  TRUST_PROXY: Type.String({
    default: '',
    description:
      'Which proxies’ X-Forwarded-… headers are trusted: comma-separated addresses or networks, or the number of proxies; true: anybody’s',
  }),
  LOG_LEVEL: Type.String({
    default: 'info',
    pattern: '^(fatal|error|warn|info|debug|trace|silent)$',
    description: 'Level of the server’s own log',
  }),
  HEARTBEAT_MS: positive(
    30 * SECOND,
    'Interval of pings and heartbeats to dashboards; silent for two: closed with 4408',
  ),
  AGENT_HEARTBEAT_MS: positive(
    10 * SECOND,
    'Interval at which agents report; silent for two: late, for three: offline',
  ),
  LEASE_MS: positive(5 * MINUTE, 'How long a running command survives without its agent'),
  ACK_DEADLINE_MS: positive(10 * SECOND, 'How long an agent may take to acknowledge a dispatch'),
  CANCEL_DEADLINE_MS: positive(30 * SECOND, 'How long an agent may take to confirm an interrupt before it is forced'),
  MAX_FRAME_BYTES: positive(256 * KiB, 'Largest inbound frame; over it: closed with 4413'),
  FRAME_RATE: positive(100, 'Frames per second of a connection other than an agent’s, sustained'),
  FRAME_BURST: positive(200, 'Burst of frames of a connection other than an agent’s'),
  AGENT_FRAME_RATE: positive(2000, 'Frames per second of an agent’s connection; bursts of twice that'),
  FRAME_RATE_PER_PRINCIPAL: positive(
    5000,
    'Frames per second over all sockets of a token subject; bursts of twice that',
  ),
  FRAME_RATE_PER_ADDRESS: positive(20_000, 'Frames per second over all sockets of an address; bursts of twice that'),
  HEADERS_TIMEOUT_MS: positive(10 * SECOND, 'How long the headers of a request may take to arrive; over it: 408'),
  REQUEST_TIMEOUT_MS: positive(30 * SECOND, 'How long a request, with its body, may take to arrive; over it: 408'),
  STALLED_CONNECTION_MS: positive(
    2 * MINUTE,
    'How long an HTTP connection may carry no byte in either direction; at least twice HEARTBEAT_MS',
  ),
  REST_RATE: positive(6000, 'REST requests per minute per principal'),
  FALSE_TOKEN_RATE: positive(
    300,
    'Invalid tokens per minute from an address; over it they get 429, while valid tokens still work',
  ),
  UPGRADE_RATE: positive(1000, 'New sockets per second per address, and per token subject; over it: 429'),
  UPGRADE_BURST: positive(10_000, 'Burst of new sockets per address, and per token subject'),
  ADMISSION_RATE: positive(5000, 'New sockets per second on this node; those over it wait for their turn'),
  ADMISSION_WAIT_MS: positive(20 * SECOND, 'Longest wait of a new socket for its turn; over it: 503'),
  MAX_CONNECTIONS: positive(20_000, 'Sockets on this node; over it: 503 before the upgrade'),
  MAX_CONNECTIONS_PER_PRINCIPAL: positive(2000, 'Sockets of one token subject; over it: 429 before the upgrade'),
  MAX_OPEN_INTERACTIONS_PER_AGENT: positive(1000, 'Open interactions of one agent; over it: too_large'),
  MAX_OPEN_MESSAGES_PER_AGENT: positive(256, 'Open messages and tool calls of one agent; over it: too_large'),
  MAX_SESSIONS_PER_AGENT: positive(2000, 'Sessions of one agent that have not ended; over it: too_large'),
  MAX_TERMINALS_PER_AGENT: positive(2000, 'Live terminals of one agent; over it: too_large'),
  MAX_USAGE_MODELS_PER_AGENT: positive(
    1000,
    'Sources and models for which the usage of one agent is counted; over it: too_large',
  ),
  AG_UI_BODY_BYTES: positive(
    4 * KiB * KiB,
    'Largest body of an AG-UI run, which contains the whole history of its thread; over it: 413',
  ),
  AG_UI_STREAMS_PER_PRINCIPAL: positive(200, 'AG-UI streams of one token subject at once; over it: 429'),
  QUEUE_LIMIT: positive(1000, 'Commands that may wait for one agent; over it: queue_full'),
  COMMAND_RETENTION_MS: positive(30 * DAY, 'How long ended commands are kept'),
  TASK_RETENTION_MS: positive(30 * DAY, 'How long ended tasks are kept'),
  SESSION_RETENTION_MS: positive(30 * DAY, 'How long sessions without activity are kept'),
  EVENT_RETENTION_COUNT: positive(1_000_000, 'Events kept in the log'),
  EVENT_RETENTION_BYTES: positive(4 * KiB * KiB * KiB, 'Bytes of events kept in the log; at 80 % there is a warning'),
  EVENT_RETENTION_MS: positive(7 * DAY, 'How long events are kept in the log'),
  OUTBOX_LIMIT_BYTES: Type.Integer({
    // Twice what a replay sends before it waits: with less, a slow client could never catch up.
    minimum: 256 * KiB,
    default: 4 * KiB * KiB,
    description: 'Bytes that may wait for one slow client; over it: closed with 4508',
  }),
  FLUSH_MS: Type.Integer({
    minimum: 0,
    default: 0,
    description: 'Longest time for which writes are gathered under load; 0: until the next turn of the event loop',
  }),
  COMPRESSION: Type.Boolean({
    default: false,
    description: 'Accept permessage-deflate: less traffic for more CPU time',
  }),
  METRICS_PUBLIC: Type.Boolean({ default: false, description: 'Serve /metrics without a token' }),
  DASHBOARD: Type.Boolean({
    default: true,
    description:
      'Serve the dashboard at / and its pages; an app that embeds Fleetwire at its root must set this explicitly',
  }),
  WEBHOOK_ALLOW_PRIVATE: Type.String({
    default: '',
    description:
      'Non-public addresses to which webhooks may be sent: comma-separated addresses or networks; true: loopback and private ones',
  }),
  WEBHOOK_ALLOW_HTTP: Type.Boolean({
    default: false,
    description: 'Send webhooks to public addresses over http too; otherwise only over https',
  }),
  MAX_WEBHOOKS: positive(100, 'Number of webhooks; over it: too_large'),
  WEBHOOK_CONCURRENCY: positive(
    100,
    'Webhooks that are sent at the same time; at most half of them to receivers that failed before',
  ),
  WEBHOOK_MAX_BYTES: Type.Integer({
    minimum: 1024,
    default: 256 * KiB,
    description: 'Largest body of a webhook; a larger event is sent without its payload',
  }),
  WEBHOOK_TIMEOUT_MS: positive(15 * SECOND, 'How long a receiver of a webhook may take to answer'),
  WEBHOOK_DISABLE_AFTER_MS: positive(DAY, 'How long a webhook may fail before it is disabled'),
  NATS_URL: list(
    'NATS servers, comma-separated, such as nats://a:4222: this process is one node of a cluster; absent: the log is only in DATA_DIR',
  ),
  NATS_CREDS: Type.Optional(Type.String({ description: 'File with the credentials of NATS (JWT and seed)' })),
  NATS_CA: Type.Optional(
    Type.String({ description: 'File with the CA certificates by which NATS servers are verified' }),
  ),
  NATS_CERT: Type.Optional(
    Type.String({ description: 'File with the certificate that this node presents to NATS servers' }),
  ),
  NATS_KEY: Type.Optional(Type.String({ description: 'File with the key of NATS_CERT' })),
  NATS_REPLICAS: Type.Integer({
    minimum: 1,
    maximum: 5,
    default: 3,
    description: 'How many NATS servers store each commit; 1: none of them may fail',
  }),
  NATS_MONITOR_URL: list(
    'Monitoring URLs of all NATS servers, comma-separated, such as http://a:8222: only there do they report whether they sync each commit to disk',
  ),
  NATS_REQUIRE_FSYNC: Type.Boolean({
    default: false,
    description: 'Be ready only if NATS_MONITOR_URL shows that the NATS servers sync each commit to their disks',
  }),
  NAMESPACE: Type.String({
    default: 'default',
    pattern: '^[A-Za-z0-9_-]{1,32}$',
    description: 'Name of this fleet, if several fleets share the NATS servers',
  }),
  NODE: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{1,64}$',
      description: 'Name of this node, unique in the cluster; made of its host name and port when absent',
    }),
  ),
  ADDRESS: Type.Optional(
    Type.String({
      maxLength: 512,
      pattern: '^https?://[^/?#\\s]+$',
      description:
        'URL at which other nodes reach this node, such as http://10.0.0.5:3000; the address that it listens on when absent',
    }),
  ),
  LOCAL_AGENT: Type.Optional(
    Type.Boolean({
      description: 'Whether npm start runs an agent named local; when absent it does, except on nodes of a cluster',
    }),
  ),
})
export type Config = Static<typeof ConfigSchema>
