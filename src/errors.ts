import createError from '@fastify/error'

/**
 * Faults of the process and its environment: they end a start-up or one connection, never a request with a known
 * refusal (refusals carry the protocol's error codes). Every code is listed in docs/errors.md, which a test checks.
 */
export const FLW_ERR_CONFIG_INVALID = createError('FLW_ERR_CONFIG_INVALID', '%s')
export const FLW_ERR_LOG_LOCKED = createError(
  'FLW_ERR_LOG_LOCKED',
  'The data folder %s is in use by another Fleetwire process%s. Stop it, or set FLEETWIRE_DATA_DIR to another folder.',
)
export const FLW_ERR_LOG_CORRUPT = createError(
  'FLW_ERR_LOG_CORRUPT',
  'The log file %s is damaged or not a Fleetwire log (%s). Nothing was changed. Restore it from a backup, or move it away to start empty.',
)
export const FLW_ERR_LOG_NEWER = createError(
  'FLW_ERR_LOG_NEWER',
  'The log file %s was written by a newer Fleetwire (schema %s, this version knows %s). Nothing was changed. Upgrade Fleetwire.',
)
export const FLW_ERR_LOG_OPEN = createError('FLW_ERR_LOG_OPEN', 'The log file %s cannot be opened: %s')
export const FLW_ERR_LOG_FAILED = createError('FLW_ERR_LOG_FAILED', 'The log has failed and accepts nothing more: %s')
export const FLW_ERR_LOG_CLOSED = createError('FLW_ERR_LOG_CLOSED', 'The log is closed')
export const FLW_ERR_LOG_ENTRY = createError(
  'FLW_ERR_LOG_ENTRY',
  'The entry of %s at %s cannot be delivered: %s. It is left out of lists, snapshots and replays.',
)
export const FLW_ERR_FRAME_OUTBOUND = createError(
  'FLW_ERR_FRAME_OUTBOUND',
  'Refused to send a frame that violates its schema: %s',
)
export const FLW_ERR_SECRET_FILE = createError(
  'FLW_ERR_SECRET_FILE',
  'The token secret %s cannot be used: %s. Remove the file to have a new one generated (all tokens become invalid), or set FLEETWIRE_JWT_SECRET.',
)
export const FLW_ERR_KEYS_UNAVAILABLE = createError(
  'FLW_ERR_KEYS_UNAVAILABLE',
  'The keys of the token issuer cannot be fetched from %s: %s',
)
export const FLW_ERR_EVENTS_PATTERN = createError('FLW_ERR_EVENTS_PATTERN', '"%s" is not a valid topic pattern')
export const FLW_ERR_AUTH_HOST_USER = createError(
  'FLW_ERR_AUTH_HOST_USER',
  'The option authenticate returned an invalid user: its "%s" is missing or not valid.',
)
export const FLW_ERR_EMBED_WEBSOCKET = createError(
  'FLW_ERR_EMBED_WEBSOCKET',
  'This app uses @fastify/websocket, which handles every upgrade of its server. Register Fleetwire in a separate app, on its own port, or serve the sockets of this app with a library that ignores the sockets of others.',
)
export const FLW_ERR_AUTH_NO_ROW = createError(
  'FLW_ERR_AUTH_NO_ROW',
  'The route "%s" has no row in src/auth/access.ts, which defines who may call it, and on what',
)
export const FLW_ERR_AUTH_LAPSED = createError('FLW_ERR_AUTH_LAPSED', 'A file was cut off: %s')
export const FLW_ERR_CLUSTER_CONNECT = createError('FLW_ERR_CLUSTER_CONNECT', 'No NATS server can be reached at %s: %s')
export const FLW_ERR_CLUSTER_SERVER = createError(
  'FLW_ERR_CLUSTER_SERVER',
  'nats-server %s cannot be used: %s. Upgrade it; 2.15 is recommended.',
)
export const FLW_ERR_CLUSTER_STREAM = createError(
  'FLW_ERR_CLUSTER_STREAM',
  'The stream %s of the NATS servers cannot be used: %s',
)
export const FLW_ERR_CLUSTER_UNREADY = createError(
  'FLW_ERR_CLUSTER_UNREADY',
  'The NATS servers do not answer requests for the stream %s: %s. Each of them must have JetStream enabled (jetstream { … } in its configuration), and a majority of them must be running.',
)
export const FLW_ERR_CLUSTER_BEHIND = createError(
  'FLW_ERR_CLUSTER_BEHIND',
  'This node has not reached the cursor, and cannot tell whether there is more: it cannot reach a majority of the NATS servers',
  503,
)
export const FLW_ERR_CLUSTER_ACCESS = createError(
  'FLW_ERR_CLUSTER_ACCESS',
  'The NATS servers at %s refuse this node: %s. Check FLEETWIRE_NATS_CREDS, _CA, _CERT and _KEY, or the login in FLEETWIRE_NATS_URL.',
)
export const FLW_ERR_CLUSTER_NODE = createError(
  'FLW_ERR_CLUSTER_NODE',
  'Another process of the cluster is also node %s. Give each its own FLEETWIRE_NODE.',
)
export const FLW_ERR_CLUSTER_PAYLOAD = createError(
  'FLW_ERR_CLUSTER_PAYLOAD',
  'The NATS servers accept messages of at most %s bytes, but cluster mode needs %s: set max_payload to 1MB or more.',
)
export const FLW_ERR_CLUSTER_KEY = createError(
  'FLW_ERR_CLUSTER_KEY',
  'Node %s verifies tokens with a different key: one node refuses what the other accepts. Set the same FLEETWIRE_JWT_SECRET, _JWT_PUBLIC_KEY or _JWKS_URL on all nodes.',
)
