import { isIP } from 'node:net'
import type { AddressPolicy } from '../address-policy.ts'

/** Below 1024 are the ports of other protocols, whose servers take a request for commands of theirs. */
const LOWEST_FREE_PORT = 1024

/** The address in a host of a URL; undefined if it is a name. The parser has turned every spelling of IPv4 into one. */
export function addressIn({ hostname }: URL): string | undefined {
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return isIP(host) === 0 ? undefined : host
}

export const schemeOf = ({ protocol }: URL): 'http' | 'https' => (protocol === 'http:' ? 'http' : 'https')

/** Why a webhook cannot be sent to this URL, as far as it says by itself; undefined if it may. */
export function urlFlaw(text: string, policy: AddressPolicy): string | undefined {
  if (!URL.canParse(text)) return 'is no URL: give one such as https://example.com/hooks/fleet.'
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `must begin with https://, not ${url.protocol}`
  if (url.username !== '' || url.password !== '')
    return 'must not name a user or a password: deliveries are signed, which proves who sends them.'
  if (url.hash !== '') return 'must not have a fragment (#…), which is never sent.'
  const port = url.port === '' ? undefined : Number(url.port)
  // The parser drops a port that is the scheme's own; the other's is fine too.
  if (port !== undefined && port < LOWEST_FREE_PORT && port !== 80 && port !== 443)
    return `must not name port ${port}: allowed are 80, 443, and ${LOWEST_FREE_PORT} and above.`
  const address = addressIn(url)
  const refusal = address === undefined ? undefined : policy.refusal(address, schemeOf(url))
  return refusal === undefined ? undefined : `leads to an address that is not allowed: ${refusal}.`
}
