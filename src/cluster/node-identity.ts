import { createHmac, randomBytes } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'

/** The name of this node in its cluster: its own, or made of what tells processes apart. */
export function nodeName({ NODE, PORT }: { NODE?: string; PORT: number }): string {
  if (NODE !== undefined) return NODE
  const host = hostname().replaceAll(/[^A-Za-z0-9_-]/g, '-')
  return `${host.slice(0, 48)}-${PORT === 0 ? randomBytes(4).toString('hex') : PORT}`
}

/** Where other nodes reach the HTTP of this one, which listens at `bound`. */
export function nodeAddress(
  { ADDRESS, HOST }: { ADDRESS?: string; HOST: string },
  bound: { address: string; port: number },
): string {
  if (ADDRESS !== undefined) return ADDRESS
  const isAny = bound.address === '0.0.0.0' || bound.address === '::'
  const host = isAny ? ownAddress() : HOST === 'localhost' ? HOST : bound.address
  return `http://${isIPv6(host) ? `[${host}]` : host}:${bound.port}`
}

/** The first address at which other machines can reach this one. Names of containers and pods are not known everywhere. */
function ownAddress(): string {
  const found = Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
  return (found.find(({ family }) => family === 'IPv4') ?? found[0])?.address ?? hostname()
}

/** The same for the same key. It is keyed by the key itself, so it is of no use to who has not got that. */
export const tokenKeyId = (key: string): string =>
  createHmac('sha256', key.trim()).update('fleetwire token key').digest('base64url').slice(0, 16)
