import { isIP } from 'node:net'
import type { AddressPolicy } from '../address-policy.ts'

/** Ports below 1024 belong to other protocols, whose servers might interpret a request as commands. */
const LOWEST_FREE_PORT = 1024

/** The IP address in the host of a URL; undefined if it is a name. The URL parser has normalised all forms of IPv4. */
export function addressIn({ hostname }: URL): string | undefined {
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return isIP(host) === 0 ? undefined : host
}

export const schemeOf = ({ protocol }: URL): 'http' | 'https' => (protocol === 'http:' ? 'http' : 'https')

/** Why a webhook cannot be sent to this URL, judging by the URL alone; undefined if it may be. */
export function urlFlaw(text: string, policy: AddressPolicy): string | undefined {
  if (!URL.canParse(text)) return 'is not a valid URL: use one such as https://example.com/hooks/fleet.'
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `must begin with https://, not ${url.protocol}`
  if (url.username !== '' || url.password !== '')
    return 'must not contain a user or a password: deliveries are signed, which proves who sends them.'
  if (url.hash !== '') return 'must not have a fragment (#…), which is never sent.'
  const port = url.port === '' ? undefined : Number(url.port)
  // The parser drops the scheme's own default port; the other scheme's is fine too.
  if (port !== undefined && port < LOWEST_FREE_PORT && port !== 80 && port !== 443)
    return `must not use port ${port}: allowed are 80, 443, and ${LOWEST_FREE_PORT} and above.`
  const address = addressIn(url)
  const refusal = address === undefined ? undefined : policy.refusal(address, schemeOf(url))
  return refusal === undefined ? undefined : `leads to an address that is not allowed: ${refusal}.`
}
