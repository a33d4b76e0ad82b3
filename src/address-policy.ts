import type { LookupAddress } from 'node:dns'
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Network = [Address, bits: number]

/** Ranges that `true` opens: machines of one's own. Link-local is not among them, since clouds keep credentials there. */
const OWN = new Set(['loopback', 'private', 'uniqueLocal', 'carrierGradeNat'])

/**
 * Where clouds answer their machines with credentials, outside of link-local: Azure's is a public address, the others
 * are in ranges that `true` opens.
 */
const METADATA = ['168.63.129.16', '100.100.100.200', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254'].map(text =>
  ipaddr.parse(text).toNormalizedString(),
)

/** Where webhooks may be sent to. */
export interface AddressPolicy {
  /** Nothing but public addresses. */
  readonly isPublicOnly: boolean
  /** Why nothing is sent to an address; undefined if it may be. `scheme` without the colon. */
  refusal(address: string, scheme: 'http' | 'https'): string | undefined
}

/**
 * Reads `WEBHOOK_ALLOW_PRIVATE`: empty or `false` for public addresses alone, `true` for loopback and private ones too,
 * or a list of addresses and networks. Throws an Error that says what is wrong with it.
 */
export function addressPolicy(allowPrivate: string, allowHttp = false): AddressPolicy {
  const setting = allowPrivate.trim()
  const isOff = setting === '' || setting === 'false'
  const isOn = setting === 'true'
  const networks = isOff || isOn ? [] : setting.split(',').map(entry => networkOf(entry.trim()))

  const isNamed = (address: Address) =>
    networks.some(network => network[0].kind() === address.kind() && address.match(network as never))

  function refusal(text: string, scheme: 'http' | 'https'): string | undefined {
    if (!ipaddr.isValid(text)) return `"${text}" is no address`
    // An IPv4 address in the clothes of an IPv6 one is where it leads to.
    const address = ipaddr.process(text)
    if (isNamed(address)) return undefined
    const range = address.range()
    if (METADATA.includes(address.toNormalizedString())) return `${text} is where a cloud keeps its credentials`
    if (isOn && OWN.has(range)) return undefined
    if (range !== 'unicast' || isUnassigned(address)) return `${text} is not public (${rangeNames[range] ?? range})`
    return scheme === 'http' && !allowHttp ? 'it is public, and http is not encrypted: use https' : undefined
  }
  return { isPublicOnly: isOff, refusal }
}

/** Of IPv6, addresses of the internet are in 2000::/3; the library takes what it does not know for one. */
const isUnassigned = (address: Address): boolean => 'parts' in address && address.parts[0]! >> 13 !== 1

const rangeNames: Record<string, string> = {
  linkLocal: 'link-local',
  uniqueLocal: 'unique local',
  carrierGradeNat: 'carrier-grade NAT',
  unicast: 'not assigned',
}

function networkOf(entry: string): Network {
  const flaw = () =>
    new Error(
      `has the entry "${entry}", which is no address and no network: give addresses (10.0.0.7), networks (10.0.0.0/8), or true`,
    )
  try {
    if (entry.includes('/')) return ipaddr.parseCIDR(entry) as Network
    // Not the old ways to write IPv4: 10.1, 012.0.0.1.
    if (!ipaddr.IPv4.isValidFourPartDecimal(entry) && !ipaddr.IPv6.isValid(entry)) throw flaw()
    const address = ipaddr.process(entry)
    return [address, address.kind() === 'ipv4' ? 32 : 128]
  } catch {
    throw flaw()
  }
}

/** Why nothing is sent to a name: all that it resolves to must be allowed, or an attacker mixes one in. */
export function lookupRefusal(
  policy: AddressPolicy,
  addresses: readonly LookupAddress[],
  scheme: 'http' | 'https',
): string | undefined {
  for (const { address } of addresses) {
    const refusal = policy.refusal(address, scheme)
    if (refusal !== undefined) return refusal
  }
  return undefined
}
