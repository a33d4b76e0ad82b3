import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { checkServerIdentity, createSecureContext } from 'node:tls'
import { connect, credsAuthenticator, errors, type NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../clock.ts'
import { FLW_ERR_CLUSTER_ACCESS, FLW_ERR_CLUSTER_CONNECT } from '../../errors.ts'
import { parseNatsUrls } from '../../nats-url.ts'

/** How long a server may take to accept a connection. */
const CONNECT_MS = 2000
/** Servers that start together with this process take a moment. */
const REACH_MS = 20_000
const RETRY_MS = 250

/** Where the servers are, and how this node authenticates. */
export interface NatsAccess {
  /**
   * `host:port` or URLs, of one server or several of a cluster. A URL may contain a user and a password, or a token.
   */
  servers: string | readonly string[]
  credsFile?: string | undefined
  caFile?: string | undefined
  certFile?: string | undefined
  keyFile?: string | undefined
}

export interface NatsConnectOptions extends NatsAccess {
  /** Shown by the servers' own monitoring. */
  name: string
  namespace: string
  clock: Clock
  /** Called if the first attempt fails, and when the connection is lost, is restored, or has a problem. */
  onNote?: (message: string) => void
}

/**
 * Opens a connection that, once made, never gives up. Throws FLW_ERR_CLUSTER_CONNECT if no server can be reached for 20
 * s, FLW_ERR_CLUSTER_ACCESS if the servers refuse this node or one of its access files cannot be read.
 */
export async function connectNats(options: NatsConnectOptions): Promise<NatsConnection> {
  const { name, namespace, clock, onNote = () => {} } = options
  // The library expects the login separately from the servers.
  const { servers, login } = parseNatsUrls([options.servers].flat())
  const until = clock.monotonic() + REACH_MS
  for (let tries = 1; ; tries++) {
    try {
      const connection = await connect({
        servers: [...servers],
        ...login,
        ...fromFiles(options, servers),
        name,
        // With this the servers can restrict a node to the replies of its own fleet.
        inboxPrefix: `_INBOX.fw.${namespace}`,
        // Otherwise the library creates an error with its stack for each request, in case it fails.
        noAsyncTraces: true,
        timeout: CONNECT_MS,
        // The library's defaults detect a dead link after minutes, and give up after ten attempts.
        pingInterval: 2000,
        maxPingOut: 2,
        maxReconnectAttempts: -1,
        ignoreAuthErrorAbort: true,
        reconnectTimeWait: 100,
        reconnectJitter: 150,
        reconnectJitterTLS: 150,
      })
      void tell(connection, name, onNote)
      return connection
    } catch (error) {
      const { message } = error as Error
      if (error instanceof errors.AuthorizationError || error instanceof FileFlaw) {
        throw new FLW_ERR_CLUSTER_ACCESS(String(servers), message)
      }
      if (clock.monotonic() >= until) throw new FLW_ERR_CLUSTER_CONNECT(String(servers), message)
      if (tries === 1) onNote(`waiting for the NATS servers at ${servers}: ${message}`)
      await new Promise<void>(resolve => void clock.setTimeout(resolve, RETRY_MS))
    }
  }
}

/** Reports what operators may act on. Ends with the connection. */
async function tell(connection: NatsConnection, name: string, onNote: (message: string) => void): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'disconnect') onNote(`${name}: lost the connection to ${status.server}`)
    if (status.type === 'reconnect') onNote(`${name}: connected to ${status.server}`)
    if (status.type === 'error') onNote(`${name}: ${status.error.message}`)
    if (status.type === 'slowConsumer') onNote(`${name}: messages arrive faster than it handles them`)
  }
}

class FileFlaw extends Error {}

/** Read again for each connection, so that files may be replaced while the process runs. */
function fromFiles({ credsFile, caFile, certFile, keyFile }: NatsAccess, servers: readonly string[]) {
  checkFiles({ credsFile, caFile, certFile, keyFile })
  const isTls =
    [caFile, certFile, keyFile].some(file => file !== undefined) || servers.some(server => server.startsWith('tls:'))
  return {
    ...(credsFile !== undefined && { authenticator: credsAuthenticator(() => contentOf(credsFile)) }),
    ...(isTls && {
      tls: {
        ...{ ...(caFile && { caFile }), ...(certFile && { certFile }), ...(keyFile && { keyFile }) },
        checkServerIdentity: identityCheck(servers),
      },
    }),
  }
}

/** A bad file does not fix itself. The library reports it only while connecting, as if the server were unreachable. */
function checkFiles({ credsFile, caFile, certFile, keyFile }: Omit<NatsAccess, 'servers'>): void {
  if (credsFile !== undefined) {
    const content = contentOf(credsFile)
    orFlaw(`${credsFile} contains no NATS credentials`, () => credsAuthenticator(content)())
  }
  const read = (file: string | undefined) => (file === undefined ? undefined : Buffer.from(contentOf(file)))
  const [ca, cert, key] = [caFile, certFile, keyFile].map(read)
  if (caFile !== undefined) orFlaw(`${caFile} contains no certificate`, () => new X509Certificate(ca!))
  if (certFile !== undefined && keyFile !== undefined) {
    orFlaw(`${certFile} and ${keyFile} are not a certificate and its key`, () => createSecureContext({ cert, key }))
  }
}

function orFlaw(flaw: string, attempt: () => unknown): void {
  try {
    attempt()
  } catch (error) {
    throw new FileFlaw(`${flaw} (${(error as Error).message})`)
  }
}

/**
 * The library gives TLS no name for a server that is given by its IP address, and Node.js then assumes `localhost`. The
 * certificate has to match one of the configured addresses.
 */
function identityCheck(servers: readonly string[]): typeof checkServerIdentity {
  const addresses = servers.map(server => new URL(server.includes('://') ? server : `tls://${server}`).hostname)
  const known = addresses.map(address => address.replace(/^\[|\]$/g, '')).filter(address => isIP(address) !== 0)
  return (host, certificate) => {
    const flaw = checkServerIdentity(host, certificate)
    if (flaw === undefined || host !== 'localhost') return flaw
    const flaws = known.map(address => checkServerIdentity(address, certificate))
    return flaws.includes(undefined) ? undefined : (flaws[0] ?? flaw)
  }
}

function contentOf(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new FileFlaw(`${file} cannot be read (${(error as Error).message})`)
  }
}
