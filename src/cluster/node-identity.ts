import { createHmac, randomBytes } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'

/**
 * The name of this node in its cluster: the configured one, or one made of host and port, which distinguish processes.
 */
export function nodeName({ NODE, PORT }: { NODE?: string; PORT: number }): string {
  if (NODE !== undefined) return NODE
  const host = hostname().replaceAll(/[^A-Za-z0-9_-]/g, '-')
  return `${host.slice(0, 48)}-${PORT === 0 ? randomBytes(4).toString('hex') : PORT}`
}

/** Where other nodes reach the HTTP server of this node, which listens at `bound`. */
export function nodeAddress(
  { ADDRESS, HOST }: { ADDRESS?: string; HOST: string },
  bound: { address: string; port: number },
): string {
  if (ADDRESS !== undefined) return ADDRESS
  const isAny = bound.address === '0.0.0.0' || bound.address === '::'
  const host = isAny ? ownAddress() : HOST === 'localhost' ? HOST : bound.address
  return `http://${isIPv6(host) ? `[${host}]` : host}:${bound.port}`
}

/**
 * The first address at which other machines can reach this one. Names of containers and pods do not resolve everywhere.
 */
function ownAddress(): string {
  const found = Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
  return (found.find(({ family }) => family === 'IPv4') ?? found[0])?.address ?? hostname()
}

/** The same for equal keys. The hash is keyed with the key itself, so it is of no use to anybody without that key. */
export const tokenKeyId = (key: string): string =>
  createHmac('sha256', key.trim()).update('fleetwire token key').digest('base64url').slice(0, 16)
